import Testing

@testable import Gateway
@testable import Settings

@Suite struct ChallengeOfferTests {
    /// The preset `site`: 8 million hashes, 500 requests, 10 minutes, so that a slow phone does 150 million in a quarter.
    private func work(difficulty: UInt64 = 8_000_000, grants: UInt32 = 500, challengeTTL: UInt32 = 600) -> WorkSettings
    {
        WorkSettings(
            difficulty: difficulty,
            rounds: 16,
            grants: grants,
            ttlSeconds: 3_600,
            challengeTtlSeconds: challengeTTL,
            bind: .client
        )
    }

    private func offer(_ price: Double, _ work: WorkSettings? = nil) -> ChallengeOffer {
        ChallengeOffer(work ?? self.work(), price: UInt32(price * 65_536))
    }

    @Test func atPriceOneItIsWhatTheFileSays() {
        for price in [0, 0.5, 1] {
            let offer = offer(price)
            #expect(offer.difficulty == 8_000_000 && offer.grants == 500 && offer.priceNumber == 1)
        }
    }

    @Test func aHigherPriceMakesItHarderAsLongAsASlowPhoneKeepsUp() {
        #expect(offer(2.5).difficulty == 20_000_000 && offer(2.5).grants == 500)
        #expect(offer(18.75).difficulty == 150_000_000 && offer(18.75).grants == 500)
    }

    @Test func pastThatThePriceDividesTheGrant() {
        #expect(offer(37.5).difficulty == 150_000_000 && offer(37.5).grants == 250)
        #expect(offer(4_096).difficulty == 150_000_000 && offer(4_096).grants == 2)
        #expect(offer(4_096).priceNumber == 4_096, "the price is what it is")
        #expect(ChallengeOffer(work(), price: .max).grants == 1)
    }

    @Test func workIsWorthTheSameOnBothSidesOfTheBound() {
        for price in stride(from: 1.0, to: 60, by: 0.25) {
            let offer = offer(price)
            let hashesPerRequest = Double(offer.difficulty) / Double(offer.grants) / 16_000
            #expect(abs(hashesPerRequest - price) < price * 0.01)
        }
    }

    @Test func aPolicyThatAsksForMoreAtOnceAsksForNoMoreThanThat() {
        let hard = work(difficulty: 300_000_000)
        #expect(offer(1, hard).difficulty == 300_000_000 && offer(1, hard).grants == 500)
        #expect(offer(2, hard).difficulty == 300_000_000 && offer(2, hard).grants == 250)
    }

    @Test func theLargestNumbersTrapNothing() {
        let most = work(difficulty: .max, grants: .max, challengeTTL: .max)
        let offer = ChallengeOffer(most, price: .max)
        #expect(offer.difficulty == .max && offer.grants >= 1)
        let least = work(difficulty: 1, grants: 1, challengeTTL: 1)
        #expect(ChallengeOffer(least, price: .max).difficulty == 65_536)
        #expect(ChallengeOffer(least, price: .max).grants == 1)
    }
}
