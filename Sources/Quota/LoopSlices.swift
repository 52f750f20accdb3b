import Ledger

/// The slices that one event loop of a node spends, and what it knows of buckets that have none.
///
/// Confined to its loop; the slices are shared with the node's other loops. Requests are paid here, at memory speed, by
/// ``pay(_:mayWait:now:)``; what is lacking is asked of the node's ``SliceBook``, whose answers come to ``granted(_:_:now:)``
/// and ``refused(_:_:now:)``. All times are nanoseconds of the node's clock, read just before: a slice must not be spent
/// after its end.
public struct LoopSlices {
    /// Buckets known at a time.
    public static let bucketsMax = 131_072
    /// How often a request waits for slices at most; then it pays with `mayWait: false`. Where many want what little there is,
    /// each round grants some of it or refuses all of them, so that hardly any request waits so often.
    public static let waitsMax = 4
    /// Places of the table that a ``tick(now:)`` looks at.
    private static var sweptPerTick: Int { 4_096 }

    // The parts are internal so that the files of this type can share them.
    var table: LoopTable
    var rates: RateTable
    var low: [BucketID] = []

    /// A loop that knows nothing.
    /// - Parameter loops: of the node, over which requests are spread evenly.
    public init(loops: Int, bucketsMax: Int = Self.bucketsMax) {
        table = LoopTable(countMax: bucketsMax)
        rates = RateTable(loops: loops)
    }

    /// Buckets known now.
    public var count: Int { table.count }

    /// The node was lent a slice of a bucket.
    public mutating func granted(_ id: BucketID, _ slice: Slice, now: UInt64) {
        var entry = table.find(id).map { table[$0] } ?? LoopTable.Entry()
        entry.refusal = nil
        if entry.current === slice || entry.next === slice {
        } else if entry.current.map({ $0.isOpen(at: now) && $0.left > 0 }) ?? false {
            // Of three the oldest is let go; the book returns what is left of it.
            if let next = entry.next, next.isOpen(at: now) { entry.current = next }
            entry.next = slice
        } else {
            entry.current = entry.next ?? slice
            entry.next = entry.next == nil ? nil : slice
        }
        table.set(id, entry, now: now)
    }

    /// The node has no slice of a bucket.
    public mutating func refused(_ id: BucketID, _ refusal: SliceRefusal, now: UInt64) {
        var entry = table.find(id).map { table[$0] } ?? LoopTable.Entry()
        entry.refusal = refusal
        table.set(id, entry, now: now)
    }

    /// Buckets of which a slice turned low since the last call: ``SliceBook/low(_:now:)`` is for them.
    public mutating func takeLow() -> [BucketID] {
        if low.isEmpty { return [] }
        defer { low = [] }
        return low
    }

    /// Whether ``takeLow()`` has something.
    public var hasLow: Bool { !low.isEmpty }

    /// Forgets some of what is over. To be called now and then, such as every 50 ms.
    public mutating func tick(now: UInt64) { table.sweep(places: Self.sweptPerTick, now: now) }

    @inline(__always)
    mutating func noteIfLow(_ slice: Slice, _ id: BucketID) {
        if slice.turnsLow() { low.append(id) }
    }

    /// The bucket at a place as clients may know it.
    @inline(__always)
    func state(_ place: Int, now: UInt64) -> LimitState? {
        let (current, next) = table.slices(place)
        guard let newest = next ?? current else { return nil }
        var left = newest._withUnsafeGuaranteedRef { $0.left }
        if next != nil, let current {
            left = left.plus(current._withUnsafeGuaranteedRef { $0.isOpen(at: now) ? $0.left : 0 })
        }
        return newest._withUnsafeGuaranteedRef { $0.state(left: left, now: now) }
    }
}
