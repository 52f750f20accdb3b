import Ledger
import Testing

@testable import Gateway

/// The verdict that would be, without a charge: what `refusal` asks for.
@Suite struct AdmissionLookTests {
    typealias Base = AdmissionTests

    static func look(passes: Int = 0, isFreeZero: Bool = false) -> Admission {
        Admission(
            policy: Base.policy,
            cost: 2,
            passes: (0..<passes).map { Base.pass(UInt64($0) + 1) },
            binding: Base.binding,
            limits: (isFreeZero ? [] : Base.free) + Base.ceiling,
            freeCount: isFreeZero ? 0 : Base.free.count,
            isFreeZero: isFreeZero,
            chargesNothing: true
        )
    }

    static func charge(_ action: Admission.Action) throws -> Charge {
        guard case .charge(let charge) = action else { throw Problem.noCharge }
        return charge
    }

    enum Problem: Error { case noCharge }

    @Test func freeLimitsAreLookedAt() throws {
        var admission = Self.look()
        let charge = try Self.charge(admission.begin())
        #expect(charge.cost == 0)
        #expect(charge.pass == nil)
        // What a charge of 2 needs, and the reserve of a navigation on top of it.
        #expect(charge.limits.map(\.reserve) == [2, 52, 2])
    }

    @Test func aPassIsLookedAtAndAnEmptyOnePaysNothing() throws {
        var admission = Self.look(passes: 2)
        let first = try Self.charge(admission.begin())
        #expect(first.cost == 0)
        #expect(first.pass?.challenge == ChallengeID(high: 1, low: ~1))
        let second = try Self.charge(admission.charged(.admitted(limits: [], passRemaining: 1)))
        #expect(second.pass?.challenge == ChallengeID(high: 2, low: ~2))
        let verdict = admission.charged(.admitted(limits: [], passRemaining: 2))
        guard case .finish(.admitted(let admitted)) = verdict else { throw Problem.noCharge }
        #expect(admitted.pass?.remaining == 2)
    }

    @Test func noPassIsBoundAgain() throws {
        var admission = Self.look(passes: 1)
        _ = admission.begin()
        let next = try Self.charge(admission.charged(.passRefused(.otherClient)))
        #expect(next.pass == nil)
        #expect(next.cost == 0)
    }

    @Test func theCeilingIsLookedAtWhereNothingIsFree() throws {
        var admission = Self.look(isFreeZero: true)
        let charge = try Self.charge(admission.begin())
        #expect(charge.cost == 0)
        #expect(charge.limits.map(\.reserve) == [2])
        #expect(
            admission.charged(.refused(limit: 0, retryAfterNanoseconds: 5, limits: []))
                == .finish(.overLimit(retryAfterNanoseconds: 5, states: [], refusing: 0))
        )
    }
}
