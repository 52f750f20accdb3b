import Ledger
import NIOCore
import NIOEmbedded
import Quota
import Settings
import Testing

@testable import Gateway

/// A node of two loops with its slices against a real ledger, in time that only the tests let pass.
@Suite struct QuotaLoopTests {
    private static let day: UInt64 = 86_400 * second

    private func free(_ interval: UInt64, _ burst: UInt64) -> LimitDefinition {
        LimitDefinition(role: .free, key: "client", interval: interval, burst: burst)
    }

    @Test func aKeyThatIsSeenSeldomIsChargedDirectly() throws {
        let world = try QuotaWorld([free(Self.day, 1_000)])
        for key in 0..<100 as Range<UInt64> { #expect(world.admits([world.limit(0, key)]) == true) }
        for _ in 0..<20 {
            #expect(world.admits([world.limit(0, 1_000)]) == true)
            world.pass(milliseconds: 1_000)
        }
        #expect(world.loans == 0)
        #expect(world.charges == 120)
    }

    @Test func aKeyThatIsSeenOftenIsPaidFromSlicesOnBothLoops() throws {
        let world = try QuotaWorld([free(Self.day, 10_000)])
        for request in 0..<4_000 {
            #expect(world.admits([world.limit(0, 1)], loop: request % 2) == true)
            world.pass(milliseconds: 1)
        }
        #expect(world.charges < 20, "\(world.charges) charges")
        #expect((1..<400).contains(world.loans), "\(world.loans) loans")
    }

    @Test func aBurstIsHadToItsEndAndNoMore() throws {
        let world = try QuotaWorld([free(Self.day, 1_000)])
        var admitted = 0
        for request in 0..<3_000 {
            if world.admits([world.limit(0, 1)], loop: request % 2) == true { admitted += 1 }
            world.pass(milliseconds: 1)
        }
        #expect(admitted == 1_000)
        #expect(world.charges + world.loans + world.returns < 1_000)
    }

    @Test func strongPoliciesAndEarlierLedgersKnowNoSlices() throws {
        let strong = try QuotaWorld([free(Self.day, 1_000)])
        for _ in 0..<100 { _ = strong.charge([strong.limit(0, 1)], consistency: .strong) }
        #expect(strong.loans == 0 && strong.charges == 100)
        let earlier = try QuotaWorld([free(Self.day, 1_000)], ledgerVersion: 1)
        for _ in 0..<100 { #expect(earlier.admits([earlier.limit(0, 1)]) == true) }
        #expect(earlier.loans == 0 && earlier.charges == 100)
    }

    @Test func limitsWithAndWithoutSlicesAreChargedTogetherOrNotAtAll() throws {
        // All requests share the first; each client has few of the second.
        let world = try QuotaWorld([free(Self.day, 10_000), free(Self.day, 2)])
        var admitted = 0
        for request in 0..<600 as Range<UInt64> {
            if world.admits([world.limit(0, 1), world.limit(1, 100 + request % 200)]) == true { admitted += 1 }
            world.pass(milliseconds: 5)
        }
        #expect(admitted == 400)
        #expect(world.loans > 0)
        world.desks.value.close()
        world.eventLoop.run()
        // What was refused took nothing of the shared limit.
        guard case .success(.admitted(let states, _)) = world.charge([world.limit(0, 1)], consistency: .strong) else {
            Issue.record("refused")
            return
        }
        #expect(states[0].remaining == 10_000 - 400 - 1)
    }

    /// A pass of the ledger's.
    private func pass(_ world: QuotaWorld, grants: UInt32) -> PassCharge {
        let spend = Spend(
            challenge: ChallengeID(high: 1, low: 1),
            policy: world.policy,
            issued: world.clients[0].now(),
            challengeLifetime: 300,
            passLifetime: 600,
            grants: grants,
            binding: 5,
            idempotencyKey: nil
        )
        world.clients[0].submit([.spend(spend)]) { _ in }
        world.eventLoop.run()
        return PassCharge(challenge: spend.challenge, recordExpiry: spend.recordExpiry, binding: 5)
    }

    @Test func aPassIsNotRefusedForUnitsThatTheNodeHoldsItself() throws {
        let world = try QuotaWorld([free(Self.day, 12)])
        let pass = pass(world, grants: 20)
        // Seen so often that all that is left is lent.
        for _ in 0..<5 { #expect(world.admits([world.limit(0, 1)]) == true) }
        #expect(world.loans > 0)
        let charges = world.charges
        for left in 0..<7 as Range<UInt32> {
            guard case .success(.admitted(let states, let remaining)) = world.charge([world.limit(0, 1)], pass: pass)
            else {
                Issue.record("refused after \(left)")
                return
            }
            #expect(remaining == 19 - left)
            #expect(states.map(\.remaining) == [UInt64(6 - left)])
        }
        #expect(world.charges == charges + 7)
        guard case .success(.refused) = world.charge([world.limit(0, 1)], pass: pass) else {
            Issue.record("admitted beyond the limit")
            return
        }
        // A pass that does not pay takes nothing of the limit.
        let other = try QuotaWorld([free(Self.day, 1_000)])
        for _ in 0..<5 { #expect(other.admits([other.limit(0, 1)]) == true) }
        let nobody = PassCharge(
            challenge: ChallengeID(high: 9, low: 9),
            recordExpiry: other.clients[0].now().adding(seconds: 600),
            binding: 5
        )
        for _ in 0..<5 {
            #expect(other.charge([other.limit(0, 1)], pass: nobody) == .success(.passRefused(.unknown)))
        }
        other.desks.value.close()
        other.eventLoop.run()
        guard case .success(.admitted(let states, _)) = other.charge([other.limit(0, 1)], consistency: .strong) else {
            Issue.record("refused")
            return
        }
        #expect(states[0].remaining == 994)
    }

    @Test func withoutAQuorumWhatIsHeldIsSpentAndTheRestIsUndecided() throws {
        let world = try QuotaWorld([free(Self.day, 10_000)])
        for _ in 0..<50 {
            _ = world.admits([world.limit(0, 1)])
            world.pass(milliseconds: 1)
        }
        for client in world.clients { client.failure = .noQuorum }
        var admitted = 0
        while world.admits([world.limit(0, 1)]) == true { admitted += 1 }
        #expect((1...200).contains(admitted))
        #expect(world.charge([world.limit(0, 1)]) == .failure(.noQuorum))
        #expect(world.charge([world.limit(0, 2)]) == .failure(.noQuorum))
        for client in world.clients { client.failure = nil }
        #expect(world.admits([world.limit(0, 1)]) == true)
    }

    @Test func whatWasLentUnderOtherLimitsIsGivenBack() throws {
        let world = try QuotaWorld([free(Self.day, 10_000)])
        for _ in 0..<50 {
            _ = world.admits([world.limit(0, 1)])
            world.pass(milliseconds: 1)
        }
        let returns = world.returns
        world.clients[0].submit([
            .setPolicies(
                expectedRevision: 1,
                policies: [PolicyDefinition(name: "api", maxKeys: 1_000, limits: [free(Self.day, 60)])]
            )
        ]) { _ in }
        world.eventLoop.run()
        world.desks.value.factsChanged()
        world.eventLoop.run()
        #expect(world.returns > returns)
        var more = 0
        while world.admits([world.limit(0, 1)]) == true { more += 1 }
        #expect(more == 10)
    }

    @Test func theEndGivesEverythingBack() throws {
        let world = try QuotaWorld([free(Self.day, 10_000)])
        for _ in 0..<50 {
            #expect(world.admits([world.limit(0, 1)]) == true)
            world.pass(milliseconds: 1)
        }
        world.desks.value.close()
        world.eventLoop.run()
        guard case .success(.admitted(let states, _)) = world.charge([world.limit(0, 1)], consistency: .strong) else {
            Issue.record("refused")
            return
        }
        #expect(states[0].remaining == 10_000 - 51)
        // And lends nothing more, but decides.
        let loans = world.loans
        for _ in 0..<50 {
            guard case .failure(.stopped)? = world.charge([world.limit(0, 1)]) else {
                #expect(world.admits([world.limit(0, 1)]) == true, "decided by the ledger, or not at all")
                continue
            }
        }
        #expect(world.loans == loans)
        for loop in world.loops { loop.close() }
        for _ in 0..<50 { #expect(world.admits([world.limit(0, 1)]) == true) }
        #expect(world.loans == loans)
    }

    @Test func whatWaitsWhenTheLoopEndsIsAnswered() throws {
        let world = try QuotaWorld([free(Self.day, 10_000)])
        var answers: [Result<ChargeOutcome, LedgerUnavailable>] = []
        let charge = Charge(policy: world.policy, cost: 1, pass: nil, limits: [world.limit(0, 1)])
        for _ in 0..<20 {
            // Some are decided by then; the loop is not let run, so that the others wait for a slice.
            world.loops[0].charge(charge, .escrow) { answers.append($0) }
        }
        for loop in world.loops { loop.close() }
        world.eventLoop.run()
        #expect(answers.count == 20)
        #expect(answers.contains(.failure(.stopped)))
        world.desks.value.close()
        world.eventLoop.run()
        #expect(answers.count == 20)
    }

    @Test func unitsThatLieIdleComeBackWhenSomebodyIsRefused() throws {
        let world = try QuotaWorld([free(Self.day, 100)])
        for _ in 0..<40 {
            #expect(world.admits([world.limit(0, 1)]) == true)
            world.pass(milliseconds: 1)
        }
        // Somebody else takes the rest directly; the slice lies idle.
        var had = 0
        for _ in 0..<400 {
            if case .success(.admitted) = world.charge([world.limit(0, 1)], loop: 1, consistency: .strong) { had += 1 }
            world.pass(milliseconds: 1)
        }
        #expect(had == 60)
        #expect(world.returns > 0)
    }
}
