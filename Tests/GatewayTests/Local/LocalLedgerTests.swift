import Ledger
import NIOCore
import NIOEmbedded
import NIOPosix
import Testing
import Wire

@testable import Gateway

/// What is the local ledger's own, beside the suite of the port.
@Suite(.timeLimit(.minutes(2))) struct LocalLedgerTests {
    @Test func itsTimeBeginsWithItAndFollowsItsClock() {
        let clock = ManualClock()
        clock.advance(seconds: 1_000_000)
        let ledger = LocalLedger(genesis: genesis) { clock.nanoseconds }
        #expect(ledger.now() == .zero)
        clock.advance(nanoseconds: 17)
        #expect(ledger.now() == LedgerTime(nanoseconds: 17))
        // Applied time is the clock's too.
        _ = ledger.apply([])
        #expect(ledger.facts().time == LedgerTime(nanoseconds: 17))
    }

    @Test func theClockOfTheMachineGoesOn() {
        let first = BootTimeClock.nanoseconds()
        var last = first
        for _ in 0..<1_000 {
            let next = BootTimeClock.nanoseconds()
            #expect(next >= last)
            last = next
        }
        #expect(first > 0)
    }

    @Test func whatOneTurnSubmitsIsOneBatch() {
        let clock = ManualClock()
        let ledger = LocalLedger(genesis: genesis) { clock.nanoseconds }
        let loop = EmbeddedEventLoop()
        let client = ledger.makeClient(on: loop, owner: ReplicaID(high: 0, low: 1))
        var answered = 0
        for _ in 0..<3 { client.submit([.raiseVersion(to: 1)]) { _ in answered += 1 } }
        clock.advance(seconds: 5)
        #expect(answered == 0 && ledger.facts().time == .zero)
        loop.run()
        #expect(answered == 3 && ledger.facts().time == LedgerTime(nanoseconds: 5 * second))
    }

    /// A boot that opens a session with another's owner takes its place: what the other proposes is refused, not applied.
    @Test func aSupersededSessionAppliesNothing() throws {
        let ledger = LocalLedger(genesis: genesis) { 1 }
        let loop = EmbeddedEventLoop()
        let owner = ReplicaID(high: 0, low: 1)
        func submit(_ client: any LedgerClient, _ command: Command) -> CommandResult? {
            var answer: CommandResult?
            client.submit([command]) { answer = try? $0.get().first }
            loop.run()
            return answer
        }
        let first = ledger.makeClient(on: loop, owner: owner)
        let policy = PolicyDefinition(name: "api", maxKeys: 1, limits: [.free(burst: 5)])
        #expect(submit(first, .setPolicies(expectedRevision: 0, policies: [policy])) == .policiesSet(revision: 1))
        let second = ledger.makeClient(on: loop, owner: owner)
        let facts = try #require(second.facts.policies.first)
        #expect(submit(second, facts.charge())?.states.first?.remaining == 4)
        #expect(submit(first, facts.charge()) == .rejected(.unknownSession))
        #expect(submit(second, facts.charge())?.states.first?.remaining == 3)
    }

    @Test func eachStartIsANewGenesis() {
        let other = Genesis(clusterID: ClusterID(high: 3, low: 4), secret: [UInt8](repeating: 9, count: 32))
        let facts = LocalLedger(genesis: other) { 1 }.facts()
        #expect(facts.clusterID == other.clusterID && facts.secret == other.secret)
        #expect(facts.epochs.map(\.secret) == [other.secret] && facts.policies.isEmpty && facts.revision == 0)
    }

    // MARK: Any commands on several loops

    private struct Asked: Sendable {
        var command: Command
        var future: EventLoopFuture<[CommandResult]>
    }

    /// Random charges, spends and rebinds on four loops at once, while time stands still. Whatever the order was in which
    /// they met: what was admitted and what is left is what there was.
    @Test func whateverSeveralLoopsDoNothingIsGivenTwiceOrLost() async throws {
        var generator = SeededGenerator.printed()
        for _ in 0..<5 {
            let ledger = try await LocalLedgerUnderTest(clients: 4)
            let limits = [LimitDefinition.free(burst: 60), .free(burst: 90, key: "all", role: .ceiling)]
            let policy = try await ledger.found(limits)
            let spends = (0..<6).map { policy.spend(UInt64($0), grants: 12) }
            var asked: [Asked] = []
            for _ in 0..<400 {
                let commands = (0..<1 + generator.below(3)).map { _ in Self.command(policy, spends, &generator) }
                for command in commands {
                    asked.append(Asked(command: command, future: ledger.enqueue(generator.below(4), [command])))
                }
            }
            try await check(asked, policy, spends, ledger)
            try await ledger.shutDown()
        }
    }

    private static func command(_ policy: PolicyFacts, _ spends: [Spend], _ generator: inout SeededGenerator) -> Command
    {
        let cost = UInt32(generator.below(4))
        switch generator.below(10) {
        case 0..<4: return policy.charge([0, 1], key: UInt64(generator.below(3)), cost: cost)
        case 4..<6: return policy.charge([1], key: 0, cost: cost, pass: policy.pass(of: generator.pick(spends)))
        case 6..<9: return .spend(generator.pick(spends))
        default:
            // To the same client: a rebind that changes nothing.
            let spend = generator.pick(spends)
            return .rebind(
                Rebind(challenge: spend.challenge, policy: policy.id, recordExpiry: spend.recordExpiry, binding: 5)
            )
        }
    }

    private func check(
        _ asked: [Asked],
        _ policy: PolicyFacts,
        _ spends: [Spend],
        _ ledger: LocalLedgerUnderTest
    ) async throws {
        var taken: [LimitCharge: UInt64] = [:]
        var paid: [ChallengeID: UInt64] = [:]
        var opened: [ChallengeID: Int] = [:]
        for asked in asked {
            let result = try #require(try await asked.future.get().first)
            switch (asked.command, result) {
            case (.charge(let charge), .charged(.admitted)):
                for limit in charge.limits { taken[limit, default: 0] += UInt64(charge.cost) }
                if let pass = charge.pass { paid[pass.challenge, default: 0] += UInt64(charge.cost) }
            case (.spend(let spend), .spent(.opened)):
                opened[spend.challenge, default: 0] += 1
            case (.charge, .charged(.refused)), (.charge, .charged(.passRefused)), (.spend, .spent(.alreadySpent)),
                (.rebind, .rebound(.unchanged)), (.rebind, .rebound(.unknown)):
                break
            default:
                Issue.record("\(asked.command) was answered \(result)")
            }
        }
        for (limit, units) in taken {
            let burst: UInt64 = limit.limit == policy.limits[0].id ? 60 : 90
            #expect(units <= burst)
            let look = Charge(policy: policy.id, cost: 0, pass: nil, limits: [limit])
            let state = try await ledger.submit(0, [.charge(look)]).first?.states.first
            #expect(state?.remaining == burst - units)
        }
        for spend in spends {
            #expect(opened[spend.challenge, default: 0] <= 1)
            let look = try await ledger.submit(1, [policy.charge([], cost: 0, pass: policy.pass(of: spend))]).first
            guard opened[spend.challenge] == 1 else {
                #expect(paid[spend.challenge, default: 0] == 0)
                continue
            }
            let left = 12 - paid[spend.challenge, default: 0]
            #expect(look == .charged(.admitted(limits: [], passRemaining: UInt32(left))))
        }
    }
}
