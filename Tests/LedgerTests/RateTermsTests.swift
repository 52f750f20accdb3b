import TestSupport
import Testing

@testable import Ledger

@Suite struct RateTermsTests {
    private let end = LedgerTime.maximumNanoseconds

    @Test func ratesThatCannotBeAreNoTerms() {
        #expect(RateTerms(interval: 0, burst: 1) == nil)
        #expect(RateTerms(interval: 1, burst: 0) == nil)
        #expect(RateTerms(interval: .max, burst: .max) == nil)
        #expect(RateTerms(interval: 1 << 31, burst: (1 << 31) + 1) == nil)
        #expect(RateTerms(interval: 1 << 31, burst: 1 << 31) != nil)
        #expect(RateTerms(interval: 1, burst: 1 << 62) != nil)
    }

    @Test func theLongestFillAtTheEndOfTimeOverflowsNothing() throws {
        for terms in [RateTerms(interval: 1, burst: end), RateTerms(interval: end, burst: 1)].map({ $0! }) {
            #expect(terms.wait(tat: 0, now: end, units: terms.burst, taken: 0) == 0)
            let full = terms.taking(terms.burst, tat: 0, now: end)
            #expect(full == RateTerms.latest)
            #expect(
                terms.state(tat: full, now: end) == LimitState(remaining: 0, resetNanoseconds: end, burst: terms.burst)
            )
            #expect(terms.wait(tat: full, now: end, units: 1, taken: 0) == terms.interval)
            #expect(terms.wait(tat: full, now: end, units: terms.burst, taken: 0) == end)
            #expect(terms.taking(.max, tat: full, now: end) == RateTerms.latest)
        }
    }

    @Test func moreThanABurstIsNever() {
        let terms = RateTerms(interval: 10, burst: 5)!
        #expect(terms.wait(tat: 0, now: 0, units: 5, taken: 0) == 0)
        #expect(terms.wait(tat: 0, now: 0, units: 6, taken: 0) == .max)
        #expect(terms.wait(tat: 30, now: 0, units: 3, taken: 3) == .max)
        #expect(terms.wait(tat: 0, now: 0, units: .max, taken: .max) == .max)
        #expect(terms.wait(tat: .max, now: 0, units: 0, taken: 9) == 0)
    }

    @Test func rescalingKeepsUsedUnitsAndRoundsAgainstTheClient() {
        // 3 of 5 units used.
        #expect(RateTerms.rescale(tat: 130, now: 100, from: 10, to: 20) == 160)
        #expect(RateTerms.rescale(tat: 130, now: 100, from: 10, to: 3) == 109)
        #expect(RateTerms.rescale(tat: 131, now: 100, from: 10, to: 3) == 110)
        // What is full stays full.
        #expect(RateTerms.rescale(tat: 100, now: 100, from: 1, to: 1_000) == 100)
        #expect(RateTerms.rescale(tat: 7, now: 100, from: 1, to: 1_000) == 7)
        // A quotient above 64 bits, one just above 2⁶², and one that fits.
        #expect(RateTerms.rescale(tat: RateTerms.latest, now: end, from: 1, to: end) == RateTerms.latest)
        #expect(RateTerms.rescale(tat: end + 2, now: end, from: 1, to: (1 << 61) + 1) == RateTerms.latest)
        #expect(RateTerms.rescale(tat: RateTerms.latest, now: end, from: end, to: 1) == end + 1)
    }

    @Test func rescalingAgreesWithExactArithmetic() {
        let seed = seed()
        var random = Seeded(seed)
        for _ in 0..<20_000 {
            let from = 1 + random.next() >> (2 + random.below(62))
            let to = 1 + random.next() >> (2 + random.below(62))
            let now = random.next() >> (2 + random.below(62))
            let tat = now + random.next() >> (2 + random.below(62))
            let exact = (UInt128(tat - now) * UInt128(to) + UInt128(from) - 1) / UInt128(from)
            let expected = from == to ? tat : now + UInt64(min(exact, 1 << 62))
            #expect(RateTerms.rescale(tat: tat, now: now, from: from, to: to) == expected, "seed \(seed)")
        }
    }
}
