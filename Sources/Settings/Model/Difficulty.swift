// What a number of hashes means to a person who waits. The speeds are deliberately on the low side: a configuration
// that is bearable by them is bearable.

/// Estimates of how long a challenge takes.
public enum Difficulty {
    /// SHA-256 attempts a second of an ordinary laptop's browser, all workers together.
    public static let laptopHashesPerSecond: UInt64 = 8_000_000
    /// Attempts a second of a slow phone's browser; a good one does three times as many.
    public static let phoneHashesPerSecond: UInt64 = 1_000_000

    /// One line for people: "16000000 hashes in 16 rounds: on a laptop about 2.0 s (19 of 20 within 2.9 s), on a slow
    /// phone about 16 s (23 s)". `rounds` is 1 or more.
    public static func describe(_ difficulty: UInt64, rounds: Int) -> String {
        let unlucky = unluckyFactor(rounds: rounds)
        let laptop = Double(difficulty) / Double(laptopHashesPerSecond)
        let phone = Double(difficulty) / Double(phoneHashesPerSecond)
        return
            "\(difficulty) hashes in \(rounds) round\(rounds == 1 ? "" : "s"): on a laptop \(roughly(laptop)) "
            + "(19 of 20 within \(secondsText(laptop * unlucky))), on a slow phone \(roughly(phone)) "
            + "(\(secondsText(phone * unlucky)))"
    }

    /// By how much 19 of 20 attempts exceed the expectation at most: the 0.95 quantile of a gamma distribution with
    /// shape `rounds` and mean 1, as each round is geometric (Wilson and Hilferty's approximation, 1931). 3.0 for 1
    /// round, 1.4 for 16.
    static func unluckyFactor(rounds: Int) -> Double {
        let shape = Double(max(rounds, 1))
        let root = 1 - 1 / (9 * shape) + 1.645 / (3 * shape.squareRoot())
        return root * root * root
    }

    /// The same, said to be an estimate.
    private static func roughly(_ seconds: Double) -> String {
        let text = secondsText(seconds)
        return text.hasPrefix("less") ? text : "about " + text
    }

    /// A time with two digits that matter, rounded to nearest: `0.12 s`, `2.0 s`, `16 s`, `4 min`, `3 h`.
    static func secondsText(_ seconds: Double) -> String {
        func rounded(_ value: Double) -> UInt64 { UInt64(min(max(value, 0), 1e18).rounded()) }
        func decimal(_ value: Double, tenths: UInt64, digits: Int) -> String {
            let scaled = rounded(value * Double(tenths))
            let fraction = String(scaled % tenths)
            return "\(scaled / tenths)." + String(repeating: "0", count: digits - fraction.count) + fraction
        }
        switch seconds {
        case ..<0.005: return "less than 0.01 s"
        case ..<0.995: return decimal(seconds, tenths: 100, digits: 2) + " s"
        case ..<9.95: return decimal(seconds, tenths: 10, digits: 1) + " s"
        case ..<180: return "\(rounded(seconds)) s"
        case ..<10_800: return "\(rounded(seconds / 60)) min"
        default: return "\(rounded(seconds / 3_600)) h"
        }
    }
}
