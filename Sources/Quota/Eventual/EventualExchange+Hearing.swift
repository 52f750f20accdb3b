import Ledger
import Wire

/// What is heard from the peers.
extension EventualExchange {
    /// Bytes came from a peer, which the transport made sure of. They may be lost, come twice or in another order.
    /// - Throws: what is wrong with them; nothing was changed then.
    public mutating func received(_ bytes: [UInt8], from peer: ReplicaID, now: UInt64) throws(EventualMessageError) {
        let message = try EventualMessage(decoding: bytes)
        guard message.from == peer else { throw .otherSender }
        let now = max(1, min(now, LedgerTime.maximumNanoseconds))
        // Not the link itself: what waits in it would be copied with the first change.
        guard let lane = lane(peer), let heardAt = links[lane]?.heardAt, let isConnected = links[lane]?.isConnected
        else { return }
        let verdict = links[lane]?.greeting.received(
            from: message.boot,
            to: message.to,
            token: message.token,
            echo: message.echo
        )
        switch verdict {
        case .known: break
        case .adopted: adopt(lane, uptime: message.uptime, now: now)
        case .stranger(let address?):
            if isConnected { send(lane, to: address, nil, now: now) }
            return
        case .stranger(nil), nil: return
        }
        settle(lane, message.receipt, now: now)
        let mayBeLate = now.minus(heardAt) <= settings.lookback
        let isOfLate = links[lane]?.heard(uptime: message.uptime, now: now, settings) == true
        if let part = message.part {
            if part.isState { links[lane]?.heardState(now: now) }
            // A limit may not be known here yet. Then the part is not acknowledged, and its sender tells it again.
            let isWhole = part.entries.allSatisfy { place($0.limit) != nil }
            if links[lane]?.take(part.sequence, isWhole: isWhole, mayBeLate: mayBeLate && isOfLate) == true {
                hear(part, lane, now: now)
            }
        }
        // What there is goes as fast as it arrives; what changes goes in rounds. A receipt goes at once.
        let isTelling = links[lane]?.states.isEmpty == false && tell(lane, now: now) > 0
        if message.part != nil, !isTelling, isConnected { send(lane, nil, now: now) }
    }

    private mutating func hear(_ part: EventualMessage.Part, _ lane: Int, now: UInt64) {
        let lanes = part.origins.map { origin in
            links.firstIndex { $0?.replica == origin.replica && $0?.greeting.peer == origin.boot }
        }
        let me = part.origins.firstIndex { $0.replica == replica && $0.boot == boot }
        for entry in part.entries {
            if part.isState { hearState(entry, lane, lanes, me: me, now: now) } else { hear(entry, lane, now: now) }
        }
    }

    /// A peer told what it admitted.
    private mutating func hear(_ entry: EventualMessage.Entry, _ lane: Int, now: UInt64) {
        guard entry.own.count > 0, let place = place(entry.limit) else { return }
        var units = entry.own.units
        if let position = position(entry, place) {
            units = entry.own.units(above: books[place].components.heard(lane, position))
            books[place].components.hear(lane, position, entry.own.count)
        }
        if units == 0 { return }
        let lookback = settings.lookback
        charge(entry, place) { terms, tat, _ in
            terms.hearing(units, ahead: entry.ahead, lookback: lookback, tat: tat, now: now)
        }
    }

    /// A peer that began earlier told all that it knows of a bucket.
    ///
    /// Its TAT covers all the units that it has heard of. With an interval more for each unit that only this node knows of, it
    /// covers all that either knows, so this node's TAT need not be later; and what the peer knew is known. Of units that are
    /// still in the loops' journals nothing is known here: they are charged once more when they come.
    private mutating func hearState(
        _ entry: EventualMessage.Entry,
        _ lane: Int,
        _ lanes: [Int?],
        me: Int?,
        now: UInt64
    ) {
        // What has been quiet is counted anew when it is used again.
        if entry.ahead < 0, entry.ahead.magnitude >= settings.quiet { return }
        guard let place = place(entry.limit), let position = position(entry, place) else { return }
        // Of what it has told already there is only what is new.
        if books[place].components.heard(lane, position) > 0 { return hear(entry, lane, now: now) }
        let own = books[place].components[position].component
        let ownUnits = own.units(above: me.map { entry.heard[$0] } ?? 0)
        let peerUnits = entry.own.units(above: books[place].components.heard(lane, position))
        let lookback = settings.lookback
        var otherUnits: UInt64 = 0
        for other in links.indices where other != lane {
            let told = lanes.firstIndex(of: other).map { entry.heard[$0] } ?? 0
            otherUnits = otherUnits.plus(books[place].components.heard(other, position).minus(told))
            books[place].components.hear(other, position, told)
        }
        books[place].components.hear(lane, position, entry.own.count)
        var isReplaced = false
        charge(entry, place) { terms, tat, isShared in
            isReplaced = false
            // The peer has nothing that has not come back, and this node's units are charged here.
            guard entry.ahead > 0 else { return max(tat, now) }
            if isShared {
                // Other keys' units are in it, of which the peer's TAT knows nothing. What other peers admitted they tell.
                let told = terms.hearing(peerUnits, ahead: entry.ahead, lookback: lookback, tat: tat, now: now)
                return max(told, now.plus(UInt64(entry.ahead)))
            }
            // Of others this node has not charged more than its TAT says.
            let others = min(otherUnits.times(terms.interval), tat.minus(now))
            let more = ownUnits.times(terms.interval).plus(others)
            let start = min(now.plus(UInt64(entry.ahead)).plus(more), EventualTerms.latest)
            isReplaced = tat > now && start > tat
            return max(tat, start)
        }
        if isReplaced { replaced.insert(PeerLink.Item(limit: entry.limit, bucket: entry.bucket)) }
    }

    /// Where a bucket's components are; nil if there are too many of them. What is heard of such a bucket is charged, and
    /// charged whole again when it is heard of again.
    private mutating func position(_ entry: EventualMessage.Entry, _ place: Int) -> ComponentTable.Position? {
        if let known = books[place].components.find(entry.bucket) { return known }
        guard books[place].components.count < books[place].limit.componentsMax else { return nil }
        return books[place].components.position(entry.bucket, fallback: entry.fallback)
    }

    /// - Parameter change: the TAT that follows from a TAT; it also hears whether that is not the bucket's own, for which
    ///   there is no room, but that of the keys that share.
    private func charge(
        _ entry: EventualMessage.Entry,
        _ place: Int,
        _ change: (EventualTerms, UInt64, Bool) -> UInt64
    ) {
        let limit = books[place].limit
        let terms = limit.terms
        // Another try if the bucket is being forgotten just now: the next is a new one.
        for _ in 0..<2 {
            guard let found = limit.place(entry.bucket, else: entry.fallback, mayInsert: true) else { return }
            if found.place.update(found.bucket, { change(terms, $0, found.bucket != entry.bucket) }) { return }
        }
    }
}
