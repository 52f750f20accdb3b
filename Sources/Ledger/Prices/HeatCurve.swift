/// How the count of redemptions under a prefix makes a factor.
///
/// | redemptions in the last hour | own factor | | a neighbourhood's | factor, /24 or /56 | /16 or /48 |
/// |---|---|---|---|---|---|
/// | 32 | 1 | | 512 | 1 | 1 |
/// | 45 | 2 | | 1,024 | 2 | 1 |
/// | 64 | 4 | | 2,048 | 4 | 1 |
/// | 128 | 16 | | 8,192 | 4 | 1 |
/// | 320 | 100 | | 16,384 | 4 | 2 |
/// | 2,048 | 4,096 | | 32,768 | 4 | 4 |
///
/// **Own**: the square of how many times the tolerance there are. Who reads honestly redeems a pass of some hundred requests
/// every few minutes at most, 20 an hour; 32 leaves room for the second reader of a household. Past it a tenth more speed
/// costs a third more work, each hour again: against who solves R puzzles an hour at price 1, r³ = R × 32² redemptions
/// are where the work is spent, 154 an hour for a laptop (3,600) and 605 for a graphics card (216,000).
///
/// **Neighbourhoods**: only in proportion, to 4 at most, and 16 times the tolerance for each 256 times the addresses. An
/// abuser with one address, whose own price has long stopped it, hardly warms those around it.
///
/// A count goes no further than where its factor stops, so that the price is back at 1 after a time that does not depend on
/// how long the abuse went on: 6 half-lives (4 h 10 min) from the highest own factor, 2 (83 min) from a neighbourhood's.
struct HeatCurve {
    /// As a power of 2.
    private let toleranceBits: UInt64
    private let isSquare: Bool
    /// As a power of 2.
    private let factorBits: UInt64

    private init(toleranceBits: UInt64, isSquare: Bool, factorBits: UInt64) {
        self.toleranceBits = toleranceBits
        self.isSquare = isSquare
        self.factorBits = factorBits
    }

    /// The curve of a level.
    init(_ level: PrefixLevel) {
        self =
            switch level {
            case .address: HeatCurve(toleranceBits: 5, isSquare: true, factorBits: 12)
            case .near: HeatCurve(toleranceBits: 9, isSquare: false, factorBits: 2)
            case .wide: HeatCurve(toleranceBits: 13, isSquare: false, factorBits: 2)
            case .widest: HeatCurve(toleranceBits: 17, isSquare: false, factorBits: 2)
            }
    }

    /// The greatest count that is kept: the least that has the greatest factor.
    var most: UInt64 { Heat.one << (toleranceBits + (isSquare ? factorBits / 2 : factorBits)) }

    /// The latest moment that a count is kept as.
    func latest(now: UInt64) -> UInt64 { Heat.moment(of: most, now: now) }

    /// The factor in 16.16 fixed point, at least 1.
    /// - Parameter count: at most ``most``.
    func factor(_ count: UInt64) -> UInt32 {
        // 26 bits of fraction become 16. The greatest ratio is 2⁶ or 2²: its square needs 45 bits.
        let ratio = count >> (10 + toleranceBits)
        return UInt32(clamping: max(UInt64(Price.one), isSquare ? (ratio * ratio) >> 16 : ratio))
    }
}
