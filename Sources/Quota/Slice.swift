import Ledger
import Synchronization

/// Units of one bucket that this node may spend by itself, until a moment of its own clock.
///
/// All event loops of the node share it and take from it at once, without a lock: everything is one atomic word, the units
/// that are left and three flags above them. Who takes says so exactly once; units that are reserved for a request that
/// other limits may yet refuse are put back or kept.
///
///     open ─ stop() ─▶ stopped: nothing is taken, reservations may still be put back ─ seal() ─▶ sealed: nothing changes
///
/// The units at the moment of the seal are what is returned to the ledger. A reservation that comes back later is lost:
/// nobody else may have it, and the bucket regains it in its own time. So who seals stops first, and waits for
/// ``hasReservations`` to become false as long as it can.
public final class Slice: Sendable {
    /// More units than anybody spends in the life of a slice; of a greater loan the rest is not spent.
    public static let unitsMax: UInt64 = 1 << 60
    private static let sealed: UInt64 = 1 << 63
    private static let stopped: UInt64 = 1 << 62
    private static let toldLow: UInt64 = 1 << 61
    private static let unitsMask: UInt64 = toldLow - 1

    // What every payment reads is together, in one or two lines of a cache, where of many slices there is none. What it reads
    // before it takes anything is at both ends, so that it does not wait for one line after the other.

    /// Units left, and the flags.
    private let word: Atomic<UInt64>
    /// Units lent.
    public let units: UInt64
    /// When the node heard of it.
    public let grantedAt: UInt64
    /// About how long a unit takes to come back to the bucket, in nanoseconds; at least 1.
    private let interval: UInt64
    /// The bucket without these units, when they were lent.
    public let state: LimitState
    /// Nothing may be taken from this moment on: nanoseconds of the node's clock.
    public let stopsAt: UInt64
    /// Reservations that are neither put back nor kept, and those that are being tried.
    private let reservations = Atomic<UInt64>(0)
    /// What the ledger calls it: see ``SliceReturn/slice``.
    public let id: SliceID

    /// A slice of which nothing has been taken.
    public init(id: SliceID, units: UInt64, state: LimitState, grantedAt: UInt64, stopsAt: UInt64) {
        self.id = id
        self.units = min(units, Self.unitsMax)
        self.state = state
        self.grantedAt = grantedAt
        self.stopsAt = stopsAt
        interval = Self.interval(of: state)
        word = Atomic(min(units, Self.unitsMax))
    }

    /// Takes units, all of them or none. Any thread.
    ///
    /// The caller has looked that it is not ``stopsAt`` yet.
    /// - Returns: whether they are the caller's.
    public func take(_ count: UInt64) -> Bool {
        var seen = word.load(ordering: .relaxed)
        while true {
            guard seen & (Self.sealed | Self.stopped) == 0, seen & Self.unitsMask >= count else { return false }
            // The units are the lower bits, and there are as many: no flag is borrowed from.
            let (done, now) = word.weakCompareExchange(
                expected: seen,
                desired: seen - count,
                successOrdering: .acquiringAndReleasing,
                failureOrdering: .relaxed
            )
            if done { return true }
            seen = now
        }
    }

    /// Takes units for a request that may yet be refused. Any thread.
    ///
    /// If it returns true, exactly one ``putBack(_:)`` or ``keep()`` follows.
    public func reserve(_ count: UInt64) -> Bool {
        // First, so that whoever stops the slice after the units are taken sees it.
        reservations.add(1, ordering: .relaxed)
        if take(count) { return true }
        reservations.subtract(1, ordering: .releasing)
        return false
    }

    /// Gives back what was reserved: nobody has had it. Any thread.
    /// - Returns: false if the slice is sealed; then the units are lost.
    @discardableResult
    public func putBack(_ count: UInt64) -> Bool {
        defer { reservations.subtract(1, ordering: .releasing) }
        var seen = word.load(ordering: .relaxed)
        while true {
            guard seen & Self.sealed == 0 else { return false }
            precondition(count <= units - seen & Self.unitsMask, "more is put back than was taken")
            let (done, now) = word.weakCompareExchange(
                expected: seen,
                desired: seen + count,
                successOrdering: .acquiringAndReleasing,
                failureOrdering: .relaxed
            )
            if done { return true }
            seen = now
        }
    }

    /// What was reserved has been spent, or may have been. Any thread.
    public func keep() { reservations.subtract(1, ordering: .releasing) }

    /// Ends the taking. Any thread; again does nothing.
    public func stop() { word.bitwiseOr(Self.stopped, ordering: .acquiringAndReleasing) }

    /// Ends it. Any thread.
    /// - Returns: the units that nobody has had; 0 for all but the first call.
    public func seal() -> UInt64 {
        let before = word.exchange(Self.sealed | Self.stopped, ordering: .acquiringAndReleasing)
        return before & Self.sealed == 0 ? before & Self.unitsMask : 0
    }

    /// Units that nobody has taken; 0 when it is sealed. Any thread.
    public var left: UInt64 { word.load(ordering: .relaxed) & Self.unitsMask }

    /// Whether something may be taken, if there is something, at this moment of the node's clock. Any thread.
    @inline(__always)
    public func isOpen(at now: UInt64) -> Bool { now < stopsAt && !isStopped }

    /// Whether nothing is taken any more. Any thread.
    @inline(__always)
    public var isStopped: Bool { word.load(ordering: .relaxed) & (Self.stopped | Self.sealed) != 0 }

    /// Whether units that were taken may be put back. Once the slice is stopped, false stays false. Any thread.
    public var hasReservations: Bool { reservations.load(ordering: .acquiring) != 0 }

    /// True exactly once, when a fourth or less is left of an open slice. Any thread.
    @inline(__always)
    public func turnsLow() -> Bool {
        let seen = word.load(ordering: .relaxed)
        guard seen & ~Self.unitsMask == 0, seen <= units / 4 else { return false }
        return word.bitwiseOr(Self.toldLow, ordering: .acquiringAndReleasing).oldValue & ~Self.unitsMask == 0
    }

    /// The bucket as a client may know it, with the units that the node has left in it, at a moment of its clock.
    func state(left: UInt64, now: UInt64) -> LimitState {
        let passed = now.minus(grantedAt)
        let remaining = min(state.burst, state.remaining.plus(left).plus(passed / interval))
        guard remaining < state.burst else {
            return LimitState(remaining: remaining, resetNanoseconds: 0, burst: state.burst)
        }
        let reset = state.resetNanoseconds.minus(passed).minus(left.times(interval))
        return LimitState(remaining: remaining, resetNanoseconds: max(1, reset), burst: state.burst)
    }

    /// Units that are missing in a bucket come back one after the other until it is full.
    private static func interval(of state: LimitState) -> UInt64 {
        let missing = state.burst.minus(state.remaining)
        guard missing > 0 else { return .max }
        return max(1, state.resetNanoseconds / missing)
    }
}
