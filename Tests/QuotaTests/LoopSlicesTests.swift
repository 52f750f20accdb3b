import Ledger
import Quota
import Testing

/// How a loop pays.
@Suite struct LoopSlicesTests {
    private var loop = LoopSlices(loops: 1)
    private let now = 10 * second

    /// Has the loop see a key so often that it is hot.
    private mutating func heat(_ limits: LimitCharge...) {
        for limit in limits {
            for _ in 0..<3 {
                let payment = loop.pay(charge([limit]), now: now)
                #expect(payment.rest != nil)
            }
        }
    }

    private mutating func grant(_ limit: LimitCharge, _ units: UInt64, stopsAt: UInt64 = .max) -> Slice {
        let slice = Slice(units: units, stopsAt: stopsAt)
        loop.granted(BucketID(limit), slice, now: now)
        return slice
    }

    private mutating func refuse(_ limit: LimitCharge, _ reason: SliceRefusal.Reason, least: UInt32 = 1) {
        let refusal = SliceRefusal(reason: reason, least: least, at: now, until: now + 250 * millisecond)
        loop.refused(BucketID(limit), refusal, now: now)
    }

    private mutating func pay(_ limits: LimitCharge..., cost: UInt32 = 1, mayWait: Bool = true) -> Payment {
        loop.pay(charge(limits, cost: cost), mayWait: mayWait, now: now)
    }

    @Test mutating func aColdKeyIsChargedDirectly() throws {
        for second in 0..<20 as Range<UInt64> {
            let payment = loop.pay(charge([limit(1)]), now: now + second * 300 * millisecond)
            #expect(payment.rest?.charge == charge([limit(1)]))
            #expect(payment.rest?.reservation.isEmpty == true)
        }
        #expect(loop.count == 0)
    }

    @Test mutating func aHotKeyWantsASlice() {
        heat(limit(1))
        #expect(pay(limit(1)).wanting == [0])
        #expect(pay(limit(1), mayWait: false).rest != nil)
    }

    @Test mutating func aSlicePays() {
        let slice = grant(limit(1), 10)
        #expect(pay(limit(1), cost: 4).paid?.map(\.remaining) == [56 + 10])
        #expect(slice.left == 6)
        #expect(pay(limit(1), cost: 7).wanting == [0], "there are only six")
        #expect(pay(limit(1), cost: 6).paid != nil)
        #expect(pay(limit(1)).wanting == [0], "it was used until a moment ago")
    }

    @Test mutating func aSliceThatIsOverPaysNothing() {
        let slice = grant(limit(1), 10, stopsAt: now)
        #expect(pay(limit(1)).rest != nil)
        #expect(slice.left == 10)
        let stopped = grant(limit(1), 10)
        stopped.stop()
        #expect(pay(limit(1)).rest != nil)
    }

    @Test mutating func theNextSliceIsSpentAfterTheFirst() {
        let first = grant(limit(1), 3)
        let next = grant(limit(1), 10)
        #expect(pay(limit(1), cost: 2).paid != nil)
        #expect(first.left == 1 && next.left == 10)
        #expect(pay(limit(1), cost: 2).paid != nil)
        #expect(first.left == 1 && next.left == 8, "the first is too small, and not lost")
        #expect(pay(limit(1)).paid != nil)
        #expect(first.left == 0 && next.left == 8)
        let third = grant(limit(1), 10)
        for _ in 0..<18 { #expect(pay(limit(1)).paid != nil) }
        #expect(next.left == 0 && third.left == 0)
    }

    @Test mutating func aSliceIsTakenOnceHoweverOftenItIsTold() {
        let slice = grant(limit(1), 3)
        loop.granted(BucketID(limit(1)), slice, now: now)
        loop.granted(BucketID(limit(1)), slice, now: now)
        #expect(loop.count == 1)
        for _ in 0..<3 { #expect(pay(limit(1)).paid != nil) }
        #expect(pay(limit(1)).wanting == [0])
    }

    @Test mutating func whatTurnsLowIsToldOnce() {
        _ = grant(limit(1), 8)
        for _ in 0..<8 { _ = pay(limit(1)) }
        #expect(loop.hasLow)
        #expect(loop.takeLow() == [BucketID(limit(1))])
        #expect(!loop.hasLow)
    }

    @Test mutating func allLimitsArePaidBySlices() {
        let slices = [grant(limit(1), 10), grant(limit(2, limit: 2), 20)]
        #expect(pay(limit(1), limit(2, limit: 2), cost: 3).paid?.map(\.remaining) == [67, 77])
        #expect(slices.map(\.left) == [7, 17])
        #expect(slices.map(\.hasReservations) == [false, false])
    }

    @Test mutating func oneBucketTwicePaysTwice() {
        let slice = grant(limit(1), 10)
        #expect(pay(limit(1), limit(1), cost: 4).paid?.map(\.remaining) == [62, 62])
        #expect(slice.left == 2)
    }

    @Test mutating func whatWaitsForOneLimitTakesNothingOfOthers() {
        let slice = grant(limit(1), 10)
        heat(limit(2))
        #expect(pay(limit(1), limit(2), limit(3)).wanting == [1])
        #expect(slice.left == 10)
        #expect(!slice.hasReservations)
    }

    @Test mutating func whatHasNoSliceIsTheRest() throws {
        let slice = grant(limit(2), 10)
        let payment = pay(limit(1), limit(2), limit(3), cost: 4)
        let rest = try #require(payment.rest)
        #expect(rest.charge == charge([limit(1), limit(3)], cost: 4))
        #expect(slice.left == 6)
        #expect(slice.hasReservations)

        let outcome = rest.reservation.settle(.admitted(limits: [.left(1), .left(3)], passRemaining: nil), now: now)
        #expect(outcome == .success(.admitted(limits: [.left(1), .left(66), .left(3)], passRemaining: nil)))
        #expect(slice.left == 6)
        #expect(!slice.hasReservations)
    }

    @Test mutating func aRefusalOfTheRestGivesTheReservationBack() throws {
        let slice = grant(limit(2), 10)
        for outcome in [ChargeOutcome.denied(retryAfterNanoseconds: nil), .invalid(.unknownLimit)] {
            let payment = pay(limit(1), limit(2))
            #expect(try #require(payment.rest).reservation.settle(outcome, now: now) == .success(outcome))
            #expect(slice.left == 10)
        }
        let payment = pay(limit(3), limit(2), limit(4))
        let refused = try #require(payment.rest).reservation.settle(
            .refused(limit: 1, retryAfterNanoseconds: 9, limits: [.left(1), .left(2)]),
            now: now
        )
        #expect(
            refused
                == .success(
                    .refused(limit: 2, retryAfterNanoseconds: 9, limits: [.left(1), remaining(70), .left(2)])
                )
        )
        #expect(slice.left == 10)
        #expect(!slice.hasReservations)
    }

    private func remaining(_ units: UInt64) -> LimitState {
        LimitState(remaining: units, resetNanoseconds: (100 - units + 1) * second, burst: 100)
    }

    @Test mutating func whatWasReservedIsGoodUntilItsSliceEnds() throws {
        let slice = grant(limit(2), 10, stopsAt: now + 100)
        let admitted = ChargeOutcome.admitted(limits: [.left(1)], passRemaining: nil)
        let inTime = try #require(pay(limit(1), limit(2)).rest).reservation.settle(admitted, now: now + 99)
        guard case .success(.admitted) = inTime else {
            Issue.record("in time")
            return
        }
        let late = try #require(pay(limit(1), limit(2)).rest).reservation
        // It is given back meanwhile, or not: what matters is when it ends.
        #expect(late.settle(admitted, now: now + 100) == .failure(.noQuorum))
        let sealed = try #require(pay(limit(1), limit(2)).rest).reservation
        _ = slice.seal()
        #expect(sealed.settle(admitted, now: now + 200) == .failure(.noQuorum))
        #expect(!slice.hasReservations)
    }

    @Test mutating func withoutAnAnswerTheReservationIsSpent() throws {
        let slice = grant(limit(2), 10)
        var payment = pay(limit(1), limit(2))
        try #require(payment.rest).reservation.settle(LedgerUnavailable.noQuorum)
        #expect(slice.left == 9)
        payment = pay(limit(1), limit(2))
        try #require(payment.rest).reservation.settle(LedgerUnavailable.overloaded)
        #expect(slice.left == 9, "the ledger was not asked")
        #expect(!slice.hasReservations)
    }

    @Test mutating func aKnownRefusalIsToldAtOnce() {
        refuse(limit(1), .empty(retryAfterNanoseconds: 60 * second, state: .left(2)), least: 3)
        let slice = grant(limit(2), 10)
        let payment = loop.pay(charge([limit(2), limit(1)], cost: 3), now: now + second / 10)
        guard case .refused(.refused(limit: 1, retryAfterNanoseconds: 59_900_000_000, let limits)) = payment else {
            Issue.record("\(payment)")
            return
        }
        #expect(limits.map(\.remaining) == [70, 2])
        #expect(slice.left == 10)
        #expect(pay(limit(1), cost: 2).rest != nil, "two units were not refused")
        let later = loop.pay(charge([limit(1)], cost: 3), now: now + second)
        #expect(later.rest != nil)
    }

    @Test mutating func whatIsEmptyIsRefusedAtOnceBesideWhatIsUnknown() {
        refuse(limit(1), .empty(retryAfterNanoseconds: 60 * second, state: .left(0)))
        heat(limit(2))
        let slice = grant(limit(3), 10)
        for _ in 0..<3 {
            let payment = pay(limit(2), limit(3), limit(1))
            guard case .refused(.refused(limit: 2, retryAfterNanoseconds: 60_000_000_000, _)) = payment else {
                Issue.record("\(payment)")
                return
            }
        }
        #expect(slice.left == 10 && !slice.hasReservations)
    }

    /// A look for a reserve of all that a request would need.
    @Test mutating func aLookIsAnsweredByWhatIsKnown() {
        #expect(pay(limit(1, reserve: 1), cost: 0).rest?.charge == charge([limit(1, reserve: 1)], cost: 0))
        let slice = grant(limit(1), 3)
        #expect(pay(limit(1, reserve: 3), cost: 0).paid?.map(\.remaining) == [63])
        #expect(pay(limit(1, reserve: 4), cost: 0).rest != nil, "there may be more than that in the bucket")
        #expect(pay(limit(1), limit(2), cost: 0).rest != nil)
        #expect(slice.left == 3 && !slice.hasReservations)
        let navigating = grant(limit(3, reserve: 50), 3)
        #expect(pay(limit(1, reserve: 1), limit(3, reserve: 51), cost: 0).paid != nil)
        refuse(limit(4), .empty(retryAfterNanoseconds: 7 * second, state: .left(2)), least: 9)
        #expect(pay(limit(4, reserve: 2), cost: 0).paid?.map(\.remaining) == [2])
        let payment = pay(limit(9), limit(4, reserve: 5), cost: 0)
        guard case .refused(.refused(limit: 1, let wait, let limits)) = payment else {
            Issue.record("\(payment)")
            return
        }
        #expect((3 * second...3 * second + 3).contains(wait))
        #expect(limits.map(\.remaining) == [0, 2])
        refuse(limit(5), .denied(retryAfterNanoseconds: nil), least: 0)
        #expect(pay(limit(5, reserve: 1), cost: 0).refused == .denied(retryAfterNanoseconds: nil))
        #expect(navigating.left == 3)
    }

    @Test mutating func aDenialIsToldAtOnce() {
        refuse(limit(1), .denied(retryAfterNanoseconds: nil))
        let slice = grant(limit(2), 10)
        guard case .refused(.denied(retryAfterNanoseconds: nil)) = pay(limit(2), limit(1)) else {
            Issue.record("a denied key was not denied")
            return
        }
        #expect(slice.left == 10 && !slice.hasReservations)
    }

    @Test mutating func withoutSlicesAHotKeyIsChargedDirectly() {
        heat(limit(1))
        refuse(limit(1), .direct, least: 0)
        #expect(pay(limit(1)).rest != nil)
    }

    @Test mutating func aGrantEndsARefusal() {
        refuse(limit(1), .empty(retryAfterNanoseconds: .max, state: .left(0)))
        #expect(pay(limit(1)).refused != nil)
        _ = grant(limit(1), 5)
        #expect(pay(limit(1)).paid != nil)
    }

    @Test mutating func reservesAreKeptApart() {
        _ = grant(limit(1), 10)
        #expect(pay(limit(1, reserve: 50)).rest != nil)
    }

    @Test mutating func passesGoToTheLedger() {
        let slice = grant(limit(1), 10)
        let pass = PassCharge(challenge: ChallengeID(high: 1, low: 2), recordExpiry: .zero, binding: 0)
        #expect(loop.pay(charge([limit(2)], pass: pass), now: now).rest?.charge == charge([limit(2)], pass: pass))
        #expect(loop.pay(charge([], pass: pass), now: now).rest?.charge == charge([], pass: pass))
        #expect(loop.pay(charge([limit(1)], cost: 0, pass: pass), now: now).rest != nil)
        #expect(loop.pay(charge(Array(repeating: limit(1), count: 17)), now: now).rest != nil)
        #expect(slice.left == 10)
        #expect(loop.pay(charge([]), now: now).paid == [])
    }

    @Test mutating func aPassIsChargedByTheLedgerAndItsLimitsBySlices() {
        let slice = grant(limit(1), 10)
        let pass = PassCharge(challenge: ChallengeID(high: 1, low: 2), recordExpiry: .zero, binding: 0)
        let rest = loop.pay(charge([limit(1), limit(2)], pass: pass), now: now).rest
        #expect(rest?.charge == charge([limit(2)], pass: pass))
        #expect(slice.left == 9)
        #expect(rest?.reservation.settle(.passRefused(.exhausted), now: now) == .success(.passRefused(.exhausted)))
        #expect(slice.left == 10)
        let alone = loop.pay(charge([limit(1)], pass: pass), now: now).rest
        #expect(alone?.charge == charge([], pass: pass))
        let outcome = alone?.reservation.settle(.admitted(limits: [], passRemaining: 3), now: now)
        guard case .success(.admitted(let states, 3))? = outcome else {
            Issue.record("\(String(describing: outcome))")
            return
        }
        #expect(states.count == 1)
        #expect(slice.left == 9 && !slice.hasReservations)
        refuse(limit(3), .empty(retryAfterNanoseconds: 5, state: .left(0)))
        #expect(loop.pay(charge([limit(1), limit(3)], pass: pass), now: now).refused != nil)
        #expect(slice.left == 9)
    }

    @Test mutating func whatItKnowsIsBounded() {
        loop = LoopSlices(loops: 4, bucketsMax: 1_000)
        for key in 0..<5_000 as Range<UInt64> {
            _ = loop.pay(charge([limit(key)]), now: now)
            if key.isMultiple(of: 2) { _ = grant(limit(key), 10) } else { refuse(limit(key), .direct) }
        }
        #expect(loop.count == 1_000)
        for _ in 0..<10 { loop.tick(now: .max) }
        #expect(loop.count == 0)
    }

    @Test mutating func theEndOfTimeIsNoTrap() {
        _ = grant(limit(1), .max)
        for time in [0, UInt64.max] {
            _ = loop.pay(charge([limit(1), limit(2)], cost: .max), now: time)
            loop.tick(now: time)
        }
    }
}
