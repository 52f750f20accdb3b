import Ledger

/// A bucket in the book: its slices, and what is going on to get the next.
///
/// It is there as long as one of these is: slices, a request under way, something that waits.
struct HeldBucket: Sendable {
    let policy: PolicyID
    let limit: LimitCharge
    /// Loops that have asked since it is there: they are told of every slice.
    var loops = LoopSet()
    /// Loops in which something waits.
    var waiting = LoopSet()
    /// The oldest first.
    var slices: ContiguousArray<HeldSlice> = []
    /// What waits.
    var demand: Demand?
    /// Whether a request is under way.
    var isAsking = false
    /// Requests that were in vain for what waits.
    var tries = 0
    /// What the queues' entries of this bucket say; others of theirs are stale.
    var reviewAt: UInt64?
    var recallAt: UInt64?
    var retryAt: UInt64?
    /// Until when somebody else wants what lies idle.
    var recalledUntil: UInt64 = 0
    var loans = OwnLoans()

    init(policy: PolicyID, limit: LimitCharge) {
        self.policy = policy
        self.limit = limit
    }

    var isIdle: Bool { slices.isEmpty && demand == nil && !isAsking }

    /// A slice that has so many units and is not over before a moment.
    func usable(for units: UInt32, now: UInt64) -> Slice? {
        slices.last { $0.slice.isOpen(at: now) && $0.slice.left >= UInt64(max(1, units)) }?.slice
    }

    /// Nothing waits any more.
    /// - Returns: where something did.
    mutating func answerAll() -> LoopSet {
        demand = nil
        tries = 0
        defer { waiting = LoopSet() }
        return waiting
    }

    mutating func wait(_ units: UInt32) {
        if demand == nil { demand = Demand(units) } else { demand?.add(units) }
    }
}
