import Ledger
import Testing

@testable import Quota

/// The parts of a book that are small.
@Suite struct SmallPartsTests {
    @Test func demandIsTheLeastAndTheSum() {
        var demand = Demand(0)
        #expect(demand.least == 1 && demand.sum == 1)
        demand.add(7)
        #expect(demand.least == 1 && demand.sum == 8)
        demand.add(.max)
        #expect(demand.sum == .max)
    }

    @Test func dueThingsComeInOrder() {
        var queue = DueQueue()
        #expect(queue.add(BucketID(limit(1)), at: 10) == 10)
        #expect(queue.add(BucketID(limit(2)), at: 5) == 10, "not before what is in front of it")
        #expect(queue.add(BucketID(limit(3)), at: 11) == 11)
        #expect(queue.next(now: 9) == nil)
        #expect(queue.next(now: 10)?.bucket == BucketID(limit(1)))
        #expect(queue.next(now: 10)?.bucket == BucketID(limit(2)))
        #expect(queue.next(now: 10) == nil)
        #expect(queue.first == 11)
    }

    @Test func ownLoansAreForgottenInFourSeconds() {
        var loans = OwnLoans()
        loans.lent(10, now: 5 * second)
        loans.lent(20, now: 7 * second)
        #expect(loans.sum(now: 8 * second) == 30)
        #expect(loans.sum(now: 9 * second) == 20)
        loans.returned(15)
        #expect(loans.sum(now: 9 * second) == 5)
        loans.returned(.max)
        #expect(loans.sum(now: 9 * second) == 0)
        loans.lent(.max, now: 9 * second)
        loans.lent(.max, now: 10 * second)
        #expect(loans.sum(now: 10 * second) == .max)
        #expect(loans.sum(now: .max) == 0)
    }

    @Test func aRecallFindsKeyAndFallback() {
        var index = RecallIndex(countMax: 3)
        index.insert(limit(1))
        index.insert(limit(1))
        index.insert(limit(1, reserve: 5))
        index.insert(limit(2))
        index.insert(limit(3))
        let own = BucketID(limit(1))
        let reserved = BucketID(limit(1, reserve: 5))
        #expect(index.buckets(of: recall(1)) == [own, reserved, BucketID(limit(2))])
        // A fourth of one fallback is found by its key only.
        #expect(index.buckets(of: recall(3)) == [BucketID(limit(3)), own, reserved, BucketID(limit(2))])
        for limit in [limit(1), limit(1, reserve: 5), limit(2), limit(3), limit(3)] { index.remove(limit) }
        #expect(index.count == 0)
    }

    @Test func aRefusalHoldsForAsManyUnitsOrMore() {
        var cache = RefusalCache(countMax: 2, life: 250)
        let refusal = SliceRefusal(reason: .direct, least: 5, at: 100, until: 300)
        #expect(cache.nextSweep == nil)
        cache.remember(refusal, of: BucketID(limit(1)))
        #expect(cache.nextSweep == 250)
        #expect(cache.refusal(BucketID(limit(1)), units: 5, now: 299) === refusal)
        #expect(cache.refusal(BucketID(limit(1)), units: 4, now: 299) == nil)
        #expect(cache.refusal(BucketID(limit(1)), units: 5, now: 300) == nil)
        #expect(cache.isRepeated(BucketID(limit(1)), now: 300))
        cache.sweep(now: 700)
        #expect(cache.count == 1)
        cache.sweep(now: 949)
        #expect(cache.count == 1, "it was swept a moment ago")
        cache.sweep(now: 950)
        #expect(cache.count == 0)
    }

    @Test func timesOfARefusalAreToldAsTheyAreNow() {
        let refusal = SliceRefusal(reason: .direct, least: 0, at: 100, until: 300)
        #expect(refusal.remaining(50, now: 120) == 30)
        #expect(refusal.remaining(50, now: 500) == 1)
        #expect(refusal.remaining(.max, now: 500) == .max)
    }

    @Test func loopsBeyondSixtyFourShare() {
        var loops = LoopSet(3)
        loops.insert(64)
        #expect(loops.contains(3) && loops.contains(0) && loops.contains(67) && !loops.contains(1))
    }

    @Test func bucketsAreToldApart() {
        let all = [
            BucketID(limit(1)), BucketID(limit(2)), BucketID(limit(1, limit: 2)), BucketID(limit(1, reserve: 1)),
        ]
        #expect(Set(all).count == 4)
        #expect(Set(all.map(\.hash)).count == 4)
        let charge = limit(1, limit: 9, reserve: 8)
        let id = BucketID(charge)
        #expect(id.limit == charge.limit && id.quotaKey == charge.key && id.reserve == 8)
        #expect(all.sorted { $0.precedes($1) } == all.reversed().sorted { $0.precedes($1) })
    }
}
