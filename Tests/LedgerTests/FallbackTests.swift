import TestSupport
import Testing

@testable import Ledger

@Suite struct FallbackTests {
    private let interval = 10 * second

    @Test func keysBeyondTheTableShareTheirFallback() {
        var fixture = Fixture([.free(interval, 3)], maxKeys: 2)
        #expect(fixture.drain(1) == 3)
        #expect(fixture.drain(2) == 3)
        // Three clients of one prefix have one bucket between them.
        #expect(fixture.charge([fixture.limitCharge(3, fallback: 7)]).isAdmitted)
        #expect(fixture.charge([fixture.limitCharge(4, fallback: 7)]).isAdmitted)
        #expect(fixture.charge([fixture.limitCharge(5, fallback: 7)]).isAdmitted)
        #expect(fixture.drain(6, fallback: 7) == 0)
        #expect(fixture.ledger.counts.keys == 2)
        #expect(fixture.ledger.counts.fallbacks == 1)
        // There is room for 2 / 8 + 1 fallbacks; any other shares the limit's one bucket.
        #expect(fixture.charge([fixture.limitCharge(3, fallback: 8)]).isAdmitted)
        #expect(fixture.charge([fixture.limitCharge(4, fallback: 9)]).isAdmitted)
        #expect(fixture.drain(5, fallback: 10) == 1)
        #expect(fixture.drain(6, fallback: 11) == 0)
        #expect(fixture.ledger.counts.fallbacks == 1)
    }

    @Test func aTableHasRoomForExactlyItsKeysAndAnEighthOfFallbacks() {
        var fixture = Fixture([.free(interval, 1)], maxKeys: 80)
        for key in 0..<UInt64(200) { fixture.charge([fixture.limitCharge(key, fallback: key)]) }
        #expect(fixture.ledger.counts.keys == 80)
        #expect(fixture.ledger.counts.fallbacks == 11)
    }

    // limitador#466: eviction under memory pressure refilled the bucket.
    @Test func aBucketThatIsNotFullIsNeverForgotten() {
        var fixture = Fixture([.free(interval, 5)], maxKeys: 4)
        for key in 0..<UInt64(4) { #expect(fixture.drain(key) == 5) }
        for key in 4..<UInt64(40) { fixture.drain(key, fallback: key) }
        fixture.pass(to: 49 * second)
        #expect(fixture.ledger.counts.keys == 4)
        for key in 0..<UInt64(4) {
            #expect(fixture.drain(key, at: 49 * second) == 4)
        }
    }

    @Test func whatIsFullIsForgottenAndMakesRoom() {
        var fixture = Fixture([.free(interval, 5)], maxKeys: 4)
        for key in 0..<UInt64(4) { #expect(fixture.drain(key) == 5) }
        fixture.pass(to: 51 * second)
        // Full, and so as good as absent, but only what the sweep has come by makes room.
        let swept = Int(51 * second >> 24)
        let left = (0..<UInt64(4)).count { ShardedTable<QuotaEntry>.slice(of: .test($0)) >= swept }
        #expect(fixture.ledger.counts.keys == left)
        fixture.pass(to: 140 * second)
        #expect(fixture.ledger.counts.keys == 0)
        #expect(fixture.drain(9, at: 140 * second) == 5)
        #expect(fixture.ledger.counts.keys == 1)
    }

    @Test func aNewBucketBeginsWhereItsFallbackStands() {
        var fixture = Fixture([.free(interval, 5), .free(1, 1, key: "b")], maxKeys: 1)
        #expect(fixture.drain(1) == 5)
        // Client 2 drains its fallback, then gets a bucket of its own: it must not be full.
        #expect(fixture.drain(2, fallback: 7, at: 30 * second) == 5)
        fixture.set([.free(interval, 5), .free(1, 1, key: "b")], maxKeys: 10, at: 30 * second)
        #expect(fixture.drain(2, fallback: 7, at: 30 * second) == 0)
        #expect(fixture.drain(2, fallback: 7, at: 40 * second) == 1)
        #expect(fixture.ledger.counts.keys == 2)
        // A client of another prefix is not concerned.
        #expect(fixture.drain(3, fallback: 8, at: 40 * second) == 5)
    }

    @Test func aNewBucketBeginsWhereTheSharedOneStands() {
        var fixture = Fixture([.free(interval, 5)], maxKeys: 1)
        #expect(fixture.drain(1) == 5)
        #expect(fixture.drain(2, fallback: 2) == 5)
        #expect(fixture.drain(3, fallback: 3) == 5)
        fixture.set([.free(interval, 5)], maxKeys: 10)
        // Whoever used the shared bucket gets nothing anew, neither alone nor by a fallback.
        #expect(fixture.drain(3, fallback: 3) == 0)
        #expect(fixture.drain(4, fallback: 4) == 0)
        #expect(fixture.drain(4, fallback: 4, at: interval) == 1)
    }

    @Test func bucketsThatOneChargeMakesCountAgainstEachOther() {
        var fixture = Fixture([.free(interval, 5)], maxKeys: 2)
        let keys = (1...4).map { fixture.limitCharge($0, fallback: 7) }
        guard case .admitted(let states, _) = fixture.charge(keys) else {
            Issue.record("refused")
            return
        }
        #expect(states.map(\.remaining) == [4, 4, 3, 3])
        #expect(fixture.ledger.counts.keys == 2)
        #expect(fixture.ledger.counts.fallbacks == 1)
    }

    @Test func aGroupOfKeysThatIsFullSharesToo() {
        var fixture = Fixture([.free(minute, 1)], maxKeys: LedgerBounds.keysPerLimit)
        var random = Seeded(5)
        let most = ShardedTable<QuotaEntry>.maxGroupEntries
        let limit = fixture.limit()
        var charged = 0
        var admitted = 0
        while charged < most + 50 {
            let key = QuotaKey(high: random.next(), low: random.next())
            guard ShardedTable<QuotaEntry>.slice(of: key) == 3 else { continue }
            charged += 1
            let charge = LimitCharge(limit: limit, key: key, fallback: .test(1), reserve: 0)
            if fixture.charge([charge]).isAdmitted { admitted += 1 }
        }
        #expect(fixture.ledger.counts.keys == most)
        #expect(fixture.ledger.counts.fallbacks == 1)
        #expect(admitted == most + 1)
    }
}
