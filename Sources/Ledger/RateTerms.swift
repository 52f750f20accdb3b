/// A rate and a burst, and the arithmetic of the generic cell rate algorithm (ITU-T I.371, annex A) on them.
///
/// A bucket is one number, its theoretical arrival time (TAT): the moment at which it will be full. Each unit taken
/// moves it one interval later, from now at the earliest; it may lie at most burst intervals ahead. All numbers are
/// nanoseconds since genesis; now is at most 2⁶², burst × interval is at most 2⁶², so a TAT is at most 2⁶³.
struct RateTerms: Hashable, Sendable {
    /// Nanoseconds a unit.
    let interval: UInt64
    /// Units.
    let burst: UInt64

    /// Nil where a number is 0 or the product is above ``LedgerBounds/fillNanoseconds``.
    init?(interval: UInt64, burst: UInt64) {
        let (fill, overflow) = interval.multipliedReportingOverflow(by: burst)
        guard interval > 0, burst > 0, !overflow, fill <= LedgerBounds.fillNanoseconds else { return nil }
        self.interval = interval
        self.burst = burst
    }

    /// The latest TAT there is.
    static let latest: UInt64 = LedgerTime.maximumNanoseconds + LedgerBounds.fillNanoseconds

    /// The latest TAT at which nothing is left, for a time.
    @inline(__always)
    private func horizon(_ now: UInt64) -> UInt64 { now + burst * interval }

    /// How long until `units` can be had, if `taken` of them were taken from a full bucket's worth already in the same
    /// step: 0 for now, `UInt64.max` for never.
    @inline(__always)
    func wait(tat: UInt64, now: UInt64, units: UInt64, taken: UInt64) -> UInt64 {
        guard units > 0 else { return 0 }
        let (sum, overflow) = units.addingReportingOverflow(taken)
        if overflow || sum > burst { return .max }
        // At most 2⁶³ + 2⁶², since units is at most burst.
        let reaches = max(tat, now) + units * interval
        let horizon = horizon(now)
        return reaches > horizon ? reaches - horizon : 0
    }

    /// The TAT after `units` were taken; never later than ``latest``, whatever the numbers.
    @inline(__always)
    func taking(_ units: UInt64, tat: UInt64, now: UInt64) -> UInt64 {
        let (length, overflow) = units.multipliedReportingOverflow(by: interval)
        let (sum, carry) = max(tat, now).addingReportingOverflow(length)
        return overflow || carry ? Self.latest : min(sum, Self.latest)
    }

    /// What a client may know of a bucket.
    @inline(__always)
    func state(tat: UInt64, now: UInt64) -> LimitState {
        let full = max(tat, now)
        let horizon = horizon(now)
        return LimitState(
            remaining: full >= horizon ? 0 : (horizon - full) / interval,
            resetNanoseconds: full - now,
            burst: burst
        )
    }

    /// The TAT of the same number of used units under another interval, rounded in the limit's favour; a bucket that is
    /// full stays as it is. At most 2⁶² ahead of now.
    static func rescale(tat: UInt64, now: UInt64, from old: UInt64, to new: UInt64) -> UInt64 {
        guard tat > now, old != new else { return tat }
        let product = (tat - now).multipliedFullWidth(by: new)
        guard product.high < old else { return now + LedgerBounds.fillNanoseconds }
        let (quotient, remainder) = old.dividingFullWidth(product)
        let ahead = quotient < LedgerBounds.fillNanoseconds && remainder > 0 ? quotient + 1 : quotient
        return now + min(ahead, LedgerBounds.fillNanoseconds)
    }
}
