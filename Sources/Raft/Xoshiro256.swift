/// xoshiro256** by Blackman and Vigna, seeded by SplitMix64: the generator of elections and of the simulator. The same
/// seed gives the same numbers on every machine. Not for secrets.
public struct Xoshiro256: RandomNumberGenerator, Hashable, Sendable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    /// A generator whose numbers follow from the seed.
    public init(seed: UInt64) {
        var mixer = seed
        func next() -> UInt64 {
            mixer &+= 0x9E37_79B9_7F4A_7C15
            var mixed = mixer
            mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
        state = (next(), next(), next(), next())
    }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        let product = state.1 &* 5
        let result = (product << 7 | product >> 57) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = state.3 << 45 | state.3 >> 19
        return result
    }

    /// A number below `bound`, by the high half of a product: a bias of at most bound / 2⁶⁴.
    /// - Precondition: `bound` is at least 1.
    public mutating func below(_ bound: UInt64) -> UInt64 {
        precondition(bound > 0, "nothing is below 0")
        return next().multipliedFullWidth(by: bound).high
    }

    /// A number of a range, its ends included.
    public mutating func inRange(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(below(UInt64(range.upperBound - range.lowerBound) + 1))
    }

    /// True `count` times in `of`, on average.
    public mutating func chance(_ count: UInt64, of total: UInt64) -> Bool { below(total) < count }

    /// A seed for another generator, so that what one part draws does not change what another sees.
    public mutating func split() -> Xoshiro256 { Xoshiro256(seed: next()) }

    public static func == (left: Xoshiro256, right: Xoshiro256) -> Bool { left.state == right.state }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(state.0)
        hasher.combine(state.1)
        hasher.combine(state.2)
        hasher.combine(state.3)
    }
}
