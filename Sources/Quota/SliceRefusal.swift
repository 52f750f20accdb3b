import Ledger

/// A node has no slice of a bucket, and this is why. Good for a while, for all loops of the node.
public final class SliceRefusal: Sendable {
    /// What stands in the way.
    public enum Reason: Hashable, Sendable {
        /// Too few units are left. `retryAfterNanoseconds` counts from ``SliceRefusal/at``; `UInt64.max`: never.
        case empty(retryAfterNanoseconds: UInt64, state: LimitState)
        /// An override bans the key; nil: for good.
        case denied(retryAfterNanoseconds: UInt64?)
        /// The ledger does not know the limit. Never taken for true later.
        case invalid(InvalidCharge)
        /// There are no slices to be had: charge the bucket directly.
        case direct
    }

    /// What stands in the way.
    public let reason: Reason
    /// Fewer units than these may be had nevertheless.
    public let least: UInt32
    /// When it was heard, in nanoseconds of the node's clock.
    public let at: UInt64
    /// Until when it is taken for true.
    public let until: UInt64

    /// A refusal of these fields.
    public init(reason: Reason, least: UInt32, at: UInt64, until: UInt64) {
        self.reason = reason
        self.least = least
        self.at = at
        self.until = until
    }

    /// Whether it tells what will become of a request for so many units.
    @inline(__always)
    func holds(for units: UInt32, now: UInt64) -> Bool { now < until && units >= least }

    /// What is left of a time that was told when the refusal was heard.
    func remaining(_ nanoseconds: UInt64, now: UInt64) -> UInt64 {
        nanoseconds == .max ? .max : max(1, nanoseconds.minus(now.minus(at)))
    }

    /// The bucket that was too empty, now.
    func remaining(_ state: LimitState, now: UInt64) -> LimitState {
        var state = state
        state.resetNanoseconds = remaining(state.resetNanoseconds, now: now)
        return state
    }

    /// How long until so many units are in the bucket that was too empty, if nobody charges it: 0 where they were there.
    func wait(for units: UInt64, _ state: LimitState, now: UInt64) -> UInt64 {
        if units <= state.remaining { return 0 }
        if units > state.burst { return .max }
        // Units that are missing come back one after the other.
        let missing = state.burst - state.remaining
        return remaining((state.resetNanoseconds / missing).plus(1).times(units - state.remaining), now: now)
    }
}
