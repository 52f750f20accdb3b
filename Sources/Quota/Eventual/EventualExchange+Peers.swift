import Ledger
import Wire

/// Who the peers are.
extension EventualExchange {
    /// There is a way to a peer. A peer is known from now on, until it is removed.
    /// - Returns: false where it is not, since there are more than ``peersMax``: it is told of nothing, and nothing is heard of it.
    @discardableResult
    public mutating func peerConnected(_ peer: ReplicaID, now: UInt64) -> Bool {
        guard peer != replica else { return true }
        if lane(peer) == nil {
            let link = PeerLink(replica: peer, boot: boot, after: given, now: now)
            if let vacant = links.firstIndex(where: { $0 == nil }) {
                links[vacant] = link
            } else if links.count < Self.peersMax {
                links.append(link)
            }
        }
        guard let lane = lane(peer) else { return false }
        links[lane]?.isConnected = true
        send(lane, nil, now: now)
        return true
    }

    /// There is none any more. What changes waits.
    public mutating func peerDisconnected(_ peer: ReplicaID) {
        if let lane = lane(peer) { links[lane]?.isConnected = false }
    }

    /// A peer is no member any more: what was heard from it stays charged, and is otherwise forgotten.
    public mutating func peerRemoved(_ peer: ReplicaID) {
        guard let lane = lane(peer), let link = links[lane] else { return }
        given = (max(given.token, link.greeting.lastToken), max(given.sequence, link.lastSequence))
        links[lane] = nil
        for place in books.indices { books[place].components.clear(lane) }
    }

    func lane(_ peer: ReplicaID) -> Int? { links.firstIndex { $0?.replica == peer } }

    /// The living boot of a peer is another than it was: it knows nothing of what was told.
    ///
    /// One that began after this node is told all there is. One that began before knows what this node knows but for what
    /// this node admitted itself.
    mutating func adopt(_ lane: Int, uptime: UInt64, now: UInt64) {
        links[lane]?.begin(now: now)
        let isLater = uptime < now.minus(began)
        for place in books.indices {
            books[place].components.clear(lane)
            let limit = books[place].limit.id
            var told: [EventualBucketID] = []
            books[place].components.visit { bucket, own in
                if isLater || own.count > 0 { told.append(bucket) }
            }
            for bucket in told {
                let item = PeerLink.Item(limit: limit, bucket: bucket)
                if isLater { links[lane]?.states.append(item) } else { queue(item, lane) }
            }
        }
    }

    /// Forgets some of what has been full for long: each limit has its turn, the one first that was not reached before.
    mutating func forget(now: UInt64) {
        var left = settings.sweptPerRound
        for _ in books.indices where left > 0 {
            if nextSwept >= books.count { nextSwept = 0 }
            left -= forget(nextSwept, places: left, now: now)
            nextSwept += 1
        }
    }

    /// - Returns: how many places were looked at.
    private mutating func forget(_ place: Int, places: Int, now: UInt64) -> Int {
        if books[place].isIdle { return 0 }
        let limit = books[place].limit
        let margin = settings.margin
        let buckets = books[place].sweep.advance(limit, places: places, now: now, settings)
        func isFull(_ bucket: EventualBucketID) -> Bool {
            guard let time = limit.table.find(bucket)?.time(of: bucket) else { return true }
            return time.plus(margin) <= now
        }
        let components = books[place].components.sweep(places) { bucket, own in
            // A count that is not below the clock would hide the next one: it stays.
            guard own.count <= now, own.full.plus(margin) <= now else { return false }
            if bucket == .shared { return isFull(.shared) }
            // While the bucket is there, so are its components; else its fallback may have been charged.
            return limit.table.find(bucket) == nil && isFull(own.fallback)
        }
        return max(buckets, components)
    }
}
