/// How much was redeemed lately under one prefix: a count in which each redemption is one, and which halves every
/// ``LedgerBounds/heatHalfLifeNanoseconds``.
///
/// **Why this one.** Half-life and hour are chosen so that a steady pace of n redemptions an hour holds the count near n: it
/// reads as the redemptions of the last hour. A bucket with one drain, as limits have, would forgive whatever is slower
/// than the drain and send whatever is faster to the end of the scale, however little faster it is; many honest people
/// behind one address would pay as an abuser does. Here the price depends on the pace.
///
/// **What counts as one.** A redemption, at whatever price and for whatever grant. Were it weighed by its price, heat would
/// feed on itself: who pays more would be hotter for having paid. Were it weighed by its grant, a settled stock of
/// challenges would hardly count.
///
/// **As one number.** A count is kept as the moment at which it will have come down to ``cold``, a quarter of a redemption,
/// when it is forgotten: each half-life that lies ahead doubles it. Time makes it cool by itself, and nothing is written for
/// that. Between two doublings the powers of 2 are those of ``steps``, with straight lines between them: a thousandth off
/// at most, and the same on every machine.
enum Heat {
    /// One redemption, in the fixed point of counts: 26 bits.
    static let one: UInt64 = 1 << 26
    /// The least count that is kept.
    static let cold: UInt64 = 1 << 24

    /// 2²⁴ × 2^(i/16), rounded.
    private static let steps: InlineArray<17, UInt64> = [
        16_777_216, 17_520_007, 18_295_684, 19_105_703, 19_951_585, 20_834_917, 21_757_357, 22_720_638, 23_726_566,
        24_777_031, 25_874_004, 27_019_544, 28_215_802, 29_465_022, 30_769_550, 32_131_834, 33_554_432,
    ]

    /// Nanoseconds of a sixteenth of a half-life.
    private static let stepNanoseconds = LedgerBounds.heatHalfLifeNanoseconds / 16

    /// The count that a moment stands for, seen from `now`; 0 where it has passed. At most `most`, a count itself.
    static func count(until moment: UInt64, now: UInt64, most: UInt64) -> UInt64 {
        guard moment > now else { return 0 }
        let ahead = moment - now
        let doublings = ahead / LedgerBounds.heatHalfLifeNanoseconds
        // No count that is kept has as many; it would not fit.
        guard doublings < 32 else { return most }
        let rest = ahead % LedgerBounds.heatHalfLifeNanoseconds
        let step = Int(rest / stepNanoseconds)
        // Below 2⁵¹ and 2³⁸, so the product can need more than 64 bits; the quotient does not.
        let rise = (steps[step + 1] - steps[step]) << doublings
        let part = stepNanoseconds.dividingFullWidth(rise.multipliedFullWidth(by: rest % stepNanoseconds)).quotient
        return min(most, steps[step] << doublings + part)
    }

    /// The moment that stands for a count. The inverse of ``count(until:now:most:)``, rounded down.
    /// - Parameter count: at least ``cold``, below 2⁵⁶.
    static func moment(of count: UInt64, now: UInt64) -> UInt64 {
        let doublings = UInt64(39 - count.leadingZeroBitCount)
        var step = 15
        while step > 0, steps[step] << doublings > count { step -= 1 }
        let rise = (steps[step + 1] - steps[step]) << doublings
        let over = min(count - steps[step] << doublings, rise)
        let part = rise.dividingFullWidth(over.multipliedFullWidth(by: stepNanoseconds)).quotient
        return now + doublings * LedgerBounds.heatHalfLifeNanoseconds + UInt64(step) * stepNanoseconds + part
    }
}
