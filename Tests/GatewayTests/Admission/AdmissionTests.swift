import Ledger
import ProofOfWork
import Testing

@testable import Gateway

/// Each transition of the state machine, by the action that it returns: DESIGN section 3, "Admit".
@Suite struct AdmissionTests {
    static let policy = PolicyID(rawValue: 3)
    static let binding: UInt64 = 77
    static let free = [charge(1), charge(2, reserve: 50)]
    static let ceiling = [charge(9)]

    static func charge(_ limit: UInt32, reserve: UInt32 = 0) -> LimitCharge {
        LimitCharge(
            limit: LimitID(rawValue: limit),
            key: QuotaKey(high: 1, low: UInt64(limit)),
            fallback: QuotaKey(high: 2, low: UInt64(limit)),
            reserve: reserve
        )
    }

    static func pass(_ number: UInt64) -> Pass {
        Pass(
            epoch: 1,
            policy: policy.rawValue,
            binding: binding,
            expires: 1_000 + number,
            recordExpiry: 2_000 + number,
            grants: 10,
            id: TokenID(high: number, low: ~number)
        )
    }

    static func admission(
        passes: Int = 0,
        ceiling: [LimitCharge] = ceiling,
        isFreeZero: Bool = false,
        cost: UInt32 = 2
    ) -> Admission {
        Admission(
            policy: policy,
            cost: cost,
            passes: (0..<passes).map { pass(UInt64($0) + 1) },
            binding: binding,
            free: isFreeZero ? [] : free,
            ceiling: ceiling,
            isFreeZero: isFreeZero
        )
    }

    static func passCharge(_ number: UInt64) -> Admission.Action {
        .charge(
            Charge(
                policy: policy,
                cost: 2,
                pass: PassCharge(
                    challenge: ChallengeID(high: number, low: ~number),
                    recordExpiry: LedgerTime(nanoseconds: 2_000 + number),
                    binding: binding
                ),
                limits: ceiling
            )
        )
    }

    static func rebind(_ number: UInt64) -> Admission.Action {
        .rebind(
            Rebind(
                challenge: ChallengeID(high: number, low: ~number),
                policy: policy,
                recordExpiry: LedgerTime(nanoseconds: 2_000 + number),
                binding: binding
            )
        )
    }

    static let freeCharge = Admission.Action.charge(
        Charge(policy: policy, cost: 2, pass: nil, limits: free + ceiling)
    )

    static func state(_ remaining: UInt64, reset: UInt64 = 5) -> LimitState {
        LimitState(remaining: remaining, resetNanoseconds: reset, burst: 100)
    }

    static func refused(_ remaining: [UInt64], retryAfter: UInt64 = 9) -> ChargeOutcome {
        .refused(limit: 0, retryAfterNanoseconds: retryAfter, limits: remaining.map { state($0) })
    }

    // MARK: Without a pass

    @Test func freeLimitsAndCeilingAreOneCharge() {
        var admission = Self.admission()
        #expect(admission.begin() == Self.freeCharge)
        let states = [Self.state(8), Self.state(60), Self.state(90)]
        #expect(
            admission.charged(.admitted(limits: states, passRemaining: nil))
                == .finish(.admitted(Admission.Admitted(states: states, pass: nil)))
        )
    }

    @Test func overTheFreeLimitsWorkHelps() {
        var admission = Self.admission()
        _ = admission.begin()
        #expect(
            admission.charged(Self.refused([1, 60, 90]))
                == .finish(
                    .workRequired(
                        retryAfterNanoseconds: 9,
                        states: [Self.state(1), Self.state(60), Self.state(90)],
                        refusing: 0
                    )
                )
        )
    }

    @Test func overTheReserveAloneWorkHelps() {
        var admission = Self.admission()
        _ = admission.begin()
        guard case .finish(.workRequired) = admission.charged(Self.refused([8, 50, 90])) else {
            Issue.record("a navigation below the reserve is not over the ceiling")
            return
        }
    }

    @Test func overTheCeilingNoWorkHelpsEvenWhereTheFreeLimitsAreReachedToo() {
        for remaining: [UInt64] in [[8, 60, 1], [0, 0, 1], [0, 0, 0]] {
            var admission = Self.admission()
            _ = admission.begin()
            // How long to wait is asked of the ceiling alone: a pass would lift the free limits.
            #expect(admission.charged(Self.refused(remaining)) == Self.look)
            let states = [Self.state(1)]
            #expect(
                admission.charged(.refused(limit: 0, retryAfterNanoseconds: 4, limits: states))
                    == .finish(.overLimit(retryAfterNanoseconds: 4, states: states, refusing: 0))
            )
        }
    }

    @Test func withoutACeilingOnlyWorkIsAskedFor() {
        var admission = Self.admission(ceiling: [])
        #expect(admission.begin() == .charge(Charge(policy: Self.policy, cost: 2, pass: nil, limits: Self.free)))
        guard case .finish(.workRequired) = admission.charged(Self.refused([0, 0])) else {
            Issue.record("there is no ceiling to be over")
            return
        }
    }

    @Test func whatNeverComesBackHasNoRetryAfter() {
        var admission = Self.admission()
        _ = admission.begin()
        #expect(
            admission.charged(Self.refused([0, 60, 90], retryAfter: .max))
                == .finish(
                    .workRequired(
                        retryAfterNanoseconds: nil,
                        states: [Self.state(0), Self.state(60), Self.state(90)],
                        refusing: 0
                    )
                )
        )
    }

    // MARK: With a pass

    @Test func aPassPaysTogetherWithTheCeiling() {
        var admission = Self.admission(passes: 1)
        #expect(admission.begin() == Self.passCharge(1))
        #expect(
            admission.charged(.admitted(limits: [Self.state(4)], passRemaining: 8))
                == .finish(
                    .admitted(
                        Admission.Admitted(
                            states: [Self.state(4)],
                            pass: Admission.Paid(
                                remaining: 8,
                                expires: LedgerTime(nanoseconds: 1_001),
                                granted: 10
                            )
                        )
                    )
                )
        )
    }

    @Test func aPassDoesNotLiftTheCeiling() {
        var admission = Self.admission(passes: 2)
        _ = admission.begin()
        #expect(
            admission.charged(Self.refused([1]))
                == .finish(.overLimit(retryAfterNanoseconds: 9, states: [Self.state(1)], refusing: 0))
        )
    }

    @Test(arguments: [PassRefusal.unknown, .expired, .exhausted, .policyMismatch])
    func aPassThatDoesNotPayGivesWayToTheNextAndThenToTheFreeLimits(_ why: PassRefusal) {
        var admission = Self.admission(passes: 2)
        #expect(admission.begin() == Self.passCharge(1))
        #expect(admission.charged(.passRefused(why)) == Self.passCharge(2))
        #expect(admission.charged(.passRefused(why)) == Self.freeCharge)
    }

    @Test func aPassOfAClientThatMovedIsReboundAndTriedOnceMore() {
        for outcome: RebindOutcome in [.rebound(left: 2), .unchanged] {
            var admission = Self.admission(passes: 1)
            _ = admission.begin()
            #expect(admission.charged(.passRefused(.otherClient)) == Self.rebind(1))
            #expect(admission.rebound(outcome) == Self.passCharge(1))
            guard case .finish(.admitted) = admission.charged(.admitted(limits: [], passRemaining: 1)) else {
                Issue.record("the pass pays after it was rebound")
                return
            }
        }
    }

    @Test func aPassThatIsTakenAwayAgainIsNotReboundTwice() {
        var admission = Self.admission(passes: 2)
        _ = admission.begin()
        _ = admission.charged(.passRefused(.otherClient))
        _ = admission.rebound(.rebound(left: 2))
        #expect(admission.charged(.passRefused(.otherClient)) == Self.passCharge(2))
        // The second has a rebind of its own.
        #expect(admission.charged(.passRefused(.otherClient)) == Self.rebind(2))
    }

    @Test func aPassThatCannotBeReboundGivesWay() {
        for outcome: RebindOutcome in [.tooSoon(retryAfterNanoseconds: 5), .exhausted, .unknown] {
            var admission = Self.admission(passes: 2)
            _ = admission.begin()
            _ = admission.charged(.passRefused(.otherClient))
            #expect(admission.rebound(outcome) == Self.passCharge(2))
            _ = admission.charged(.passRefused(.otherClient))
            #expect(admission.rebound(outcome) == Self.freeCharge)
        }
    }

    /// Room for the cost is asked for, and nothing is taken.
    private static var look: Admission.Action {
        let limits = ceiling.map { LimitCharge(limit: $0.limit, key: $0.key, fallback: $0.fallback, reserve: 2) }
        return .charge(Charge(policy: policy, cost: 0, pass: nil, limits: limits))
    }

    // MARK: Where nothing is free

    @Test func withoutAPassOnlyTheCeilingIsLookedAt() {
        var admission = Self.admission(isFreeZero: true)
        // Cost 0 takes nothing: a request that will be refused drains nothing.
        #expect(admission.begin() == Self.look)
        guard
            case .finish(.workRequired(nil, _, nil)) = admission.charged(
                .admitted(limits: [Self.state(2)], passRemaining: nil)
            )
        else {
            Issue.record("the ceiling has room for the cost")
            return
        }
    }

    @Test func overTheCeilingNoChallengeIsGiven() {
        var admission = Self.admission(isFreeZero: true)
        _ = admission.begin()
        let states = [Self.state(1, reset: 30)]
        #expect(
            admission.charged(.refused(limit: 0, retryAfterNanoseconds: 30, limits: states))
                == .finish(.overLimit(retryAfterNanoseconds: 30, states: states, refusing: 0))
        )
    }

    @Test func withoutACeilingNothingIsAsked() {
        var admission = Self.admission(ceiling: [], isFreeZero: true)
        #expect(admission.begin() == .finish(.workRequired(retryAfterNanoseconds: nil, states: [], refusing: nil)))
    }

    @Test func anExhaustedPassIsAskedForAnother() {
        var admission = Self.admission(passes: 1, isFreeZero: true)
        #expect(admission.begin() == Self.passCharge(1))
        #expect(admission.charged(.passRefused(.exhausted)) == Self.look)
    }

    // MARK: From every state

    @Test(arguments: [0, 1], [false, true])
    func aBanAndChangedLimitsEndItAnywhere(_ passes: Int, _ isFreeZero: Bool) {
        for (outcome, verdict) in [
            (ChargeOutcome.denied(retryAfterNanoseconds: 4), Admission.Verdict.denied(retryAfterNanoseconds: 4)),
            (.denied(retryAfterNanoseconds: nil), .denied(retryAfterNanoseconds: nil)),
            (.invalid(.unknownLimit), .stale), (.invalid(.unknownPolicy), .stale),
        ] {
            var admission = Self.admission(passes: passes, isFreeZero: isFreeZero)
            _ = admission.begin()
            #expect(admission.charged(outcome) == .finish(verdict))
        }
    }
}
