/// What an event loop knows of buckets: slices, or why there is none. A hash table with linear probing.
///
/// Bounded: at ``countMax`` a new bucket takes the place of another. What is over is forgotten a few at a time, as new ones
/// come and as time passes; the table grows by doubling, to twice ``countMax`` places of 48 bytes, and does not shrink.
struct LoopTable {
    struct Entry {
        /// Spent first.
        var current: Slice?
        /// Spent when that is.
        var next: Slice?
        /// Why there is no other.
        var refusal: SliceRefusal?

        @inline(__always)
        var isVacant: Bool { current == nil && next == nil && refusal == nil }

        /// Whether there is nothing in it that could be of use.
        func isOver(now: UInt64) -> Bool {
            !(current?.isOpen(at: now) ?? false) && !(next?.isOpen(at: now) ?? false)
                && now >= refusal?.until ?? 0
        }
    }

    private struct Slot {
        var id: BucketID
        var entry: Entry
    }

    /// Places looked at for each bucket that comes.
    private static var sweptPerInsert: Int { 4 }

    let countMax: Int
    private(set) var count = 0
    private var slots: ContiguousArray<Slot>
    /// Where the sweep is.
    private var hand = 0

    /// An empty table.
    init(countMax: Int) {
        self.countMax = max(1, countMax)
        slots = Self.vacant(64)
    }

    private static func vacant(_ places: Int) -> ContiguousArray<Slot> {
        let nobody = BucketID(limit: .init(rawValue: 0), key: .init(high: 0, low: 0), reserve: 0)
        return ContiguousArray(repeating: Slot(id: nobody, entry: Entry()), count: places)
    }

    @inline(__always)
    private var mask: Int { slots.count - 1 }

    @inline(__always)
    private func home(_ id: BucketID) -> Int { Int(truncatingIfNeeded: id.hash) & mask }

    /// A bucket's place, until the next insertion or sweep.
    @inline(__always)
    func find(_ id: BucketID) -> Int? {
        var place = home(id)
        // Half of the places are vacant.
        while !slots[place].entry.isVacant {
            if slots[place].id == id { return place }
            place = (place + 1) & mask
        }
        return nil
    }

    /// What is known of the bucket at a place that ``find(_:)`` told.
    subscript(place: Int) -> Entry {
        @inline(__always) _read { yield slots[place].entry }
        @inline(__always) _modify { yield &slots[place].entry }
    }

    /// The slices of the bucket at a place, without references of their own, which the loops of a node would count in each
    /// other's way: good until the table changes.
    @inline(__always)
    func slices(_ place: Int) -> (current: Unmanaged<Slice>?, next: Unmanaged<Slice>?) {
        (
            slots[place].entry.current.map(Unmanaged.passUnretained),
            slots[place].entry.next.map(Unmanaged.passUnretained)
        )
    }

    /// Sets what is known of a bucket.
    /// - Precondition: it is not vacant.
    mutating func set(_ id: BucketID, _ entry: Entry, now: UInt64) {
        precondition(!entry.isVacant, "a vacant entry is no entry")
        if let place = find(id) {
            slots[place].entry = entry
            return
        }
        sweep(places: Self.sweptPerInsert, now: now)
        if count >= countMax { evict(now: now) }
        if 2 * (count + 1) > slots.count { grow() }
        insert(Slot(id: id, entry: entry))
    }

    /// Forgets what is over in some of the places, each in its turn.
    mutating func sweep(places: Int, now: UInt64) {
        for _ in 0..<min(places, slots.count) where count > 0 {
            if !slots[hand].entry.isVacant, slots[hand].entry.isOver(now: now) {
                // Another may have moved here: it is looked at next.
                remove(at: hand)
            } else {
                hand = (hand + 1) & mask
            }
        }
    }

    /// Makes room for one: of what is over, or else of whatever comes next.
    private mutating func evict(now: UInt64) {
        sweep(places: 64, now: now)
        while count >= countMax {
            if !slots[hand].entry.isVacant { remove(at: hand) }
            hand = (hand + 1) & mask
        }
    }

    private mutating func insert(_ slot: Slot) {
        var place = home(slot.id)
        while !slots[place].entry.isVacant { place = (place + 1) & mask }
        slots[place] = slot
        count += 1
    }

    /// Empties a place, and moves back what would not be found across it.
    private mutating func remove(at place: Int) {
        var gap = place
        var place = (place + 1) & mask
        while !slots[place].entry.isVacant {
            let home = home(slots[place].id)
            if (place - home) & mask >= (place - gap) & mask {
                slots[gap] = slots[place]
                gap = place
            }
            place = (place + 1) & mask
        }
        slots[gap].entry = Entry()
        count -= 1
    }

    private mutating func grow() {
        let old = slots
        slots = Self.vacant(2 * old.count)
        count = 0
        hand = 0
        for slot in old where !slot.entry.isVacant { insert(slot) }
    }
}
