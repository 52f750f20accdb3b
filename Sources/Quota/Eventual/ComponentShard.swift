/// One part of a ``ComponentTable``: open addressing with linear probing, at most 4/5 full, in arrays side by side.
///
/// Of a peer that never told of a bucket here there is no lane, and with it no memory.
struct ComponentShard: Sendable {
    /// What this node has told of a bucket, or will.
    struct Own: Sendable {
        var fallback: EventualBucketID
        /// Where the counting began; with `count`, 0: this node admitted nothing.
        var base: UInt64 = 0
        var count: UInt64 = 0
        /// When the bucket was to be full, as of this node's last admission.
        var full: UInt64 = 0

        var component: Component { Component(count: count, units: count - base) }
    }

    private(set) var buckets: ContiguousArray<EventualBucketID> = []
    var own: ContiguousArray<Own> = []
    /// One bit for each peer.
    struct Peers: Sendable {
        /// Those in whose queues the bucket waits.
        var queued: UInt16 = 0
        /// Those that have said that they know the count as it is.
        var knowing: UInt16 = 0
    }

    var peers: ContiguousArray<Peers> = []
    /// Counts heard from each peer; 0: none.
    private var lanes: ContiguousArray<ContiguousArray<UInt64>> = []
    private(set) var count = 0

    static let nobody = EventualBucketID(rawValue: 0)

    @inline(__always)
    private func home(_ bucket: EventualBucketID) -> Int {
        // The shard was chosen by the highest bits of the same product.
        let mixed = (bucket.rawValue &* ComponentTable.mix) << ComponentTable.shardBits
        return Int(mixed.multipliedFullWidth(by: UInt64(buckets.count)).high)
    }

    @inline(__always)
    func find(_ bucket: EventualBucketID) -> Int? {
        guard count > 0 else { return nil }
        var slot = home(bucket)
        while buckets[slot] != Self.nobody {
            if buckets[slot] == bucket { return slot }
            slot = slot + 1 == buckets.count ? 0 : slot + 1
        }
        return nil
    }

    /// Adds a bucket that is not there.
    mutating func insert(_ bucket: EventualBucketID, _ value: Own) -> Int {
        if (count + 1) * 5 > buckets.count * 4 { grow() }
        let slot = place(bucket)
        own[slot] = value
        return slot
    }

    private mutating func place(_ bucket: EventualBucketID) -> Int {
        var slot = home(bucket)
        while buckets[slot] != Self.nobody { slot = slot + 1 == buckets.count ? 0 : slot + 1 }
        buckets[slot] = bucket
        count += 1
        return slot
    }

    private mutating func grow() {
        let old = self
        let size = old.buckets.count + old.buckets.count / 4 + 8
        buckets = ContiguousArray(repeating: Self.nobody, count: size)
        own = ContiguousArray(repeating: Own(fallback: .shared), count: size)
        peers = ContiguousArray(repeating: Peers(), count: size)
        for lane in lanes.indices where !lanes[lane].isEmpty {
            lanes[lane] = ContiguousArray(repeating: 0, count: size)
        }
        count = 0
        for slot in old.buckets.indices where old.buckets[slot] != Self.nobody {
            copy(old, slot, to: place(old.buckets[slot]))
        }
    }

    private mutating func copy(_ other: borrowing ComponentShard, _ from: Int, to slot: Int) {
        own[slot] = other.own[from]
        peers[slot] = other.peers[from]
        for lane in lanes.indices where !lanes[lane].isEmpty { lanes[lane][slot] = other.lanes[lane][from] }
    }

    /// Removes the bucket of a slot, and moves back what would not be found across it.
    mutating func remove(at slot: Int) {
        var gap = slot
        var next = slot
        while true {
            next = next + 1 == buckets.count ? 0 : next + 1
            if buckets[next] == Self.nobody { break }
            let home = home(buckets[next])
            if distance(from: home, to: next) >= distance(from: gap, to: next) {
                move(next, to: gap)
                gap = next
            }
        }
        buckets[gap] = Self.nobody
        peers[gap] = Peers()
        for lane in lanes.indices where !lanes[lane].isEmpty { lanes[lane][gap] = 0 }
        count -= 1
    }

    private func distance(from: Int, to: Int) -> Int { to >= from ? to - from : to - from + buckets.count }

    private mutating func move(_ from: Int, to slot: Int) {
        buckets[slot] = buckets[from]
        own[slot] = own[from]
        peers[slot] = peers[from]
        for lane in lanes.indices where !lanes[lane].isEmpty { lanes[lane][slot] = lanes[lane][from] }
    }

    // MARK: - What was heard

    /// The count that was heard from a peer.
    @inline(__always)
    func heard(_ lane: Int, _ slot: Int) -> UInt64 {
        lane < lanes.count && !lanes[lane].isEmpty ? lanes[lane][slot] : 0
    }

    /// Takes the greater of what was heard and is heard now.
    @inline(__always)
    mutating func hear(_ lane: Int, _ slot: Int, _ count: UInt64) {
        guard count > heard(lane, slot) else { return }
        while lanes.count <= lane { lanes.append([]) }
        if lanes[lane].isEmpty { lanes[lane] = ContiguousArray(repeating: 0, count: buckets.count) }
        lanes[lane][slot] = count
    }

    /// Forgets all that was heard from a peer, and what waits for it.
    mutating func clear(_ lane: Int) {
        if lane < lanes.count { lanes[lane] = [] }
        let others: UInt16 = ~(1 << UInt16(lane))
        for slot in peers.indices {
            peers[slot].queued &= others
            peers[slot].knowing &= others
        }
    }

    /// Bytes of the arrays.
    var allocatedBytes: Int {
        let lanes = lanes.reduce(0) { $0 + $1.capacity * 8 + 32 }
        return lanes + buckets.capacity * 8 + own.capacity * MemoryLayout<Own>.stride + peers.capacity * 4 + 96
    }
}
