import Ledger
import NIOCore
import Replica
import Testing
import Wire

@testable import Cluster

/// A cluster whose leader has a policy's factor follow its load. A period is ten seconds of the machine's clock.
@Suite(.timeLimit(.minutes(2))) struct PricesTests {
    private func submit(_ trio: Trio, _ name: String, _ commands: [Command]) async throws -> [CommandResult] {
        let node = try #require(trio.nodes[name])
        let loop = trio.group.next()
        return try await loop.flatSubmit {
            let client = node.makeClient(on: loop)
            let promise = loop.makePromise(of: [CommandResult].self)
            client.submit(commands) { result in
                // It keeps its client until then.
                withExtendedLifetime(client) { promise.completeWith(result.mapError { $0 as any Error }) }
            }
            return promise.futureResult
        }.get()
    }

    /// Has a pass pay for so many units.
    private func work(_ trio: Trio, _ name: String, _ number: UInt64, units: UInt32) async throws {
        let view = try #require(trio.nodes[name]?.view)
        let facts = try #require(view.facts)
        let spend = Spend(
            challenge: ChallengeID(high: 1, low: number),
            policy: facts.policies[0].id,
            issued: view.time,
            challengeLifetime: 600,
            passLifetime: 600,
            grants: units,
            binding: 0,
            idempotencyKey: nil,
            pricing: SpendPricing(
                // Whatever the price is by then: all of it is granted.
                issuePrice: .max,
                keys: PrefixKeys(address: QuotaKey(high: number, low: 1), neighbourhoods: [])
            )
        )
        let pass = PassCharge(challenge: spend.challenge, recordExpiry: spend.recordExpiry, binding: 0)
        let charge = Charge(policy: spend.policy, cost: 1, pass: pass, limits: [])
        let results = try await submit(trio, name, [.spend(spend)] + Array(repeating: .charge(charge), count: 200))
        guard case .spent(.opened)? = results.first else { return #expect(Bool(false), "\(results[0])") }
        #expect(results.count { if case .charged(.admitted) = $0 { true } else { false } } == 200)
    }

    @Test func theLeaderRaisesTheFactorAndTheNextOneGoesOnFromIt() async throws {
        let trio = try await Trio()
        let result: Result<Void, any Error>
        do { result = .success(try await play(trio)) } catch { result = .failure(error) }
        try await trio.stopAll()
        try result.get()
    }

    private func play(_ trio: Trio) async throws {
        for node in trio.nodes.values {
            try await node.until { $0.facts.map { $0.ledgerVersion >= Ledger.lendingVersion } ?? false }
        }
        let all = LimitDefinition(role: .ceiling, key: "all", interval: 1_000_000_000, burst: 10)
        let policies = [PolicyDefinition(name: "api", maxKeys: 10, limits: [all])]
        _ = try await submit(trio, "a", [.setPolicies(expectedRevision: 0, policies: policies)])
        for node in trio.nodes.values { try await node.until { $0.facts?.revision == 1 } }
        // Work at all nodes, far more than the one unit a second that there is room for, until the factor moves.
        var number: UInt64 = 0
        let isMoved: (ClusterView) -> Bool = { ($0.facts?.priceVersion ?? 0) >= 1 }
        let deadline = ContinuousClock.now + .seconds(60)
        while !trio.nodes.values.contains(where: { isMoved($0.view) }) {
            try #require(ContinuousClock.now < deadline, "no factor was set")
            number += 1
            try await work(trio, Trio.names[Int(number % 3)], number, units: 200)
            try await trio.group.next().scheduleTask(in: .milliseconds(200)) {}.futureResult.get()
        }
        for node in trio.nodes.values { try await node.until(isMoved) }
        let prices = Set(trio.nodes.values.compactMap { $0.view.facts?.prices })
        #expect(prices.count == 1, "the same at every node")
        let standing = try #require(prices.first?.first?.factor)
        #expect(standing > Price.one && standing <= Price.one / 4 * 5)
        // Every node's gateway issues by it.
        for name in Trio.names {
            let node = try #require(trio.nodes[name])
            let loop = trio.group.next()
            let price = try await loop.submit {
                let policy = node.view.facts!.policies[0].id
                let stranger = PrefixKeys(address: QuotaKey(high: 7, low: 7), neighbourhoods: [])
                return node.makeClient(on: loop).issueTerms(of: stranger, policy: policy).price
            }.get()
            #expect(price == Price(client: Price.one, cluster: standing))
        }
        // Another leads: what stands, stands.
        let leader = try #require(trio.nodes.first { $0.value.view.status?.role == .leader }?.key)
        let version = try #require(trio.nodes[leader]?.view.facts?.priceVersion)
        await trio.stop(leader)
        let other = try #require(trio.nodes.keys.sorted().first)
        number += 1
        try await work(trio, other, number, units: 200)
        let facts = try #require(trio.nodes[other]?.view.facts)
        #expect(facts.priceVersion == version || facts.prices.first.map { $0.factor <= standing / 4 * 5 + 4 } == true)
        #expect(facts.prices.first.map { $0.factor >= standing / 8 * 7 } == true)
    }
}
