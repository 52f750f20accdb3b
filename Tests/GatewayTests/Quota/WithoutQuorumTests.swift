import Ledger
import NIOCore
import Quota
import Settings
import Testing
import Wire

@testable import Gateway

/// What a node charges while no majority decides, and what it tells the ledger afterwards.
@Suite struct WithoutQuorumTests {
    private static let day: UInt64 = 86_400 * second

    private func limit(_ burst: UInt64) -> LimitDefinition {
        LimitDefinition(role: .free, key: "client", interval: Self.day, burst: burst)
    }

    private func lose(_ world: QuotaWorld) {
        for client in world.clients {
            client.failure = .noQuorum
            client.quorumLostNanoseconds = 5 * second
        }
    }

    private func regain(_ world: QuotaWorld) {
        for client in world.clients {
            client.failure = nil
            client.quorumLostNanoseconds = nil
        }
    }

    private func charge(_ world: QuotaWorld, _ key: UInt64, pass: PassCharge? = nil) -> Charge {
        Charge(policy: world.policy, cost: 1, pass: pass, limits: [world.limit(0, key)])
    }

    @discardableResult
    private func letThrough(
        _ world: QuotaWorld,
        _ key: UInt64,
        _ consistency: PolicySettings.Consistency = .escrow,
        loop: Int = 0,
        wasAsked: Bool = false
    ) -> Bool {
        let outcome = world.loops[loop].letThrough(charge(world, key), consistency, wasAsked: wasAsked)
        return if case .admitted = outcome { true } else { false }
    }

    /// A pass of this node alone.
    private func pass(_ world: QuotaWorld, _ number: UInt64, grants: UInt32) -> PassCharge {
        let spend = Spend(
            challenge: ChallengeID(high: number, low: number),
            policy: world.policy,
            issued: world.clients[0].now(),
            challengeLifetime: 300,
            passLifetime: 600,
            grants: grants,
            binding: 5,
            idempotencyKey: nil
        )
        guard case .opened = world.offline.spend(spend, epoch: 1, now: world.clients[0].now()) else {
            Issue.record("not spent")
            return PassCharge(challenge: spend.challenge, recordExpiry: .zero, binding: 0)
        }
        return PassCharge(challenge: spend.challenge, recordExpiry: spend.recordExpiry, binding: 5)
    }

    private func use(
        _ world: QuotaWorld,
        _ pass: PassCharge,
        key: UInt64 = 1,
        mayAsk: Bool = false
    ) -> Result<ChargeOutcome, LedgerUnavailable>? {
        var answer: Result<ChargeOutcome, LedgerUnavailable>?
        world.loops[0].chargePassOfHere(charge(world, key, pass: pass), .escrow, mayAsk: mayAsk) { answer = $0 }
        world.eventLoop.run()
        return answer
    }

    @Test func whoMayNotAskIsToldAtOnceAndHasLostNothing() throws {
        let world = try QuotaWorld([limit(1_000), limit(1_000)])
        for _ in 0..<50 {
            _ = world.admits([world.limit(0, 1)])
            world.pass(milliseconds: 1)
        }
        lose(world)
        let proposals = world.proposals.count
        // What is held is spent.
        var held = 0
        while case .success(.admitted) = world.charge([world.limit(0, 1)], mayAsk: false) { held += 1 }
        #expect(held > 0)
        for _ in 0..<50 {
            #expect(world.charge([world.limit(0, 1)], mayAsk: false) == .failure(.noQuorum))
            #expect(world.charge([world.limit(0, 1), world.limit(1, 2)], mayAsk: false) == .failure(.noQuorum))
            #expect(world.charge([world.limit(0, 9)], consistency: .strong, mayAsk: false) == .failure(.noQuorum))
        }
        let asked = world.proposals.dropFirst(proposals)
        #expect(!asked.contains { if case .charge = $0 { true } else { false } })
    }

    @Test func whatWasLetThroughIsChargedWhenThereIsAMajority() throws {
        let world = try QuotaWorld([limit(100)])
        #expect(world.admits([world.limit(0, 1)]) == true)
        lose(world)
        for request in 0..<30 { letThrough(world, 1, loop: request % 2) }
        for _ in 0..<200 { letThrough(world, 2) }
        world.pass(milliseconds: 3_000)
        #expect(world.offline.unreported.waiting == [world.policy: 230])
        #expect(!world.proposals.contains { if case .report = $0 { true } else { false } })
        regain(world)
        world.pass(milliseconds: 200)
        #expect(world.offline.unreported.waiting.isEmpty && world.offline.unreported.lost == 0)
        let left = (0..<100).count { _ in
            if case .success(.admitted) = world.charge([world.limit(0, 1)], consistency: .strong) {
                true
            } else {
                false
            }
        }
        #expect(left == 69)
        guard case .success(.refused) = world.charge([world.limit(0, 2)], consistency: .strong) else {
            Issue.record("more than the limit was let through")
            return
        }
    }

    @Test func manyKeysAreReportedInPieces() throws {
        let world = try QuotaWorld([limit(100)])
        lose(world)
        for key in 0..<1_000 as Range<UInt64> { letThrough(world, key) }
        regain(world)
        world.pass(milliseconds: 1_000)
        #expect(world.offline.unreported.waiting.isEmpty)
        let reports = world.proposals.compactMap { if case .report(let report) = $0 { report } else { nil } }
        #expect(reports.count == 4 && reports.allSatisfy { $0.counts.count <= LedgerBounds.reportCounts })
        #expect(reports.reduce(0) { $0 + $1.counts.count } == 1_000)
    }

    @Test func whatIsDecidedAtThisNodeAnywayIsNotReported() throws {
        let world = try QuotaWorld([limit(100)])
        lose(world)
        letThrough(world, 1, .eventual)
        #expect(world.offline.unreported.waiting.isEmpty)
    }

    @Test func aCeilingThatThisNodeCountsItselfHolds() throws {
        let world = try QuotaWorld([limit(5)])
        lose(world)
        // The ledger was asked for the pass of the first, and the ceiling is charged.
        let first = world.charge([world.limit(0, 1)], consistency: .eventual, pass: pass(world, 1, grants: 1))
        #expect(first == .failure(.noQuorum))
        #expect(letThrough(world, 1, .eventual, wasAsked: true))
        #expect((0..<10).count { _ in letThrough(world, 1, .eventual) } == 4)
        #expect(letThrough(world, 2, .eventual))
    }

    @Test func aReportWhoseFateIsUnknownIsNotSentAgain() throws {
        let world = try QuotaWorld([limit(100)])
        lose(world)
        letThrough(world, 1)
        for client in world.clients { client.quorumLostNanoseconds = nil }
        world.pass(milliseconds: 1_000)
        regain(world)
        world.pass(milliseconds: 1_000)
        #expect(world.proposals.count { if case .report = $0 { true } else { false } } == 1)
    }

    @Test func aNodeThatDecidesNothingChargesNothingByItself() throws {
        let world = try QuotaWorld([limit(100)])
        let pass = pass(world, 1, grants: 5)
        lose(world)
        world.clients[0].decidesNothing = true
        #expect(world.charge([world.limit(0, 1)], consistency: .eventual) == .failure(.noQuorum))
        #expect(use(world, pass) == .failure(.noQuorum))
        world.clients[0].decidesNothing = false
        guard case .success(.admitted(let states, 4)) = use(world, pass) else {
            Issue.record("it has lost something")
            return
        }
        #expect(states.map(\.remaining) == [99])
    }

    private func reports(_ world: QuotaWorld) -> Int {
        world.proposals.count { if case .report = $0 { true } else { false } }
    }

    private func letThroughMany(_ world: QuotaWorld) {
        lose(world)
        for key in 0..<1_000 as Range<UInt64> { letThrough(world, key) }
    }

    @Test func whatTheLedgerHadNoRoomForIsReportedLater() throws {
        let world = try QuotaWorld([limit(100)])
        letThroughMany(world)
        regain(world)
        for client in world.clients { client.failure = .overloaded }
        world.pass(milliseconds: 1_000)
        #expect(reports(world) <= 10, "it is not asked all the time")
        #expect(world.offline.unreported.waiting == [world.policy: 1_000])
        regain(world)
        world.pass(milliseconds: 500)
        #expect(world.offline.unreported.waiting.isEmpty && world.offline.unreported.lost == 0)
    }

    @Test func oneUnknownFateDoesNotCostTheOtherReports() throws {
        let world = try QuotaWorld([limit(100)])
        letThroughMany(world)
        for client in world.clients { client.quorumLostNanoseconds = nil }
        world.pass(milliseconds: 150)
        #expect(world.offline.unreported.waiting == [world.policy: 744] && world.offline.unreported.lost == 256)
        regain(world)
        world.pass(milliseconds: 500)
        #expect(world.offline.unreported.waiting.isEmpty && world.offline.unreported.lost == 256)
    }

    /// Ends the node within a second, and says how many units it has not reported; nil: it has not ended yet.
    private func end(_ world: QuotaWorld, milliseconds: UInt64) -> UInt64? {
        var left: UInt64?
        world.desks.value.close(within: .seconds(1)) { left = $0 }
        world.pass(milliseconds: milliseconds)
        return left
    }

    @Test func aNodeThatEndsReportsAllThatWaits() throws {
        let world = try QuotaWorld([limit(100)])
        letThroughMany(world)
        regain(world)
        #expect(end(world, milliseconds: 1) == 0)
        #expect(world.offline.unreported.waiting.isEmpty && reports(world) == 4)
    }

    @Test func aNodeThatEndsWaitsForNoMajority() throws {
        let world = try QuotaWorld([limit(100)])
        letThroughMany(world)
        #expect(end(world, milliseconds: 1) == 1_000)
        regain(world)
        letThrough(world, 1)
        world.pass(milliseconds: 1_000)
        #expect(reports(world) == 0, "it has ended")
    }

    @Test func aNodeThatEndsWaitsNoLongerThanItMay() throws {
        let world = try QuotaWorld([limit(100)])
        letThroughMany(world)
        regain(world)
        for client in world.clients { client.failure = .overloaded }
        #expect(end(world, milliseconds: 999) == nil)
        let asked = reports(world)
        var left: UInt64?
        world.desks.value.close(within: .zero) { left = $0 }
        world.pass(milliseconds: 500)
        #expect(left == 1_000 && reports(world) <= asked + 1)
    }

    @Test func aPassOfThisNodeAlonePaysAndTheCeilingHoldsHere() throws {
        let world = try QuotaWorld([limit(7)])
        lose(world)
        let first = pass(world, 1, grants: 5)
        for left in (0..<5).reversed() as ReversedCollection<Range<UInt32>> {
            guard case .success(.admitted(let states, left)) = use(world, first) else {
                Issue.record("refused with \(left) left")
                return
            }
            #expect(states.map(\.remaining) == [UInt64(left) + 2])
        }
        #expect(use(world, first) == .success(.passRefused(.exhausted)))
        let next = pass(world, 2, grants: 5)
        for _ in 0..<2 { _ = use(world, next) }
        guard case .success(.refused) = use(world, next) else {
            Issue.record("over the ceiling")
            return
        }
        // What the ceiling refused the pass still has.
        guard case .success(.admitted(_, passRemaining: 2)) = use(world, next, key: 2) else {
            Issue.record("not given back")
            return
        }
        #expect(world.charges == 0)
        #expect(world.offline.unreported.waiting == [world.policy: 8])
    }

    @Test func withAMajorityItsCeilingIsTheLedgers() throws {
        let world = try QuotaWorld([limit(2)])
        let pass = pass(world, 1, grants: 5)
        for left in [4, 3] as [UInt32] {
            guard case .success(.admitted(_, left)) = use(world, pass, mayAsk: true) else {
                Issue.record("refused")
                return
            }
        }
        guard case .success(.refused) = use(world, pass, mayAsk: true) else {
            Issue.record("over the ceiling")
            return
        }
        #expect(world.charges > 0 && world.offline.unreported.waiting.isEmpty)
        world.clients[0].failure = .overloaded
        #expect(use(world, pass, key: 2, mayAsk: true) == .failure(.overloaded))
        world.clients[0].failure = nil
        guard case .success(.admitted(_, passRemaining: 2)) = use(world, pass, key: 2, mayAsk: true) else {
            Issue.record("not given back")
            return
        }
    }
}
