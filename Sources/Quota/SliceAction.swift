import Ledger

/// What a ``SliceBook`` wants done. In this order: what is given back is there for what is asked after it.
public enum SliceAction: Sendable {
    /// Submit it at once; the result goes to ``SliceBook/answered(_:_:now:)`` with this ticket, exactly once.
    case lend(ticket: UInt64, Lend)
    /// Submit it at once; nobody waits for the result.
    case give(SliceReturn)
    /// Tell these loops: ``LoopSlices/granted(_:_:now:)``; what waits there for the bucket tries again.
    case granted(BucketID, Slice, LoopSet)
    /// Tell these loops: ``LoopSlices/refused(_:_:now:)``; what waits there for the bucket tries again, and is answered.
    case refused(BucketID, SliceRefusal, LoopSet)
    /// Tell these loops: for what waits there for the bucket, the ledger cannot be asked now.
    case unavailable(BucketID, LedgerUnavailable, LoopSet)
}

/// Some of a node's event loops, which are numbered from 0. Loops whose numbers differ by 64 count as one: whoever tells the
/// loops of a set tells all that ``contains(_:)``.
public struct LoopSet: Hashable, Sendable {
    private var bits: UInt64 = 0

    /// No loop.
    public init() {}

    /// A loop.
    public init(_ loop: Int) { insert(loop) }

    /// Adds one.
    public mutating func insert(_ loop: Int) { bits |= 1 << UInt64(truncatingIfNeeded: loop & 63) }

    /// Whether a loop is one of them.
    public func contains(_ loop: Int) -> Bool { bits & 1 << UInt64(truncatingIfNeeded: loop & 63) != 0 }
}
