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
            limits: free + ceiling,
            freeCount: free.count,
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

    @Test func nothingElsePaysWhereTheCeilingIsNotKnown() {
        var admission = Self.admission(isFreeZero: true)
        _ = admission.begin()
        #expect(admission.undecided() == nil)
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
