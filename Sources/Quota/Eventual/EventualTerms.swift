import Ledger

/// A rate and a burst, and the arithmetic of the generic cell rate algorithm on them, as in the ledger, with what a node
/// makes of units that others have admitted.
///
/// A bucket is one number, its theoretical arrival time (TAT): the moment of the node's clock at which it will be full.
/// Where the ledger's lies at most burst intervals ahead, this one may lie further: what several nodes admitted at once is a
/// debt, and is paid by waiting. Sums stop at ``latest``.
struct EventualTerms: Hashable, Sendable {
    /// Nanoseconds a unit, at least 1.
    let interval: UInt64
    /// Units, at least 1.
    let burst: UInt64
    /// Nanoseconds in which an empty bucket fills, at most 2⁶².
    let fill: UInt64

    /// The latest TAT there is.
    static let latest: UInt64 = LedgerTime.maximumNanoseconds + LedgerBounds.fillNanoseconds

    /// Numbers of 0 count as 1, and the fill stops at its bound: two loads of a pair that is being changed may not match.
    @inline(__always)
    init(interval: UInt64, burst: UInt64) {
        self.interval = max(1, interval)
        self.burst = max(1, burst)
        fill = min(self.interval.times(self.burst), LedgerBounds.fillNanoseconds)
    }

    /// How long until `units` can be had, if `taken` of them were taken in the same step: 0 for now, `UInt64.max` for never.
    @inline(__always)
    func wait(tat: UInt64, now: UInt64, units: UInt64, taken: UInt64) -> UInt64 {
        guard units > 0 else { return 0 }
        if units.plus(taken) > burst { return .max }
        return max(tat, now).plus(units.times(interval)).minus(now + fill)
    }

    /// The TAT after `units` were taken.
    @inline(__always)
    func taking(_ units: UInt64, tat: UInt64, now: UInt64) -> UInt64 {
        min(max(tat, now).plus(units.times(interval)), Self.latest)
    }

    /// What a client may know of a bucket.
    @inline(__always)
    func state(tat: UInt64, now: UInt64) -> LimitState {
        let full = max(tat, now)
        return LimitState(
            remaining: min(burst, (now + fill).minus(full) / interval),
            resetNanoseconds: full - now,
            burst: burst
        )
    }

    /// The TAT after a peer told of units that it had admitted.
    ///
    /// For every moment t of which the node can say that it has heard of all since, the TAT is at least t plus one interval
    /// for each unit that was admitted since t by anybody and heard of here. That is the whole promise: no interval that ends
    /// with an admission of this node has more than burst + rate × w of what was heard of. It is kept by adding an interval for
    /// each unit. But never more is needed than until the moment at which the peer's own bucket is full, since the same is
    /// true of the peer's TAT: so much and the lookback is the most that a peer adds, however long it was not heard of.
    /// - Returns: never before now, so that the bucket is not forgotten before those who told of it forget it.
    /// - Parameters:
    ///   - units: that are new, at least 1.
    ///   - ahead: nanoseconds until the peer's bucket is full, negative where it has been full for as long; told by the peer
    ///     when it sent, and taken for true now, which is later.
    @inline(__always)
    func hearing(_ units: UInt64, ahead: Int64, lookback: UInt64, tat: UInt64, now: UInt64) -> UInt64 {
        let length = units.times(interval)
        let untilFull = ahead > 0 ? min(UInt64(ahead), fill) : 0
        if tat.plus(lookback) < now {
            // Nothing was used here in the time that counts: the peer's bucket is the bucket.
            return now + min(length, untilFull)
        }
        let since = ahead < 0 ? lookback.minus(ahead.magnitude) : untilFull.plus(lookback)
        return min(max(tat, now).plus(min(length, since)), Self.latest)
    }

    /// The TAT of the same number of used units under another interval, rounded in the limit's favour; a bucket that is
    /// full stays as it is.
    static func rescale(tat: UInt64, now: UInt64, from old: UInt64, to new: UInt64) -> UInt64 {
        guard tat > now, old != new, old > 0 else { return tat }
        let product = (tat - now).multipliedFullWidth(by: new)
        guard product.high < old else { return Self.latest }
        let (quotient, remainder) = old.dividingFullWidth(product)
        return min(now.plus(quotient).plus(remainder > 0 ? 1 : 0), Self.latest)
    }
}
