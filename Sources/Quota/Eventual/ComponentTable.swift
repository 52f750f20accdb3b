/// The components of one limit: for each bucket what this node has told and what it has heard. Confined to the home loop.
///
/// In 64 shards, each of which grows by a quarter, so that no growth copies more than a 64th of it at once. 44 bytes a
/// place without the peers, and 8 for each peer that told of something.
struct ComponentTable: Sendable {
    static let shardBits = 6
    static let mix: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// Where a bucket's components are, until the next insertion or removal.
    struct Position: Sendable {
        var shard: Int
        var slot: Int
    }

    var shards = ContiguousArray(repeating: ComponentShard(), count: 1 << Self.shardBits)
    /// Where the sweep is.
    private var hand = Position(shard: 0, slot: 0)

    @inline(__always)
    private func shard(_ bucket: EventualBucketID) -> Int {
        Int((bucket.rawValue &* Self.mix) >> UInt64(64 - Self.shardBits))
    }

    private(set) var count = 0

    @inline(__always)
    func find(_ bucket: EventualBucketID) -> Position? {
        let shard = shard(bucket)
        return shards[shard].find(bucket).map { Position(shard: shard, slot: $0) }
    }

    /// The bucket's components; new ones, if there are none.
    mutating func position(_ bucket: EventualBucketID, fallback: EventualBucketID) -> Position {
        let shard = shard(bucket)
        if let slot = shards[shard].find(bucket) { return Position(shard: shard, slot: slot) }
        count += 1
        return Position(shard: shard, slot: shards[shard].insert(bucket, ComponentShard.Own(fallback: fallback)))
    }

    subscript(position: Position) -> ComponentShard.Own {
        @inline(__always) get { shards[position.shard].own[position.slot] }
        @inline(__always) set { shards[position.shard].own[position.slot] = newValue }
    }

    func heard(_ lane: Int, _ position: Position) -> UInt64 { shards[position.shard].heard(lane, position.slot) }

    mutating func hear(_ lane: Int, _ position: Position, _ count: UInt64) {
        shards[position.shard].hear(lane, position.slot, count)
    }

    mutating func clear(_ lane: Int) {
        for shard in shards.indices { shards[shard].clear(lane) }
    }

    // MARK: - What waits for a peer

    /// It is to wait for that peer.
    /// - Returns: false if it does already, or the peer knows it as it is.
    mutating func queue(_ lane: Int, _ position: Position) -> Bool {
        let bit: UInt16 = 1 << UInt16(lane)
        let peers = shards[position.shard].peers[position.slot]
        guard (peers.queued | peers.knowing) & bit == 0 else { return false }
        shards[position.shard].peers[position.slot].queued |= bit
        return true
    }

    /// It waits no more.
    /// - Returns: false if the peer knows it as it is.
    mutating func dequeue(_ lane: Int, _ position: Position) -> Bool {
        let bit: UInt16 = 1 << UInt16(lane)
        shards[position.shard].peers[position.slot].queued &= ~bit
        return shards[position.shard].peers[position.slot].knowing & bit == 0
    }

    /// The peer knows a count.
    mutating func known(_ lane: Int, _ position: Position, _ count: UInt64) {
        guard self[position].count == count else { return }
        shards[position.shard].peers[position.slot].knowing |= 1 << UInt16(lane)
    }

    /// The count has changed.
    mutating func changed(_ position: Position) { shards[position.shard].peers[position.slot].knowing = 0 }

    /// Whether the peer knows the count as it is.
    func isKnown(_ lane: Int, _ position: Position) -> Bool {
        shards[position.shard].peers[position.slot].knowing >> UInt16(lane) & 1 == 1
    }

    /// All buckets, in no particular order.
    func visit(_ body: (EventualBucketID, ComponentShard.Own) -> Void) {
        for shard in shards {
            for slot in shard.buckets.indices where shard.buckets[slot] != ComponentShard.nobody {
                body(shard.buckets[slot], shard.own[slot])
            }
        }
    }

    /// Looks at some places, and removes what is over.
    /// - Returns: how many it looked at.
    @discardableResult
    mutating func sweep(_ places: Int, isOver: (EventualBucketID, ComponentShard.Own) -> Bool) -> Int {
        var looked = 0
        var shardsLeft = shards.count
        while looked < places, shardsLeft > 0 {
            guard hand.slot < shards[hand.shard].buckets.count else {
                hand = Position(shard: (hand.shard + 1) % shards.count, slot: 0)
                shardsLeft -= 1
                continue
            }
            looked += 1
            let bucket = shards[hand.shard].buckets[hand.slot]
            if bucket != ComponentShard.nobody, isOver(bucket, shards[hand.shard].own[hand.slot]) {
                // Another may have moved here: it is looked at next.
                shards[hand.shard].remove(at: hand.slot)
                count -= 1
            } else {
                hand.slot += 1
            }
        }
        return looked
    }

    /// Bytes of the arrays.
    var allocatedBytes: Int { shards.reduce(0) { $0 + $1.allocatedBytes } }
}
