/// A hash table in shards, for a million and more small entries under 128-bit keys.
///
/// **Why not a `Dictionary`.** It doubles, copying everything at once; a copy of it that a snapshot holds is paid for at
/// the next write, all at once again; and it takes twice the memory at its worst fill. Here every array has at most
/// 64 KiB, so a write costs one such copy at most, whatever else holds the table; and each shard grows by a quarter, so
/// that it is never less than half full.
///
/// **How.** Extendible hashing: a directory of 2^depth numbers says in which ``TableShard`` the keys of each prefix of
/// the hash are; a shard that can grow no more splits in two by the next bit. Removal rebuilds the shard, which needs no
/// tombstones.
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

    /// Entries of one group at most.
    static var maxGroupEntries: Int { TableShard<Entry>.maxEntries }

    private static var maxDepth: Int { 12 }

    /// The number of entries.
    private(set) var count = 0
    private var depth = 0
    private var directory: ContiguousArray<UInt16> = []
    private var shards: ContiguousArray<TableShard<Entry>> = []

    /// An empty table, without memory.
    init() {}

    /// An empty table with the shards of one with so many entries: where keys are spread as hashes are, none of them grows
    /// or splits on the way there. A shard takes memory when its first entry comes.
    init(expecting entries: Int) {
        guard entries > 0 else { return }
        while depth < Self.maxDepth, entries >> depth >= TableShard<Entry>.comfortableEntries { depth += 1 }
        let share = (entries - 1) >> depth + 1
        directory = ContiguousArray(0..<UInt16(1 << depth))
        shards = ContiguousArray(repeating: TableShard(expecting: share, depth: UInt16(depth)), count: 1 << depth)
    }

    /// The slice of a key: the group it belongs to, 0 to 4,095.
    static func slice(of key: QuotaKey) -> Int { Int(hash(key) >> 52) }

    /// Keys are hashes already; this only makes it harmless if somebody's are not.
    @inline(__always)
    private static func hash(_ key: QuotaKey) -> UInt64 {
        DigestMixer.fold(key.high ^ 0x9216_D5D9_8979_FB1B, key.low ^ 0xD131_0BA6_98DF_B5AC)
    }

    /// - Precondition: there is a shard.
    @inline(__always)
    private func shardIndex(_ hash: UInt64) -> Int { Int(directory[Int(hash >> UInt64(64 - depth))]) }

    // MARK: - Reading

    /// Where the key's entry lies, if there is one.
    @inline(__always)
    func find(_ key: QuotaKey) -> Position? {
        guard count > 0 else { return nil }
        let hash = Self.hash(key)
        let shard = shardIndex(hash)
        return shards[shard].find(key, hash).map { Position(shard: shard, slot: $0) }
    }

    /// The entry at a position. Writing must keep its key.
    subscript(position: Position) -> Entry {
        @inline(__always) get { shards[position.shard][position.slot] }
        @inline(__always) set { shards[position.shard][position.slot] = newValue }
    }

    subscript(key: QuotaKey) -> Entry? { find(key).map { self[$0] } }

    /// Each entry once, in no particular order: what is made of them must not depend on it.
    func visit(_ body: (Entry) -> Void) {
        for shard in shards.indices { visit(shard: shard, body) }
    }

    /// How many arrays the entries are in.
    var shardCount: Int { shards.count }

    /// Each entry of one of ``shardCount`` arrays.
    func visit(shard: Int, _ body: (Entry) -> Void) {
        shards[shard].visit(body)
    }

    /// Whether one more key fits, beside `others` that will be inserted too and may fall in the same group.
    ///
    /// The answer depends on the keys present only: a shard above the group's bound splits, down to the group.
    func hasRoom(for key: QuotaKey, beside others: Int) -> Bool {
        guard count > 0 else { return others < Self.maxGroupEntries }
        let hash = Self.hash(key)
        return hasRoom(hash, in: shardIndex(hash), beside: others)
    }

    private func hasRoom(_ hash: UInt64, in index: Int, beside others: Int) -> Bool {
        if Int(shards[index].count) + others < Self.maxGroupEntries { return true }
        var group = 0
        for entry in shards[index].slots where !entry.isVacant && Self.hash(entry.key) >> 52 == hash >> 52 {
            group += 1
        }
        return group + others < Self.maxGroupEntries
    }

    /// Bytes that the arrays take, with their headers and the allocator's: what the table adds to resident memory.
    var allocatedBytes: Int {
        let overhead = 48
        let own = directory.capacity * 2 + shards.capacity * MemoryLayout<TableShard<Entry>>.stride + 2 * overhead
        return shards.reduce(own) { $1.slotBytes > 0 ? $0 + $1.slotBytes + overhead : $0 }
    }

    /// Bytes of the largest array, without its header.
    var largestArrayBytes: Int {
        let slots = shards.map(\.slotBytes).max() ?? 0
        return max(slots, directory.capacity * 2, shards.count * MemoryLayout<TableShard<Entry>>.stride)
    }

    // MARK: - Writing

    /// Adds an entry.
    /// - Precondition: its key is not there, and ``hasRoom(for:beside:)`` said yes.
    mutating func insert(_ entry: Entry) {
        let hash = Self.hash(entry.key)
        if shards.isEmpty {
            shards.append(TableShard())
            directory = [0]
        }
        insert(entry, hash, shardIndex(hash))
    }

    /// Adds an entry, unless its key is there or there is no room for it.
    /// - Returns: whether it was added.
    mutating func insertIfNew(_ entry: Entry) -> Bool {
        guard count > 0 else {
            insert(entry)
            return true
        }
        let hash = Self.hash(entry.key)
        let index = shardIndex(hash)
        guard shards[index].find(entry.key, hash) == nil, hasRoom(hash, in: index, beside: 0) else { return false }
        insert(entry, hash, index)
        return true
    }

    private mutating func insert(_ entry: Entry, _ hash: UInt64, _ place: Int) {
        var index = place
        while !shards[index].hasFreeSlot {
            if shards[index].canGrow {
                shards[index] = shards[index].grown(Self.hash)
            } else {
                split(index)
                index = shardIndex(hash)
            }
        }
        shards[index].place(entry, hash)
        count += 1
    }

    /// Changes every entry in place. The body must keep the key.
    mutating func updateAll(_ body: (inout Entry) -> Void) {
        for index in shards.indices where shards[index].count > 0 { shards[index].updateAll(body) }
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
                remove($0) && slices.contains(Self.slice(of: $0.key))
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
        shards[index] = shards[index].without(going, where: remove, Self.hash)
        count -= going
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
        let (low, high) = shards[index].split(Self.hash)
        shards[index] = low
        shards.append(high)
        let new = UInt16(shards.count - 1)
        for place in directory.indices
        where Int(directory[place]) == index && (place >> (depth - 1 - shardDepth)) & 1 == 1 {
            directory[place] = new
        }
    }
}
