/// A hash table in shards, for a million and more small entries under 128-bit keys.
///
/// **Why not a `Dictionary`.** It doubles, copying everything at once; a copy of it that a snapshot holds is paid for at
/// the next write, all at once again; and it takes twice the memory at its worst fill. Here every array has at most
/// 64 KiB, so a write costs one such copy at most, whatever else holds the table; and each shard grows by a quarter, so
/// that it is never less than half full.
///
/// **How.** Extendible hashing: a directory of 2^depth numbers says in which shard the keys of each prefix of the hash
/// are; a shard that is full splits in two by the next bit. Within a shard: open addressing, linear probing, at most
/// 4/5 full. Removal rebuilds the shard, which needs no tombstones.
///
/// **Groups.** The keys whose hashes agree in the 12 first bits are a group. Shards do not split further than that, so a
/// group holds at most ``maxGroupEntries``; with keys that are keyed hashes, and tables as large as ``LedgerBounds``
/// allows, that many never meet. What counts is that whether there is room depends on the keys that are present and not
/// on how they came to lie: see ``hasRoom(for:beside:)``.
///
/// A value. Nothing that can be observed, except the order of ``visit(_:)``, depends on the layout.
struct ShardedTable<Entry: TableEntry>: Sendable {
    /// Where an entry lies, until the next insertion or removal.
    struct Position {
        fileprivate var shard: Int
        fileprivate var slot: Int
    }

    private struct Shard {
        var slots: ContiguousArray<Entry>
        var count: Int32
        /// Bits of the hash on which this shard's keys agree.
        var depth: Int32
    }

    /// Slots of a shard at most: 64 KiB with the array's own header of 32 bytes.
    static var maxSlots: Int { (65_536 - 32) / MemoryLayout<Entry>.stride }

    /// Entries of one group at most.
    static var maxGroupEntries: Int { maxSlots * 4 / 5 }

    private static var maxDepth: Int { 12 }
    private static var leastSlots: Int { 4 }

    /// The number of entries.
    private(set) var count = 0
    private var depth = 0
    private var directory: ContiguousArray<UInt16> = []
    private var shards: ContiguousArray<Shard> = []

    /// The slice of a key: the group it belongs to, 0 to 4,095.
    static func slice(of key: QuotaKey) -> Int { Int(hash(key) >> 52) }

    /// Keys are hashes already; this only makes it harmless if somebody's are not.
    @inline(__always)
    private static func hash(_ key: QuotaKey) -> UInt64 {
        DigestMixer.fold(key.high ^ 0x9216_D5D9_8979_FB1B, key.low ^ 0xD131_0BA6_98DF_B5AC)
    }

    /// The slot at which the search for a hash begins. The first 12 bits choose the shard and say nothing here.
    @inline(__always)
    private static func home(_ hash: UInt64, _ slots: Int) -> Int {
        Int((hash << 12).multipliedFullWidth(by: UInt64(slots)).high)
    }

    @inline(__always)
    private func shardIndex(_ hash: UInt64) -> Int { Int(directory[Int(hash >> UInt64(64 - depth))]) }

    // MARK: - Reading

    /// Where the key's entry lies, if there is one.
    @inline(__always)
    func find(_ key: QuotaKey) -> Position? {
        guard count > 0 else { return nil }
        let hash = Self.hash(key)
        let shard = shardIndex(hash)
        return shards[shard].slots.withUnsafeBufferPointer { slots in
            guard !slots.isEmpty else { return nil }
            var slot = Self.home(hash, slots.count)
            // A shard is never full, so the search ends.
            while !slots[slot].isVacant {
                if slots[slot].key == key { return Position(shard: shard, slot: slot) }
                slot += 1
                if slot == slots.count { slot = 0 }
            }
            return nil
        }
    }

    /// The entry at a position. Writing must keep its key.
    subscript(position: Position) -> Entry {
        @inline(__always) get { shards[position.shard].slots[position.slot] }
        @inline(__always) set { shards[position.shard].slots[position.slot] = newValue }
    }

    subscript(key: QuotaKey) -> Entry? { find(key).map { self[$0] } }

    /// Each entry once, in no particular order: what is made of them must not depend on it.
    func visit(_ body: (Entry) -> Void) {
        for shard in shards {
            for entry in shard.slots where !entry.isVacant { body(entry) }
        }
    }

    /// Whether one more key fits, beside `others` that will be inserted too and may fall in the same group.
    ///
    /// The answer depends on the keys present only: a shard above the group's bound splits, down to the group.
    func hasRoom(for key: QuotaKey, beside others: Int) -> Bool {
        guard count > 0 else { return others < Self.maxGroupEntries }
        let hash = Self.hash(key)
        let shard = shards[shardIndex(hash)]
        if Int(shard.count) + others < Self.maxGroupEntries { return true }
        var group = 0
        for entry in shard.slots where !entry.isVacant && Self.hash(entry.key) >> 52 == hash >> 52 { group += 1 }
        return group + others < Self.maxGroupEntries
    }

    /// Bytes that the arrays take, with their headers and the allocator's: what the table adds to resident memory.
    var allocatedBytes: Int {
        let overhead = 48
        var bytes = directory.capacity * 2 + shards.capacity * MemoryLayout<Shard>.stride + 2 * overhead
        for shard in shards where shard.slots.capacity > 0 {
            bytes += shard.slots.capacity * MemoryLayout<Entry>.stride + overhead
        }
        return bytes
    }

    /// Slots of the largest array, in bytes.
    var largestArrayBytes: Int {
        let slots = shards.map { $0.slots.capacity * MemoryLayout<Entry>.stride }.max() ?? 0
        return max(slots, directory.capacity * 2, shards.capacity * MemoryLayout<Shard>.stride)
    }

    // MARK: - Writing

    /// Adds an entry.
    /// - Precondition: its key is not there, and ``hasRoom(for:beside:)`` said yes.
    mutating func insert(_ entry: Entry) {
        let hash = Self.hash(entry.key)
        if shards.isEmpty {
            shards.append(Shard(slots: [], count: 0, depth: 0))
            directory = [0]
        }
        while true {
            let index = shardIndex(hash)
            let slots = shards[index].slots.count
            if (Int(shards[index].count) + 1) * 5 <= slots * 4 {
                Self.place(entry, hash, in: &shards[index].slots)
                shards[index].count += 1
                count += 1
                return
            }
            if slots < Self.maxSlots {
                resize(index, to: slots == 0 ? Self.leastSlots : min(slots + slots / 4 + 1, Self.maxSlots))
            } else {
                split(index)
            }
        }
    }

    /// Changes every entry in place. The body must keep the key.
    mutating func updateAll(_ body: (inout Entry) -> Void) {
        for index in shards.indices {
            for slot in shards[index].slots.indices where !shards[index].slots[slot].isVacant {
                body(&shards[index].slots[slot])
            }
        }
    }

    /// Removes what `remove` says of the entries in these slices; `removed` hears of each, in no particular order.
    mutating func removeAll(
        inSlices slices: Range<Int>,
        where remove: (Entry) -> Bool,
        removed: (Entry) -> Void
    ) {
        guard count > 0, !slices.isEmpty else { return }
        let shift = Self.maxDepth - depth
        var last = -1
        for place in (slices.lowerBound >> shift)...((slices.upperBound - 1) >> shift) {
            let index = Int(directory[place])
            // Neighbours in the directory may be the same shard; those of one shard are next to each other.
            guard index != last else { continue }
            last = index
            removeAll(inShard: index) {
                slices.contains(Self.slice(of: $0.key)) && remove($0)
            } removed: {
                removed($0)
            }
        }
    }

    /// Removes one key's entry, if there is one.
    mutating func remove(_ key: QuotaKey) {
        guard count > 0 else { return }
        removeAll(inShard: shardIndex(Self.hash(key))) {
            $0.key == key
        } removed: { _ in
        }
    }

    private mutating func removeAll(
        inShard index: Int,
        where remove: (Entry) -> Bool,
        removed: (Entry) -> Void
    ) {
        // Looking comes first: a shard from which nothing goes is not written, hence never copied for a snapshot's sake.
        var going = 0
        for entry in shards[index].slots where !entry.isVacant && remove(entry) {
            going += 1
            removed(entry)
        }
        guard going > 0 else { return }
        let staying = Int(shards[index].count) - going
        var slots = ContiguousArray<Entry>()
        if staying > 0 {
            let before = shards[index].slots.count
            slots = .init(
                repeating: .vacant,
                count: staying * 2 < before ? Self.comfortable(for: staying) : before
            )
            for entry in shards[index].slots where !entry.isVacant && !remove(entry) {
                Self.place(entry, Self.hash(entry.key), in: &slots)
            }
        }
        shards[index].slots = slots
        shards[index].count = Int32(staying)
        count -= going
    }

    // MARK: - Shape

    /// Slots for so many entries: two thirds full.
    private static func comfortable(for entries: Int) -> Int {
        min(max(leastSlots, entries * 3 / 2 + 1), maxSlots)
    }

    @inline(__always)
    private static func place(_ entry: Entry, _ hash: UInt64, in slots: inout ContiguousArray<Entry>) {
        slots.withUnsafeMutableBufferPointer { slots in
            var slot = home(hash, slots.count)
            while !slots[slot].isVacant {
                slot += 1
                if slot == slots.count { slot = 0 }
            }
            slots[slot] = entry
        }
    }

    private mutating func resize(_ index: Int, to slots: Int) {
        var wider = ContiguousArray<Entry>(repeating: .vacant, count: slots)
        for entry in shards[index].slots where !entry.isVacant {
            Self.place(entry, Self.hash(entry.key), in: &wider)
        }
        shards[index].slots = wider
    }

    private mutating func split(_ index: Int) {
        let shardDepth = Int(shards[index].depth)
        precondition(shardDepth < Self.maxDepth, "a group has more entries than it has room for")
        if shardDepth == depth {
            var doubled = ContiguousArray<UInt16>()
            doubled.reserveCapacity(directory.count * 2)
            for shard in directory {
                doubled.append(shard)
                doubled.append(shard)
            }
            directory = doubled
            depth += 1
        }
        let bit = UInt64(1) << UInt64(63 - shardDepth)
        let entries = shards[index].slots.filter { !$0.isVacant }
        let moving = entries.reduce(0) { $0 + (Self.hash($1.key) & bit == 0 ? 0 : 1) }
        var low = ContiguousArray<Entry>(
            repeating: .vacant,
            count: Self.comfortable(for: entries.count - moving)
        )
        var high = ContiguousArray<Entry>(repeating: .vacant, count: Self.comfortable(for: moving))
        for entry in entries {
            let hash = Self.hash(entry.key)
            if hash & bit == 0 { Self.place(entry, hash, in: &low) } else { Self.place(entry, hash, in: &high) }
        }
        shards[index] = Shard(
            slots: low,
            count: Int32(entries.count - moving),
            depth: Int32(shardDepth + 1)
        )
        shards.append(Shard(slots: high, count: Int32(moving), depth: Int32(shardDepth + 1)))
        let new = UInt16(shards.count - 1)
        for place in directory.indices
        where Int(directory[place]) == index && (place >> (depth - 1 - shardDepth)) & 1 == 1 {
            directory[place] = new
        }
    }
}

/// What a ``ShardedTable`` holds: a small value without references, and one value of it that means "nothing here".
protocol TableEntry: BitwiseCopyable, Sendable {
    static var vacant: Self { get }
    var isVacant: Bool { get }
    var key: QuotaKey { get }
}
