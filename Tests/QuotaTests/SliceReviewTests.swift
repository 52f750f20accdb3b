import Ledger
import Quota
import Testing

/// What time, recalls and the end of the node make of the slices that a book holds.
@Suite struct SliceReviewTests {
    private var book = SliceBook(nodes: 3)
    private let start = second

    @Test mutating func whatLiesIdleIsReturned() throws {
        let slice = try book.hold(limit(1), units: 20, now: start)
        #expect(slice.take(3))
        #expect(book.pass(from: start, to: start + 250 * millisecond).isEmpty)
        let wanted = book.pass(from: start + 250 * millisecond, to: start + 400 * millisecond)
        #expect(wanted.returns == [SliceReturn(slice: 7, units: 17)])
        #expect(wanted.lends.isEmpty)
        #expect(slice.isStopped)
        #expect(book.counts.buckets == 0)
    }

    @Test mutating func whatIsUsedStaysAndIsRenewedBeforeItsEnd() throws {
        let slice = try book.hold(limit(1), units: 1_000, now: start)
        var renewedAt: UInt64?
        var returnedAt: UInt64?
        for now in stride(from: start, to: start + 2 * second, by: Int(5 * millisecond)) {
            if now.isMultiple(of: 100 * millisecond) { _ = slice.take(1) }
            book.tick(now: now)
            let wanted = book.look()
            if let ask = wanted.lends.first {
                #expect(renewedAt == nil, "once")
                renewedAt = now
                book.answered(ask.ticket, .lent(8, 1_000), now: now + millisecond)
            }
            if wanted.returns.contains(where: { $0.slice == 7 }) { returnedAt = now }
        }
        let ends = slice.stopsAt
        #expect(try #require(renewedAt) <= ends - 200 * millisecond)
        #expect(try #require(renewedAt) >= ends - 250 * millisecond)
        #expect(try #require(returnedAt) <= ends - 100 * millisecond)
        #expect(try #require(returnedAt) >= ends - 150 * millisecond)
    }

    @Test mutating func aLowSliceIsRenewedOnce() throws {
        let slice = try book.hold(limit(1), units: 20, now: start)
        #expect(slice.take(15))
        book.low(BucketID(limit(1)), now: start + 2 * millisecond)
        book.low(BucketID(limit(1)), now: start + 2 * millisecond)
        let asks = book.look().lends
        #expect(asks.map(\.lend.least) == [1])
        book.answered(asks[0].ticket, .lent(8, 20), now: start + 3 * millisecond)
        #expect(book.look().granted.count == 1)
        book.low(BucketID(limit(1)), now: start + 4 * millisecond)
        #expect(book.look().isEmpty, "the next one is full")
    }

    @Test mutating func whatTheNodeHoldsOrIsAskingForIsWaitedFor() throws {
        book.wantHeld(limit(1), least: 1, loop: 1, now: start)
        #expect(book.look().refused.count == 1, "nothing is held, and nothing asked for")
        book.want(limit(1), policy: PolicyID(rawValue: 1), least: 1, loop: 0, now: start)
        let ask = try book.ask()
        book.wantHeld(limit(1), least: 1, loop: 1, now: start)
        #expect(book.look().isEmpty)
        book.answered(ask.ticket, .lent(8, 20), now: start + millisecond)
        #expect(book.look().granted.count == 1)
        book.wantHeld(limit(1), least: 1, loop: 1, now: start + 2 * millisecond)
        #expect(book.look().granted.count == 1)
        book.wantHeld(limit(1), least: 100, loop: 1, now: start + 2 * millisecond)
        #expect(book.look().refused.count == 1)
    }

    /// However fast the last one was spent: what a node holds beyond what waits is lost with it.
    @Test mutating func theNextSliceIsNoLargerThanTheLedgerMakesIt() throws {
        let slice = try book.hold(limit(1), units: 20, now: start)
        #expect(slice.take(20))
        book.low(BucketID(limit(1)), now: start + 2 * millisecond)
        #expect(book.look().lends.map(\.lend.wanted) == [0])
    }

    @Test mutating func aRenewalThatIsRefusedIsNotAskedForAgain() throws {
        let slice = try book.hold(limit(1), units: 20, now: start)
        #expect(slice.take(15))
        book.low(BucketID(limit(1)), now: start + 2 * millisecond)
        let ask = try book.ask()
        book.answered(ask.ticket, .empty(outstanding: 20), now: start + 3 * millisecond)
        book.low(BucketID(limit(1)), now: start + 3 * millisecond)
        #expect(book.look().isEmpty)
        // And what it was refused for is known.
        #expect(slice.take(5))
        book.want(limit(1), now: start + 4 * millisecond)
        #expect(book.look().refused.count == 1)
    }

    @Test mutating func aRecallBringsBackWhatIsIdle() throws {
        let slice = try book.hold(limit(1), units: 20, now: start)
        #expect(slice.take(1))
        _ = book.pass(from: start, to: start + 50 * millisecond)
        book.recalled(recall(1), now: start + 60 * millisecond)
        #expect(book.look().isEmpty, "it was used a moment ago")
        let wanted = book.pass(from: start + 60 * millisecond, to: start + 100 * millisecond)
        #expect(wanted.returns == [SliceReturn(slice: 7, units: 19)])
    }

    @Test mutating func aRecallBringsBackAtOnceWhatHasBeenIdle() throws {
        let slice = try book.hold(limit(1), units: 20, now: start)
        #expect(slice.take(1))
        _ = book.pass(from: start, to: start + 150 * millisecond)
        book.recalled(recall(1), now: start + 152 * millisecond)
        #expect(book.look().returns == [SliceReturn(slice: 7, units: 19)])
    }

    @Test mutating func aRecallLeavesWhatIsUsed() throws {
        let slice = try book.hold(limit(1), units: 1_000, now: start)
        for now in stride(from: start, to: start + second, by: Int(5 * millisecond)) {
            _ = slice.take(1)
            if now.isMultiple(of: 50 * millisecond) { book.recalled(recall(1), now: now) }
            book.tick(now: now)
            #expect(book.look().isEmpty)
        }
    }

    @Test mutating func aRecallIsOfAllReservesAndOfTheFallback() throws {
        let others = [limit(1), limit(1, reserve: 9), limit(2), limit(101), limit(1, limit: 2)]
        for (id, limit) in others.enumerated() {
            _ = try book.hold(limit, units: 20, id: UInt64(id), now: start)
        }
        _ = book.pass(from: start, to: start + 150 * millisecond)
        book.recalled(recall(1), now: start + 152 * millisecond)
        // Keys 1 and 2 have the same fallback; key 101 has another, and the last is another limit's.
        #expect(Set(book.look().returns.map(\.slice)) == [0, 1, 2])
    }

    @Test mutating func whatIsReservedIsWaitedFor() throws {
        let slice = try book.hold(limit(1), units: 20, now: start)
        #expect(slice.reserve(5))
        #expect(book.pass(from: start, to: start + 500 * millisecond).returns.isEmpty, "a request is under way")
        let ends = slice.stopsAt
        #expect(book.pass(from: ends - 200 * millisecond, to: ends - 100 * millisecond).returns.isEmpty)
        #expect(slice.isStopped)
        #expect(slice.putBack(5))
        let wanted = book.pass(from: ends - 100 * millisecond, to: ends - 50 * millisecond)
        #expect(wanted.returns == [SliceReturn(slice: 7, units: 20)])
    }

    @Test mutating func whatIsReservedTooLongIsLost() throws {
        let slice = try book.hold(limit(1), units: 20, now: start)
        #expect(slice.reserve(5))
        let wanted = book.pass(from: start, to: slice.stopsAt)
        #expect(wanted.returns == [SliceReturn(slice: 7, units: 15)])
        #expect(!slice.putBack(5))
    }

    @Test mutating func whatIsSpentIsForgotten() throws {
        let slice = try book.hold(limit(1), units: 20, now: start)
        #expect(slice.take(20))
        #expect(book.pass(from: start, to: start + 100 * millisecond).isEmpty)
        #expect(book.counts.buckets == 0)
    }

    @Test mutating func ofManySlicesTheOldestIsReturned() throws {
        for id in 0..<5 as Range<UInt64> {
            book.want(limit(1), least: 21, now: start + id)
            let ask = try book.ask()
            book.answered(ask.ticket, .lent(id, 20), now: start + id)
            if id < 4 { #expect(book.look().returns.isEmpty) }
        }
        #expect(book.look().returns.map(\.slice) == [0])
    }

    @Test mutating func theEndReturnsEverything() throws {
        for key in 1...3 as ClosedRange<UInt64> { _ = try book.hold(limit(key), units: 20, id: key, now: start) }
        book.want(limit(4), loop: 2, now: start)
        let ask = try book.ask()
        book.close(now: start + 10 * millisecond)
        let wanted = book.look()
        #expect(Set(wanted.returns) == Set(([1, 2, 3] as [SliceID]).map { SliceReturn(slice: $0, units: 20) }))
        #expect(wanted.unavailable.map(\.why) == [.stopped])
        #expect(wanted.unavailable.map(\.loops) == [LoopSet(2)])

        book.answered(ask.ticket, .lent(9, 20), now: start + 11 * millisecond)
        book.want(limit(1), now: start + 11 * millisecond)
        let after = book.look()
        #expect(after.returns == [SliceReturn(slice: 9, units: 20)])
        #expect(after.unavailable.map(\.why) == [.stopped])
        #expect(after.lends.isEmpty)
        book.close(now: start + 12 * millisecond)
        #expect(book.pass(from: start, to: start + second).isEmpty)
    }

    @Test mutating func whatWasLentUnderOtherLimitsIsReturned() throws {
        let slice = try book.hold(limit(1), units: 20, now: start)
        book.want(limit(2), now: start)
        book.want(limit(3), now: start)
        let asks = book.look().lends
        book.answered(asks[1].ticket, .empty(), now: start)
        _ = book.look()

        book.renounce(now: start + 10 * millisecond)
        #expect(book.look().returns == [SliceReturn(slice: 7, units: 20)])
        #expect(slice.isStopped)
        // What was lent before, and is heard of now.
        book.answered(asks[0].ticket, .lent(8, 20), now: start + 11 * millisecond)
        let wanted = book.pass(from: start + 11 * millisecond, to: start + 30 * millisecond)
        #expect(wanted.returns == [SliceReturn(slice: 8, units: 20)])
        #expect(wanted.granted.isEmpty)
        let again = try #require(wanted.lends.first)
        book.answered(again.ticket, .lent(9, 20), now: start + 32 * millisecond)
        #expect(book.look().granted.count == 1)
        // What was refused before may be had now.
        book.want(limit(3), now: start + 33 * millisecond)
        #expect(book.look().lends.count == 1)
        book.want(limit(1), now: start + 33 * millisecond)
        #expect(book.look().lends.count == 1)
    }

    @Test mutating func aTickWithNothingDueDoesNothing() throws {
        #expect(book.nextTick == nil)
        _ = try book.hold(limit(1), units: 20, now: start)
        #expect(book.nextTick == start + 51 * millisecond)
    }

    @Test mutating func whatItHoldsIsBounded() throws {
        var settings = SliceSettings()
        settings.bucketsMax = 100
        settings.refusalsMax = 50
        book = SliceBook(nodes: 3, settings: settings)
        for key in 0..<1_000 as Range<UInt64> { book.want(limit(key), now: start) }
        var wanted = book.look()
        #expect(wanted.lends.count == 100)
        #expect(wanted.refused.count == 900)
        #expect(wanted.refused.allSatisfy { $0.refusal.reason == .direct })
        for ask in wanted.lends { book.answered(ask.ticket, .empty(), now: start) }
        #expect(book.counts.buckets == 0)
        #expect(book.counts.refusals == 50)
        wanted = book.look()
        #expect(wanted.refused.count == 100)
        _ = book.pass(from: start, to: start + 2 * second)
        #expect(book.counts.refusals == 0)
    }
}
