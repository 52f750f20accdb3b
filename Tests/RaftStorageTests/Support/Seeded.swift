import Foundation

/// SplitMix64: a seeded generator, so that a failing run can be had again.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// True once in `n` times.
    mutating func oneIn(_ n: UInt64) -> Bool { next() % n == 0 }

    /// A number below `bound`.
    mutating func below(_ bound: UInt64) -> UInt64 { next() % bound }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int(next() % UInt64(elements.count))]
    }

    mutating func key() -> QuotaKeyPair { (next(), next()) }
    typealias QuotaKeyPair = (high: UInt64, low: UInt64)
}

/// The seed of a random test: TOLLGATE_SEED if it is set, else a new one; printed in either case.
func seed(_ test: String = #function) -> UInt64 {
    let seed = ProcessInfo.processInfo.environment["TOLLGATE_SEED"].flatMap(UInt64.init) ?? .random(in: .min ... .max)
    print("\(test): TOLLGATE_SEED=\(seed)")
    return seed
}
