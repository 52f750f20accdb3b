/// One array of a ``ShardedTable``: open addressing with linear probing, at most 4/5 full, 64 KiB at most.
///
/// Keys come with their hashes, which the table has computed already. Of a hash the 12 first bits chose the shard, at the
/// deepest; they say nothing here.
struct TableShard<Entry: TableEntry>: Sendable {
    private(set) var slots: ContiguousArray<Entry>
    /// `slots.count`, kept here since a search that had to read it there would wait for memory twice.
    let slotCount: UInt16
    /// Slots that hold an entry.
    private(set) var count: UInt16
    /// Bits of the hash on which this shard's keys agree.
    let depth: UInt16
    /// Slots that it gets with its first entry.
    private let firstSlots: UInt16

    /// Slots of a shard at most: 64 KiB with the array's own header of 32 bytes.
    static var maxSlots: Int { (65_536 - 32) / MemoryLayout<Entry>.stride }

    /// Entries of a shard at most.
    static var maxEntries: Int { maxSlots * 4 / 5 }

    /// Entries of a shard at most that is made two thirds full.
    static var comfortableEntries: Int { maxSlots * 2 / 3 - 1 }

    private static var leastSlots: Int { 4 }

    /// A shard without entries, and without memory.
    init() {
        self.init(expecting: 0, depth: 0)
    }

    /// A shard without entries, and without memory, that has slots for so many from the first one on.
    init(expecting entries: Int, depth: UInt16) {
        slots = []
        (slotCount, count) = (0, 0)
        self.depth = depth
        firstSlots = UInt16(max(Self.comfortable(for: entries), Self.leastSlots))
    }

    private init(slots count: Int, depth: UInt16) {
        slots = count == 0 ? [] : ContiguousArray(repeating: .vacant, count: count)
        slotCount = UInt16(count)
        self.count = 0
        self.depth = depth
        firstSlots = UInt16(Self.leastSlots)
    }

    /// The slot at which the search for a hash begins.
    @inline(__always)
    private func home(_ hash: UInt64) -> Int {
        Int((hash << 12).multipliedFullWidth(by: UInt64(slotCount)).high)
    }

    // MARK: - Reading

    /// The slot of a key's entry, if there is one.
    @inline(__always)
    func find(_ key: QuotaKey, _ hash: UInt64) -> Int? {
        guard slotCount > 0 else { return nil }
        return slots.withUnsafeBufferPointer { slots in
            var slot = home(hash)
            // A shard is never full, so the search ends.
            while !slots[slot].isVacant {
                if slots[slot].key == key { return slot }
                slot += 1
                if slot == Int(slotCount) { slot = 0 }
            }
            return nil
        }
    }

    subscript(slot: Int) -> Entry {
        @inline(__always) get { slots[slot] }
        @inline(__always) set { slots[slot] = newValue }
    }

    /// Each entry once.
    ///
    /// Not in the order of the slots, which is that of the hashes: a table that is filled in that order, and grows with
    /// what it holds, has them all in its first slots, one behind the other.
    func visit(_ body: (Entry) -> Void) {
        // Shards have at least four slots, or none, so the stride is less than that.
        let count = Int(slotCount)
        var stride = count * 5 / 8 + 1
        while !stride.isCoprime(to: count) { stride += 1 }
        var slot = 0
        for _ in 0..<count {
            if !slots[slot].isVacant { body(slots[slot]) }
            slot += stride
            if slot >= count { slot -= count }
        }
    }

    /// Whether one more entry keeps the shard at most 4/5 full.
    @inline(__always)
    var hasFreeSlot: Bool { (Int(count) + 1) * 5 <= Int(slotCount) * 4 }

    /// Whether it can have more slots.
    var canGrow: Bool { Int(slotCount) < Self.maxSlots }

    /// Bytes of the slots, without the array's header.
    var slotBytes: Int { slots.capacity * MemoryLayout<Entry>.stride }

    // MARK: - Writing

    /// Adds an entry.
    /// - Precondition: its key is not there, and there is a free slot.
    @inline(__always)
    mutating func place(_ entry: Entry, _ hash: UInt64) {
        var slot = home(hash)
        let last = Int(slotCount)
        slots.withUnsafeMutableBufferPointer { slots in
            while !slots[slot].isVacant {
                slot += 1
                if slot == last { slot = 0 }
            }
            slots[slot] = entry
        }
        count += 1
    }

    /// Changes every entry in place. The body must keep the key.
    mutating func updateAll(_ body: (inout Entry) -> Void) {
        for slot in slots.indices where !slots[slot].isVacant { body(&slots[slot]) }
    }

    // MARK: - Shape

    /// Slots for so many entries: two thirds full.
    private static func comfortable(for entries: Int) -> Int {
        entries == 0 ? 0 : min(max(leastSlots, entries * 3 / 2 + 1), maxSlots)
    }

    /// The same entries in a quarter more slots.
    func grown(_ hash: (QuotaKey) -> UInt64) -> TableShard {
        let before = Int(slotCount)
        let after = before == 0 ? Int(firstSlots) : min(before + before / 4 + 1, Self.maxSlots)
        var grown = TableShard(slots: after, depth: depth)
        for entry in slots where !entry.isVacant { grown.place(entry, hash(entry.key)) }
        return grown
    }

    /// The entries without some of them, in fewer slots where it would be less than half full.
    /// - Parameter going: how many `remove` will say yes to.
    func without(_ going: Int, where remove: (Entry) -> Bool, _ hash: (QuotaKey) -> UInt64) -> TableShard {
        let staying = Int(count) - going
        let isRoomy = staying * 2 < Int(slotCount)
        var rest = TableShard(slots: isRoomy ? Self.comfortable(for: staying) : Int(slotCount), depth: depth)
        for entry in slots where !entry.isVacant && !remove(entry) { rest.place(entry, hash(entry.key)) }
        return rest
    }

    /// The entries in two shards, by the next bit of their hashes.
    func split(_ hash: (QuotaKey) -> UInt64) -> (low: TableShard, high: TableShard) {
        let bit = UInt64(1) << UInt64(63 - depth)
        let moving = slots.count { !$0.isVacant && hash($0.key) & bit != 0 }
        var low = TableShard(slots: Self.comfortable(for: Int(count) - moving), depth: depth + 1)
        var high = TableShard(slots: Self.comfortable(for: moving), depth: depth + 1)
        for entry in slots where !entry.isVacant {
            let hash = hash(entry.key)
            if hash & bit == 0 { low.place(entry, hash) } else { high.place(entry, hash) }
        }
        return (low, high)
    }
}

/// What a ``ShardedTable`` holds: a small value without references, and one value of it that means "nothing here".
protocol TableEntry: BitwiseCopyable, Sendable {
    static var vacant: Self { get }
    var isVacant: Bool { get }
    var key: QuotaKey { get }
}

extension Int {
    /// Both at least 0, and not both 0.
    fileprivate func isCoprime(to other: Int) -> Bool {
        var (left, right) = (self, other)
        while right > 0 { (left, right) = (right, left % right) }
        return left == 1
    }
}
