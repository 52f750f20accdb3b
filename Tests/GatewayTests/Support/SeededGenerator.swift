import Foundation

/// A generator that a seed determines (SplitMix64), so that a failure can be replayed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

/// The seed of a random test: from TOLLGATE_SEED, else fresh; printed, so that a failure can be replayed.
func printedSeed(_ test: String = #function) -> UInt64 {
    let given = ProcessInfo.processInfo.environment["TOLLGATE_SEED"].flatMap { UInt64($0) }
    let seed = given ?? UInt64.random(in: .min ... .max)
    print("\(test): TOLLGATE_SEED=\(seed)")
    return seed
}

extension SeededGenerator {
    /// A generator with a printed seed.
    static func printed(_ test: String = #function) -> SeededGenerator { SeededGenerator(seed: printedSeed(test)) }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &self) }
    }

    /// One of them.
    mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }

    /// A few of these pieces, one after the other: text that comes near a grammar more often than random bytes do.
    mutating func joined(_ pieces: [String], upTo count: Int) -> String {
        (0..<below(count + 1)).map { _ in pick(pieces) }.joined()
    }

    /// The bytes with one to four of them changed, doubled, removed or inserted.
    mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0...below(4) {
            let byte = UInt8.random(in: .min ... .max, using: &self)
            switch below(4) {
            case 0 where !bytes.isEmpty: bytes[below(bytes.count)] = byte
            case 1 where !bytes.isEmpty: bytes.remove(at: below(bytes.count))
            case 2 where !bytes.isEmpty: bytes.insert(bytes[below(bytes.count)], at: below(bytes.count + 1))
            default: bytes.insert(byte, at: below(bytes.count + 1))
            }
        }
        return bytes
    }
}
