import Ledger
import Raft

/// Whose requests are decided, one after the other: drawn beforehand, so that drawing costs nothing while time is taken.
struct QuotaKeySequence: Sendable {
    /// How requests are spread over clients.
    enum Spread: CaseIterable {
        case hot, thousand, uniform, zipf

        var name: String {
            switch self {
            case .hot: "one key"
            case .thousand: "1,000 keys"
            case .uniform: "1,000,000 keys, uniform"
            case .zipf: "1,000,000 keys, Zipf"
            }
        }

        /// Different clients.
        var count: Int {
            switch self {
            case .hot: 1
            case .thousand: 1_000
            case .uniform, .zipf: 1_000_000
            }
        }
    }

    /// As many as fit a processor's caches next to nothing: they are read in their order.
    private static let drawn = 1 << 20

    private let numbers: [UInt32]
    private var next = 0

    /// - Parameter seed: sequences of different seeds meet the same clients in different orders.
    init(_ spread: Spread, seed: UInt64) {
        var generator = Xoshiro256(seed: seed)
        switch spread {
        case .hot: numbers = [0]
        case .thousand, .uniform:
            let count = UInt64(spread.count)
            numbers = (0..<Self.drawn).map { _ in UInt32(generator.below(count)) }
        case .zipf: numbers = Self.zipf(spread.count, &generator)
        }
    }

    /// Draws by Zipf's law with exponent 1: the k-th client has 1 ÷ k of the first one's requests.
    private static func zipf(_ count: Int, _ generator: inout Xoshiro256) -> [UInt32] {
        var sums: [Double] = []
        sums.reserveCapacity(count)
        var sum = 0.0
        for rank in 1...count {
            sum += 1 / Double(rank)
            sums.append(sum)
        }
        return (0..<drawn).map { _ in
            let at = Double(generator.next() >> 11) / Double(1 << 53) * sum
            var (low, high) = (0, count - 1)
            while low < high {
                let middle = (low + high) / 2
                if sums[middle] > at { high = middle } else { low = middle + 1 }
            }
            return UInt32(low)
        }
    }

    /// The next one's number, from 0.
    mutating func take() -> UInt32 {
        let number = numbers[next]
        next = next + 1 == numbers.count ? 0 : next + 1
        return number
    }

    /// The key of a client. Keys are hashes: those of a sequence are as far apart as any.
    @inline(__always)
    static func key(_ number: UInt32) -> QuotaKey {
        let number = UInt64(number) + 1
        let mixed = (number &* 0x9E37_79B9_7F4A_7C15 ^ number >> 7) &* 0xBF58_476D_1CE4_E5B9
        return QuotaKey(high: mixed, low: (mixed ^ mixed >> 31) &* 0x94D0_49BB_1331_11EB)
    }
}
