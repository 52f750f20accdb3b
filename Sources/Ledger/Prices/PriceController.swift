/// Makes one policy's cluster factor follow its load, at the leader: up when admitted work exceeds capacity, down when it
/// does not.
///
/// In the manner of Tor's proposal 327 ("A First Take at PoW Over Introduction Circuits", now hspow-spec's effort control):
/// counts are taken over a fixed period, at whose end the price goes up, down or nowhere; nothing happens in between. There
/// an overloaded service asks for what was paid on average, and an idle one for two thirds of what it asked before, every
/// five minutes. Here the period is short and the steps are small, since a redemption settles at the price of its moment:
///
///     load = (load before + admitted / capacity) / 2     above 1:    factor × (1 + (load − ⅞) / 8), a quarter more at most
///                                                        ¾ to 1:     as it is
///                                                        below ¾:    factor × (1 − (⅞ − load) / 8), to 1
///
/// Half of what was before: work comes in bursts, and counts for what it is on average. An eighth of the way in each period:
/// clients answer late, and a factor that went all the way at once would swing for ever where their answer takes a minute.
/// It goes too far once, by two thirds where the answer takes 30 s and to three times where it takes a minute, then comes back
/// into the band, into which every step aims, and stays. From 1 it takes 34 periods to 1,000; without load 63 back to 1.
///
/// **What to count.** Units that passes paid for, or were opened with (``ClusterPrices``), and what was left for these: the
/// capacity less what was admitted free (``PolicyLoad``). A price moves nobody who does not pay it, so free traffic alone never raises it. And nobody raises it
/// for nothing: requests that were refused count for nothing.
///
/// A value: use from one thread at a time, any thread.
public struct PriceController: Hashable, Sendable {
    /// Nanoseconds between two changes.
    public static let periodNanoseconds: UInt64 = 10_000_000_000

    private static let aim: UInt64 = 7 << 13
    private static let least: UInt64 = 3 << 14
    private static let most: UInt64 = 1 << 16
    /// The load that one period counts as at most: 64. One that is out of measure is soon forgotten.
    private static let heaviest: UInt64 = 64 << 16

    /// The factor that it has come to, in 16.16 fixed point.
    public private(set) var factor: UInt32
    private var periodBegan: LedgerTime
    private var admitted: UInt64 = 0
    private var capacity: UInt64 = 0
    /// In 16.16 fixed point.
    private var load = Self.aim

    /// One that goes on from a factor: the replicated one, wherever a leader begins, or has been refused a change.
    public init(factor: UInt32, now: LedgerTime) {
        self.factor = max(factor, Price.one)
        periodBegan = now
    }

    /// Goes on from the factor that stands, where that is another than the one that it has come to: a change was not made.
    public mutating func resume(from standing: UInt32) { factor = max(standing, Price.one) }

    /// Counts work since the last call, in any unit.
    /// - Parameters:
    ///   - admitted: what was admitted for work, at all nodes.
    ///   - capacity: what could have been, in the same time.
    public mutating func observe(admitted: UInt64, capacity: UInt64) {
        self.admitted = Self.sum(self.admitted, admitted)
        self.capacity = Self.sum(self.capacity, capacity)
    }

    /// At the end of a period: the factor that is to hold from now on, where it is another. Call often.
    public mutating func tick(_ now: LedgerTime) -> UInt32? {
        guard periodBegan.nanoseconds(until: now) >= Self.periodNanoseconds else { return nil }
        let before = factor
        load = (load + newLoad) / 2
        factor = Self.next(factor, load: load)
        periodBegan = now
        admitted = 0
        capacity = 0
        return factor == before ? nil : factor
    }

    /// This period's admitted work as a part of capacity.
    private var newLoad: UInt64 {
        guard admitted > 0 else { return 0 }
        guard capacity > 0, admitted / capacity < 64 else { return Self.heaviest }
        // Less than 64 × 2¹⁶.
        return capacity.dividingFullWidth((admitted >> 48, admitted << 16)).quotient
    }

    private static func next(_ factor: UInt32, load: UInt64) -> UInt32 {
        let factor = UInt64(factor)
        // A factor has 32 bits, a load 23: their product fits.
        if load > most {
            let rise = min((factor * (load - aim)) >> 19, factor >> 2)
            return UInt32(clamping: factor + rise)
        }
        if load < least {
            let fall = (factor * (aim - load)) >> 19
            return UInt32(clamping: max(UInt64(Price.one), factor - fall))
        }
        return UInt32(clamping: factor)
    }

    private static func sum(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }
}
