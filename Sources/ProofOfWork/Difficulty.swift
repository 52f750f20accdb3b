/// How hard a puzzle is: the rule that turns expected hashes into a target, and back.
///
/// A digest's first eight bytes, read as a number, meet a target T with the probability (T + 1) / 2^64. With R rounds
/// of the same target a puzzle takes R × 2^64 / (T + 1) hashes on average. Nothing here traps: out-of-range arguments
/// are taken as the nearest that is in range, and results saturate.
public enum Difficulty {
    /// The least and the most rounds of a puzzle.
    public static let roundsRange: ClosedRange<Int> = 1...64

    /// A price of 1, in the 16.16 fixed point of ``Challenge/price``.
    public static let priceOne: UInt32 = 1 << 16

    /// The target of each round: min(2^64 − 1, ⌊2^64 × rounds / difficulty⌋ − 1). DESIGN, section 5.
    ///
    /// - Parameters:
    ///   - difficulty: the expected hashes of the whole puzzle; 0 counts as 1.
    ///   - rounds: 1 to 64; anything else counts as the nearest of these.
    public static func target(difficulty: UInt64, rounds: Int) -> UInt64 {
        let rounds = UInt64(roundsRange.clamp(rounds))
        // rounds ≥ difficulty is where the quotient needs more than 64 bits: every digest will do. (Zero is among it.)
        guard rounds < difficulty else { return .max }
        // 1 ≤ rounds < difficulty < 2^64, so the quotient is 1 or more and the subtraction cannot go below 0.
        return difficulty.dividingFullWidth((high: rounds, low: 0)).quotient - 1
    }

    /// The hashes that a puzzle takes on average, rounded down: ⌊rounds × 2^64 / (target + 1)⌋, at most 2^64 − 1.
    ///
    /// - Parameters:
    ///   - target: of each round, inclusive.
    ///   - rounds: 1 to 64; anything else counts as the nearest of these.
    public static func expectedHashes(target: UInt64, rounds: Int) -> UInt64 {
        let rounds = UInt64(roundsRange.clamp(rounds))
        guard target < .max else { return rounds }
        let divisor = target + 1
        guard rounds < divisor else { return .max }
        return divisor.dividingFullWidth((high: rounds, low: 0)).quotient
    }

    /// The difficulty at a price, rounded up, at most 2^64 − 1.
    ///
    /// - Parameters:
    ///   - difficulty: expected hashes at price 1.
    ///   - price: 16.16 fixed point; less than 1 counts as 1, for a price only makes a puzzle harder.
    public static func difficulty(_ difficulty: UInt64, atPrice price: UInt32) -> UInt64 {
        let product = difficulty.multipliedFullWidth(by: UInt64(max(price, priceOne)))
        let whole = (high: product.high >> 16, low: product.high << 48 | product.low >> 16)
        guard whole.high == 0 else { return .max }
        let (sum, overflow) = whole.low.addingReportingOverflow(product.low & 0xffff == 0 ? 0 : 1)
        return overflow ? .max : sum
    }

    /// A target as it stands in JSON and in headers: 16 lowercase hexadecimal digits.
    public static func hexadecimal(_ target: UInt64) -> String {
        let digits = String(target, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The target that 16 hexadecimal digits say, of either case; nil for any other text.
    public static func target(hexadecimal text: String) -> UInt64? {
        // UInt64(_:radix:) alone would also take a sign.
        guard text.utf8.count == 16, text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") })
        else { return nil }
        return UInt64(text, radix: 16)
    }
}

extension ClosedRange where Bound == Int {
    /// The value of the range that is nearest to this one.
    func clamp(_ value: Int) -> Int { Swift.min(Swift.max(value, lowerBound), upperBound) }
}
