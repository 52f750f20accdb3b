import Ledger
import ProofOfWork
import Testing

@testable import Gateway

/// What the state machine does where nobody answers, and with passes that are good at this node alone.
extension AdmissionTests {
    private static let origin = TokenOrigin(replicaHigh: 1, replicaLow: 2, boot: 3)

    private static func passCharge(here number: UInt64) -> Admission.Action {
        guard case .charge(let charge) = passCharge(number) else { preconditionFailure("it is a charge") }
        return .chargePassOfHere(charge)
    }

    /// An admission with passes, of which the first is good here alone.
    private static func admission(here: Bool, passes count: Int = 2) -> Admission {
        var passes = (0..<count).map { pass(UInt64($0) + 1) }
        if here { passes[0].origin = origin }
        return Admission(
            policy: policy,
            cost: 2,
            passes: passes,
            binding: binding,
            free: free,
            ceiling: ceiling,
            isFreeZero: false
        )
    }

    @Test func aPassThatNobodyDecidesOnDoesNotPayAndTheNextIsTried() {
        var admission = Self.admission(passes: 2)
        #expect(admission.begin() == Self.passCharge(1))
        #expect(admission.undecided() == Self.passCharge(2))
        let free = Charge(policy: Self.policy, cost: 2, pass: nil, limits: Self.free + Self.ceiling)
        #expect(admission.undecided() == .charge(free))
        #expect(admission.undecided() == nil)
    }

    @Test func whereNobodyBindsAPassAgainTheNextIsTried() {
        var admission = Self.admission(passes: 2)
        _ = admission.begin()
        #expect(admission.charged(.passRefused(.otherClient)) == Self.rebind(1))
        #expect(admission.undecided() == Self.passCharge(2))
    }

    private static let workAlone = Admission.Action.finish(
        .workRequired(retryAfterNanoseconds: nil, states: [], refusing: nil)
    )

    @Test func nothingElsePaysWhereTheCeilingIsNotKnown() {
        var admission = Self.admission(isFreeZero: true)
        _ = admission.begin()
        #expect(admission.undecided() == Self.workAlone)
    }

    @Test func noneIsLetThroughWithoutAPassWhereEachRequestNeedsOne() {
        var admission = Self.admission(isFreeZero: true)
        _ = admission.begin()
        #expect(admission.undecidedAndLetThrough() == Self.workAlone)
        var withPass = Self.admission(passes: 1, isFreeZero: true)
        _ = withPass.begin()
        #expect(withPass.undecidedAndLetThrough() == nil, "it is authentic")
        var unlimited = Self.admission(ceiling: [], isFreeZero: true)
        #expect(unlimited.begin() == Self.workAlone)
    }

    private static func states(ceiling: LimitState) -> [LimitState] {
        [
            LimitState(remaining: 5, resetNanoseconds: 1, burst: 5),
            LimitState(remaining: 0, resetNanoseconds: 70, burst: 7), ceiling,
        ]
    }

    @Test func whatIsKnownToBeOverTheFreeLimitsIsNotLetThrough() {
        // Of the ceiling nothing is known.
        let unknown = Self.states(ceiling: LimitState(remaining: 0, resetNanoseconds: 0, burst: 0))
        var admission = Self.admission()
        _ = admission.begin()
        #expect(admission.undecidedAndLetThrough() == nil, "of that nothing was known")
        _ = admission.charged(.refused(limit: 1, retryAfterNanoseconds: 20, limits: unknown))
        var working = admission
        let work = Admission.Action.finish(
            .workRequired(retryAfterNanoseconds: 20, states: unknown, refusing: 1)
        )
        #expect(admission.undecidedAndLetThrough() == work)
        #expect(working.undecided() == work)
    }

    @Test func whatIsKnownToBeOverTheCeilingIsToldSo() {
        // One of ten units is there, of which one comes back in 5 ns; two are needed.
        let ceiling = LimitState(remaining: 1, resetNanoseconds: 45, burst: 10)
        var admission = Self.admission()
        _ = admission.begin()
        _ = admission.charged(.refused(limit: 1, retryAfterNanoseconds: 20, limits: Self.states(ceiling: ceiling)))
        #expect(
            admission.undecidedAndLetThrough()
                == .finish(.overLimit(retryAfterNanoseconds: 5, states: [ceiling], refusing: 0))
        )
    }

    @Test func aPassThatNobodyDecidesOnDoesNotLiftTheCeilingThatTheNodeCounts() {
        let full = [LimitState(remaining: 0, resetNanoseconds: 50, burst: 10)]
        let refused = ChargeOutcome.refused(limit: 0, retryAfterNanoseconds: 5, limits: full)
        let over = Admission.Action.finish(.overLimit(retryAfterNanoseconds: 5, states: full, refusing: 0))
        var admission = Self.admission(passes: 1)
        _ = admission.begin()
        #expect(admission.refusedHere(.admitted(limits: [], passRemaining: nil)) == nil)
        #expect(admission.refusedHere(refused) == over)
        // The same while the pass is to be bound again.
        var moved = Self.admission(passes: 1)
        _ = moved.begin()
        _ = moved.charged(.passRefused(.otherClient))
        #expect(moved.refusedHere(refused) == over)
        var stale = Self.admission(passes: 1)
        _ = stale.begin()
        #expect(stale.refusedHere(.invalid(.unknownLimit)) == .finish(.stale))
    }

    @Test func aStepSaysWhatItIsToCharge() {
        var admission = Self.admission(passes: 1)
        _ = admission.begin()
        #expect(admission.stepCharge == Charge(policy: Self.policy, cost: 2, pass: nil, limits: Self.ceiling))
        _ = admission.undecided()
        #expect(
            admission.stepCharge == Charge(policy: Self.policy, cost: 2, pass: nil, limits: Self.free + Self.ceiling)
        )
    }

    @Test func aPassOfThisNodeAloneIsChargedHereAndNeverBoundAgain() {
        var admission = Self.admission(here: true)
        #expect(admission.begin() == Self.passCharge(here: 1))
        guard case .finish(.admitted(let admitted)) = admission.charged(.admitted(limits: [], passRemaining: 7)) else {
            Issue.record("it does not pay")
            return
        }
        #expect(admitted.pass?.remaining == 7)
        var moved = Self.admission(here: true)
        _ = moved.begin()
        #expect(moved.charged(.passRefused(.otherClient)) == Self.passCharge(2))
    }
}
