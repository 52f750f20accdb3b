import ProofOfWork
import Settings

/// What a challenge demands and promises at a price.
///
/// Up to a point a higher price makes it harder. Nobody is asked for more than a slow phone solves in a quarter of the
/// challenge's life: past that, the price divides what is granted instead, down to one request.
struct ChallengeOffer: Sendable, Equatable {
    /// 16.16 fixed point, at least 1.
    let price: UInt32
    /// Expected hashes.
    let difficulty: UInt64
    /// Requests that the pass is good for, at least 1.
    let grants: UInt32

    init(_ work: WorkSettings, price: UInt32) {
        let price = max(price, ProofOfWork.Difficulty.priceOne)
        // A policy may ask for more at price 1 already, which its operator was warned of; it asks for no more than that then.
        let phone = UInt64(work.challengeTtlSeconds) * Settings.Difficulty.phoneHashesPerSecond / 4
        let hardest = max(phone, work.difficulty)
        let full = ProofOfWork.Difficulty.difficulty(work.difficulty, atPrice: price)
        self.price = price
        difficulty = min(full, hardest)
        // The configuration bounds grants by a million and the hardest by 2⁴⁸: below 2⁶⁸, so the product may need two words.
        let (high, low) = hardest.multipliedFullWidth(by: UInt64(work.grants))
        grants =
            full <= hardest
            ? work.grants : high < full ? UInt32(clamping: max(1, full.dividingFullWidth((high, low)).quotient)) : 1
    }

    /// The price as a number.
    var priceNumber: Double { Self.number(price) }

    /// A factor in 16.16 fixed point as a number.
    static func number(_ fixed: UInt32) -> Double { Double(fixed) / Double(ProofOfWork.Difficulty.priceOne) }
}
