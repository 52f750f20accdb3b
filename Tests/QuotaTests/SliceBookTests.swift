import Ledger
import Quota
import Testing

/// What a book asks for, and what it makes of the answers.
@Suite struct SliceBookTests {
    private var book = SliceBook(nodes: 3)

    @Test mutating func whoWantsIsAskedForOnce() throws {
        book.want(limit(1), least: 3, loop: 0, now: second)
        book.want(limit(1), least: 2, loop: 1, now: second)
        let lends = book.look().lends
        #expect(lends.count == 1)
        let lend = try #require(lends.first).lend
        #expect(lend == Lend(policy: policy, limit: limit(1), least: 3, wanted: 3, nodes: 3))
    }

    @Test mutating func aSliceIsForAllLoopsThatAsked() throws {
        book.want(limit(1), loop: 0, now: second)
        book.want(limit(1), loop: 5, now: second)
        let ask = try book.ask()
        book.answered(ask.ticket, .lent(7, 20), now: second + millisecond)
        let granted = try book.granted()
        #expect(granted.bucket == BucketID(limit(1)))
        #expect(granted.slice.id == 7)
        #expect(granted.slice.left == 20)
        #expect(granted.slice.stopsAt == second + 1_980 * millisecond)
        #expect(granted.loops.contains(0) && granted.loops.contains(5) && !granted.loops.contains(1))
    }

    @Test mutating func aHeldSliceIsSharedWithoutAsking() throws {
        let slice = try book.hold(limit(1), units: 20, now: second)
        book.want(limit(1), loop: 3, now: second + 2 * millisecond)
        let wanted = book.look()
        #expect(wanted.lends.isEmpty)
        #expect(wanted.granted.first?.slice === slice)
        #expect(wanted.granted.first?.loops == LoopSet(3))
    }

    @Test mutating func moreThanIsLeftIsAskedFor() throws {
        let slice = try book.hold(limit(1), units: 20, now: second)
        #expect(slice.take(18))
        book.want(limit(1), least: 3, now: second + 2 * millisecond)
        #expect(book.look().lends.map(\.lend.least) == [3])
    }

    @Test mutating func bucketsWithOtherReservesAreOthers() throws {
        _ = try book.hold(limit(1), units: 20, now: second)
        book.want(limit(1, reserve: 50), now: second + 2 * millisecond)
        let wanted = book.look()
        #expect(wanted.granted.isEmpty)
        #expect(wanted.lends.map(\.lend.limit.reserve) == [50])
    }

    @Test mutating func aRepeatedAnswerIsOneGrant() throws {
        book.want(limit(1), now: second)
        let ask = try book.ask()
        book.answered(ask.ticket, .lent(7, 20), now: second + millisecond)
        #expect(book.look().granted.count == 1)
        book.answered(ask.ticket, .lent(7, 20), now: second + 2 * millisecond)
        book.answered(ask.ticket, .empty(), now: second + 2 * millisecond)
        book.answered(99, .lent(8, 20), now: second + 2 * millisecond)
        #expect(book.look().isEmpty)
    }

    @Test mutating func theTimeCountsFromTheFirstSending() throws {
        book.want(limit(1), now: second)
        let ask = try book.ask()
        book.answered(ask.ticket, .lent(7, 20), now: second + 1_500 * millisecond)
        #expect(book.look().granted.first?.slice.stopsAt == second + 1_980 * millisecond)
    }

    @Test mutating func whatComesTooLateIsReturnedAndAskedForAgain() throws {
        book.want(limit(1), now: second)
        var returned: [UInt64] = []
        var asked = 0
        var refused: [SliceRefusal.Reason] = []
        var now = second
        for _ in 0..<10 {
            let wanted = book.look()
            asked += wanted.lends.count
            returned += wanted.returns.map(\.units)
            refused += wanted.refused.map(\.refusal.reason)
            #expect(wanted.granted.isEmpty)
            now += 1_900 * millisecond
            for ask in wanted.lends { book.answered(ask.ticket, .lent(ask.ticket, 20), now: now) }
            now += 600 * millisecond
            book.tick(now: now)
        }
        #expect(asked == 4)
        #expect(returned == [20, 20, 20, 20])
        #expect(refused == [.direct])
    }

    @Test mutating func anEmptyBucketIsRefusedAndRemembered() throws {
        book.want(limit(1), least: 5, loop: 2, now: second)
        let ask = try book.ask()
        book.answered(ask.ticket, .empty(), now: second + millisecond)
        let refused = try book.refused()
        #expect(refused.loops == LoopSet(2))
        #expect(refused.refusal.reason == .empty(retryAfterNanoseconds: 60 * second, state: .left(0)))

        book.want(limit(1), least: 5, loop: 1, now: second + 250 * millisecond)
        let again = book.look()
        #expect(again.lends.isEmpty)
        #expect(again.refused.first?.refusal === refused.refusal)
        book.want(limit(1), least: 4, now: second + 250 * millisecond)
        #expect(book.look().lends.count == 1, "fewer units were not refused")
    }

    @Test mutating func aRefusalIsForgottenSoon() throws {
        book.want(limit(1), now: second)
        book.answered(try book.ask().ticket, .empty(), now: second + millisecond)
        book.want(limit(2), now: second)
        _ = book.look()
        book.answered(2, .empty(retryAfter: 10 * millisecond), now: second + millisecond)
        _ = book.look()
        book.want(limit(2), now: second + 12 * millisecond)
        #expect(book.look().lends.count == 1, "it said that it would have something by now")
        book.want(limit(1), now: second + 252 * millisecond)
        #expect(book.look().lends.count == 1)
    }

    @Test mutating func whileOthersHoldUnitsItIsAskedForThreeTimesMore() throws {
        book.want(limit(1), now: second)
        var times: [UInt64] = []
        var refused = 0
        for now in stride(from: second, to: second + 200 * millisecond, by: Int(millisecond)) {
            book.tick(now: now)
            let wanted = book.look()
            refused += wanted.refused.count
            for ask in wanted.lends {
                times.append(now)
                book.answered(ask.ticket, .empty(outstanding: 5), now: now)
            }
        }
        #expect(refused == 1)
        #expect(times == [0, 5, 10, 15].map { second + $0 * millisecond })
        #expect(book.look().refused.isEmpty)
        // It is known to be empty: what comes next is asked for once.
        book.want(limit(1), now: second + 300 * millisecond)
        let ask = try book.ask()
        book.answered(ask.ticket, .empty(outstanding: 5), now: second + 300 * millisecond)
        #expect(book.look().refused.count == 1)
    }

    @Test mutating func aRetryTakesTwoRoundTrips() throws {
        book.want(limit(1), now: second)
        book.answered(try book.ask().ticket, .empty(outstanding: 5), now: second + 20 * millisecond)
        book.tick(now: second + 59 * millisecond)
        #expect(book.look().isEmpty)
        book.tick(now: second + 60 * millisecond)
        #expect(book.look().lends.count == 1)
    }

    @Test mutating func whatItSpentItselfIsNotWaitedFor() throws {
        let slice = try book.hold(limit(1), units: 20, now: second)
        #expect(slice.take(20))
        book.want(limit(1), now: second + 2 * millisecond)
        let ask = try book.ask()
        book.answered(ask.ticket, .empty(outstanding: 20), now: second + 3 * millisecond)
        let wanted = book.look()
        #expect(wanted.refused.count == 1)
        #expect(wanted.lends.isEmpty)
    }

    @Test mutating func whoNeedsLessThanWasAskedForIsAskedFor() throws {
        book.want(limit(1), least: 5, now: second)
        let first = try book.ask()
        book.want(limit(1), least: 2, now: second)
        book.answered(first.ticket, .empty(), now: second + millisecond)
        let second = try book.ask()
        #expect(second.lend.least == 2)
        #expect(second.lend.wanted == 7)
    }

    @Test mutating func withoutAnAnswerNothingIsGuessed() throws {
        book.want(limit(1), loop: 1, now: second)
        let ask = try book.ask()
        book.answered(ask.ticket, .failure(.noQuorum), now: second + millisecond)
        let wanted = book.look()
        #expect(wanted.unavailable.map(\.why) == [.noQuorum])
        #expect(wanted.unavailable.map(\.loops) == [LoopSet(1)])
        #expect(wanted.returns.isEmpty && wanted.lends.isEmpty)
        #expect(book.counts.buckets == 0)
        book.want(limit(1), now: second + 2 * millisecond)
        #expect(book.look().lends.count == 1)
    }

    @Test mutating func whatWasNotTakenIsAskedForAgain() throws {
        book.want(limit(1), now: second)
        var asked = 0
        var last = Wanted([])
        for now in stride(from: second, to: 2 * second, by: Int(millisecond)) {
            book.tick(now: now)
            let wanted = book.look()
            for ask in wanted.lends {
                asked += 1
                book.answered(ask.ticket, .failure(.overloaded), now: now)
            }
            if !wanted.unavailable.isEmpty { last = wanted }
        }
        #expect(asked == 4)
        #expect(last.unavailable.map(\.why) == [.overloaded])
    }

    @Test(arguments: [
        CommandResult.rejected(.unknownToMembers), .rejected(.unknownSession), .lent(.tooManySlices),
        .versionRaised(to: 2),
    ])
    func withoutSlicesItIsChargedDirectly(_ result: CommandResult) throws {
        var book = SliceBook(nodes: 3)
        book.want(limit(1), now: second)
        let ask = try book.ask()
        book.answered(ask.ticket, .success(result), now: second + millisecond)
        #expect(book.look().refused.map(\.refusal.reason) == [.direct])
        book.want(limit(1), now: second + 2 * millisecond)
        #expect(book.look().refused.map(\.refusal.reason) == [.direct])
    }

    @Test mutating func denialsAndUnknownLimitsAreTold() throws {
        book.want(limit(1), now: second)
        book.want(limit(2), now: second)
        _ = book.look()
        book.answered(1, .success(.lent(.denied(retryAfterNanoseconds: nil))), now: second)
        book.answered(2, .success(.lent(.invalid(.unknownLimit))), now: second)
        let reasons = book.look().refused.map(\.refusal.reason)
        #expect(reasons == [.denied(retryAfterNanoseconds: nil), .invalid(.unknownLimit)])
        book.want(limit(1), now: second)
        book.want(limit(2), now: second)
        let wanted = book.look()
        #expect(wanted.refused.count == 1)
        #expect(wanted.lends.count == 1, "limits may be known any moment")
    }
}
