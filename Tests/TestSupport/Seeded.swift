import Foundation

/// SplitMix64: a seeded generator for tests, so that a failing run can be had again. A value; not for secrets.
public struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    /// A generator whose numbers follow from the seed.
    public init(_ seed: UInt64) { state = seed }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// True once in `n` times.
    public mutating func oneIn(_ n: UInt64) -> Bool { next() % n == 0 }

    /// True `count` times in a thousand.
    public mutating func perMille(_ count: UInt64) -> Bool { next() % 1_000 < count }

    /// A number below `bound`.
    public mutating func below(_ bound: UInt64) -> UInt64 { next() % bound }

    /// One of them.
    public mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int(next() % UInt64(elements.count))]
    }

    /// Two halves of a key.
    public mutating func key() -> (high: UInt64, low: UInt64) { (next(), next()) }
}

/// The seed of a random test: TOLLGATE_SEED if it is set, else a new one; printed in either case.
public func seed(_ test: String = #function) -> UInt64 {
    let seed = ProcessInfo.processInfo.environment["TOLLGATE_SEED"].flatMap(UInt64.init) ?? .random(in: .min ... .max)
    print("\(test): TOLLGATE_SEED=\(seed)")
    return seed
}

/// How often a random test is run: TOLLGATE_RUNS if it is set.
public func runs(_ count: Int) -> Int {
    ProcessInfo.processInfo.environment["TOLLGATE_RUNS"].flatMap(Int.init) ?? count
}
