import Testing

@testable import Ledger

@Suite struct ChargeTests {
    @Test func aBurstIsHadAtOnceAndThenOneUnitAnInterval() {
        var fixture = Fixture([.free(10, 3)])
        #expect(fixture.drain(1, at: 100) == 3)
        #expect(
            fixture.charge([fixture.limitCharge(1)], at: 100)
                == .refused(
                    limit: 0,
                    retryAfterNanoseconds: 10,
                    limits: [LimitState(remaining: 0, resetNanoseconds: 30, burst: 3)]
                )
        )
        #expect(fixture.drain(1, at: 109) == 0)
        #expect(
            fixture.charge([fixture.limitCharge(1)], at: 110)
                == .admitted(
                    limits: [LimitState(remaining: 0, resetNanoseconds: 30, burst: 3)],
                    passRemaining: nil
                )
        )
        #expect(fixture.drain(2, at: 110) == 3)
    }

    // envoyproxy/ratelimit#1060: a refused request still drained the other limits.
    @Test func aRefusedChargeDrainsNothing() {
        var fixture = Fixture([.free(10, 5), .free(10, 2, key: "client/24"), .free(10, 7, key: "all")])
        let all = [
            fixture.limitCharge(1), fixture.limitCharge(2, limit: 1), fixture.limitCharge(3, limit: 2),
        ]
        #expect(fixture.charge(all).isAdmitted)
        #expect(fixture.charge(all).isAdmitted)
        let before = fixture.ledger
        for _ in 0..<20 {
            #expect(
                fixture.charge(all)
                    == .refused(
                        limit: 1,
                        retryAfterNanoseconds: 10,
                        limits: [
                            LimitState(remaining: 3, resetNanoseconds: 20, burst: 5),
                            LimitState(remaining: 0, resetNanoseconds: 20, burst: 2),
                            LimitState(remaining: 5, resetNanoseconds: 20, burst: 7),
                        ]
                    )
            )
        }
        #expect(fixture.ledger.tableDigest == before.tableDigest)
        #expect(fixture.drain(1) == 3)
        #expect(fixture.drain(3, limit: 2) == 5)
    }

    @Test func aRefusedChargeMakesNoBucketsAndTakesNoGrant() {
        var fixture = Fixture([.free(10, 1), .ceiling(10, 5)])
        let spend = fixture.spend(1)
        #expect(fixture.apply(spend, at: 0) == .opened(passState(spend)))
        #expect(fixture.drain(1) == 1)
        let pass = PassCharge(challenge: spend.challenge, recordExpiry: spend.recordExpiry, binding: 5)
        let charge = [fixture.limitCharge(1), fixture.limitCharge(9, limit: 1)]
        #expect(fixture.charge(charge, pass: pass).isRefused)
        #expect(fixture.ledger.counts.keys == 1)
        #expect(fixture.ledger.pass(spend.challenge, recordExpiry: spend.recordExpiry)?.remaining == 10)
    }

    private func passState(_ spend: Spend) -> PassState {
        PassState(
            remaining: 10,
            expires: LedgerTime(nanoseconds: 600 * second),
            epoch: 1,
            binding: 5,
            recordExpiry: spend.recordExpiry
        )
    }

    @Test func theLimitThatClearsLastIsNamed() {
        var fixture = Fixture([.free(10, 1), .free(50, 1, key: "b"), .free(20, 1, key: "c")])
        let charge = (0..<3).map { fixture.limitCharge(1, limit: $0) }
        #expect(fixture.charge(charge).isAdmitted)
        guard case .refused(let limit, let wait, _) = fixture.charge(charge, at: 5) else {
            Issue.record("admitted")
            return
        }
        #expect(limit == 1)
        #expect(wait == 45)
        // Exactly then it is admitted, and not a nanosecond before.
        #expect(fixture.charge(charge, at: 49).isRefused)
        #expect(fixture.charge(charge, at: 50).isAdmitted)
    }

    @Test func aReserveMustBeLeft() {
        var fixture = Fixture([.free(10, 5)])
        func navigation() -> [LimitCharge] { [fixture.limitCharge(1, reserve: 3)] }
        #expect(fixture.charge(navigation()).isAdmitted)
        #expect(fixture.charge(navigation()).isAdmitted)
        #expect(fixture.charge(navigation()).isRefused)
        #expect(fixture.drain(1) == 3)
        guard case .refused(_, let wait, _) = fixture.charge(navigation()) else {
            Issue.record("admitted")
            return
        }
        #expect(wait == 40)
    }

    @Test func moreThanABurstIsNeverHad() {
        var fixture = Fixture([.free(10, 5), .free(10, 50, key: "b")])
        let full = [
            LimitState(remaining: 5, resetNanoseconds: 0, burst: 5),
            LimitState(remaining: 50, resetNanoseconds: 0, burst: 50),
        ]
        let charge = [fixture.limitCharge(1), fixture.limitCharge(1, limit: 1)]
        let never = ChargeOutcome.refused(limit: 0, retryAfterNanoseconds: .max, limits: full)
        #expect(fixture.charge(charge, cost: 6) == never)
        #expect(
            fixture.charge(charge, cost: .max) == .refused(limit: 0, retryAfterNanoseconds: .max, limits: full)
        )
        #expect(fixture.charge([fixture.limitCharge(1, reserve: .max)], cost: .max).isRefused)
        #expect(fixture.ledger.counts.keys == 0)
        #expect(fixture.charge(charge, cost: 5).isAdmitted)
    }

    @Test func costZeroReadsAndMakesNothing() {
        var fixture = Fixture([.free(10, 5)])
        let full = LimitState(remaining: 5, resetNanoseconds: 0, burst: 5)
        #expect(
            fixture.charge([fixture.limitCharge(1)], cost: 0) == .admitted(limits: [full], passRemaining: nil)
        )
        #expect(fixture.ledger.counts.keys == 0)
        #expect(fixture.drain(1) == 5)
        #expect(fixture.charge([fixture.limitCharge(1)], cost: 0).isAdmitted)
        #expect(fixture.charge([fixture.limitCharge(1, reserve: 1)], cost: 0).isRefused)
        // Also where a revision left more used than there is.
        fixture.set([.free(10, 1)])
        #expect(fixture.charge([fixture.limitCharge(1)], cost: 0).isAdmitted)
    }

    @Test func aLimitAndKeyThatOccurTwiceCountTwice() {
        var fixture = Fixture([.free(10, 5)])
        let twice = [fixture.limitCharge(1), fixture.limitCharge(1)]
        let left = LimitState(remaining: 3, resetNanoseconds: 20, burst: 5)
        #expect(fixture.charge(twice) == .admitted(limits: [left, left], passRemaining: nil))
        #expect(fixture.charge(twice).isAdmitted)
        #expect(fixture.charge(twice).isRefused)
        #expect(fixture.drain(1) == 1)
        // Both together are more than a burst: waiting would not help.
        #expect(
            fixture.charge([fixture.limitCharge(2), fixture.limitCharge(2)], cost: 3)
                == .refused(
                    limit: 1,
                    retryAfterNanoseconds: .max,
                    limits: Array(repeating: LimitState(remaining: 5, resetNanoseconds: 0, burst: 5), count: 2)
                )
        )
    }

    @Test func whatTheLedgerDoesNotKnowIsInvalid() {
        var fixture = Fixture([.free(10, 5)])
        let limit = fixture.limitCharge(1)
        var foreign = limit
        foreign.limit.rawValue += 1
        #expect(fixture.charge([limit, foreign]) == .invalid(.unknownLimit))
        #expect(fixture.charge(Array(repeating: limit, count: 17), cost: 0) == .invalid(.tooManyLimits))
        let unknown = Charge(policy: PolicyID(rawValue: 9), cost: 1, pass: nil, limits: [limit])
        #expect(fixture.apply(.charge(unknown)) == .charged(.invalid(.unknownPolicy)))
        #expect(fixture.charge(Array(repeating: limit, count: 16), cost: 0).isAdmitted)
        #expect(fixture.charge([]) == .admitted(limits: [], passRemaining: nil))
    }

    @Test func timeNeverRunsBackwards() {
        var fixture = Fixture([.free(10, 1)])
        #expect(fixture.drain(1, at: 1_000) == 1)
        #expect(fixture.charge([fixture.limitCharge(1)], at: 0).isRefused)
        #expect(fixture.ledger.time.nanoseconds == 1_000)
        #expect(fixture.charge([fixture.limitCharge(1)], at: 1_009).isRefused)
        #expect(fixture.charge([fixture.limitCharge(1)], at: 1_010).isAdmitted)
    }

    @Test func theEndOfTimeTrapsNothing() {
        let end = LedgerTime.maximumNanoseconds
        var fixture = Fixture([.free(end, 1), .free(1, end, key: "b"), .free(1, 1, key: "c")])
        let charge = (0..<3).map { fixture.limitCharge(1, limit: $0) }
        #expect(fixture.charge(charge, at: .max).isAdmitted)
        #expect(fixture.ledger.time == .maximum)
        guard case .refused(0, end, let states) = fixture.charge(charge, at: .max) else {
            Issue.record("not refused for 2⁶² ns")
            return
        }
        #expect(states[0].resetNanoseconds == end)
        #expect(fixture.charge([charge[1]], cost: .max, at: .max).isAdmitted)
        let spend = fixture.spend(1, issued: end, grants: .max)
        #expect(fixture.apply(spend, at: .max) != .expired)
        fixture.pass(to: .max)
        #expect(fixture.ledger.counts.keys == 3)
        fixture.set([.free(1, 1), .free(end, 1, key: "b")], at: .max)
        #expect(fixture.charge([fixture.limitCharge(1, limit: 1)], cost: 1, at: .max).isRefused)
    }
}
