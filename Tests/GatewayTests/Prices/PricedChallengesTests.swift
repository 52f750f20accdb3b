import Ledger
import NIOCore
import NIOPosix
import ProofOfWork
import Testing
import Wire

@testable import Gateway

/// What clients are told of prices and of grants, by real gateways.
@Suite(.timeLimit(.minutes(2))) struct PricedChallengesTests {
    private static let client = "203.0.113.5"
    private static let yaml = """
        listeners: [ { address: "127.0.0.1:0", check: caddy } ]
        policies:
          api:
            preset: api
            free: { rate: 0 }
            work: { difficulty: 1000000, rounds: 1, grants: 100, ttl: 10m, challengeTtl: 8s }
          cheap: { preset: api, free: { rate: 6/min, burst: 1 }, work: { difficulty: 100, rounds: 1, grants: 50 } }
        routes: [ { match: { path: "/c*" }, policy: cheap }, { policy: api } ]
        log: { access: off }
        """

    /// Has the ledger know redemptions, or take other commands.
    private func submit(_ site: PricedSite, _ commands: [Command]) async throws -> [CommandResult] {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let results = try await loop.flatSubmit { [ledger = site.ledger] in
            let client = ledger.makeClient(on: loop, owner: ReplicaID(high: 7, low: 7))
            let promise = loop.makePromise(of: [CommandResult].self)
            client.submit(commands) { promise.completeWith($0.mapError { $0 as any Error }) }
            return promise.futureResult
        }.get()
        try await group.shutdownGracefully()
        return results
    }

    /// Redemptions of a client's address, as if through other gateways.
    private func warm(_ site: PricedSite, _ client: String, redemptions: Int) async throws {
        let facts = site.ledger.facts()
        let keys = QuotaKeys.prefixes(ip(client), try KeyRing(facts, current: facts.epochs[0].number))
        let now = site.ledger.now()
        let spends = (0..<redemptions).map { number in
            Command.spend(
                Spend(
                    challenge: ChallengeID(high: 77, low: UInt64(number)),
                    policy: facts.policies[0].id,
                    issued: now,
                    challengeLifetime: 10,
                    passLifetime: 10,
                    grants: 1,
                    binding: 0,
                    idempotencyKey: nil,
                    pricing: SpendPricing(issuePrice: Price.one, keys: keys)
                )
            )
        }
        for result in try await submit(site, spends) {
            guard case .spent(.opened) = result else { return #expect(Bool(false), "\(result)") }
        }
    }

    @Test func pastWhatASlowPhoneDoesThePriceDividesTheGrant() async throws {
        try await PricedSite.with(Self.yaml) { site in
            let plain = try await site.challenge(Self.client)
            #expect(plain.grants == 100 && abs(plain.difficulty / 1_000_000 - 1) < 0.01)
            try await warm(site, Self.client, redemptions: 64)
            let priced = try await site.challenge(Self.client)
            // A price of 4: twice as hard, which is 2 s of a quarter of 8 s, and half as much.
            #expect(abs(priced.difficulty / 2_000_000 - 1) < 0.01)
            #expect(priced.grants == 49 || priced.grants == 50)
            // The refusal says the same as the endpoint.
            let refusal = try await site.request(from: Self.client)
            #expect(refusal.status == 401)
            let inside = try site.challenge(in: try #require(refusal.json["challenge"] as? [String: Any]))
            #expect(inside.grants == priced.grants && inside.target == priced.target)
            #expect(try await site.challenge("198.51.100.7").grants == 100)
        }
    }

    @Test func aSettledGrantIsToldEverywhereAsItIs() async throws {
        try await PricedSite.with(Self.yaml) { site in
            let challenge = try await site.challenge(Self.client, policy: "cheap")
            try await warm(site, Self.client, redemptions: 64)
            let answer = try await site.redeem(challenge, from: Self.client, key: "k")
            let grants = try #require(answer.json["grants"] as? Int)
            #expect(grants == 12 || grants == 13)
            let pass = try #require(answer.json["pass"] as? String)
            let request = try await site.request(from: Self.client, pass: pass, path: "/c")
            #expect(request.status == 200)
            let policy = try #require(request.fields.first(name: "RateLimit-Policy"))
            #expect(policy.hasPrefix("\"pass\";q=\(grants);w=600"))
            let left = try #require(request.fields.first(name: "RateLimit"))
            #expect(left.hasPrefix("\"pass\";r=\(grants - 1);"))
            // The same pass again, with what remains of it.
            let again = try await site.redeem(challenge, from: Self.client, key: "k")
            #expect(again.json["pass"] as? String == pass)
            #expect(again.json["grants"] as? Int == grants - 1)
            for _ in 1..<grants {
                #expect(try await site.request(from: Self.client, pass: pass, path: "/c").status == 200)
            }
            // Spent: what is free pays, once.
            #expect(try await site.request(from: Self.client, pass: pass, path: "/c").status == 200)
            #expect(try await site.request(from: Self.client, pass: pass, path: "/c").status == 429)
        }
    }

    @Test func beforeAllMembersKnowOfPricesNothingHasOne() async throws {
        try await PricedSite.with(Self.yaml, ledgerVersion: 1) { site in
            for _ in 0..<60 {
                let challenge = try await site.challenge(Self.client, policy: "cheap")
                #expect(challenge.grants == 50 && abs(challenge.difficulty - 100) <= 1)
                let answer = try await site.redeem(challenge, from: Self.client)
                #expect(answer.json["grants"] as? Int == 50)
            }
            #expect(site.ledger.counts.warmAddresses == 0 && site.ledger.counts.issuedPrefixes == 0)
            // From then on.
            let older = try await site.challenge(Self.client, policy: "cheap")
            #expect(try await submit(site, [.raiseVersion(to: 2)]) == [.versionRaised(to: 2)])
            for _ in 0..<2 {
                // Each gateway hears of it with its next command.
                let challenge = try await site.challenge(Self.client, policy: "cheap")
                #expect(try await site.redeem(challenge, from: Self.client).status == 200)
            }
            #expect(try await site.redeem(older, from: Self.client).json["grants"] as? Int == 50)
            #expect(site.ledger.counts.warmAddresses == 1)
        }
    }

    // MARK: - Issuing

    @Test func whoAsksForTooManyChallengesGetsNone() async throws {
        try await PricedSite.with(Self.yaml) { site in
            let facts = site.ledger.facts()
            let keys = QuotaKeys.prefixes(ip(Self.client), try KeyRing(facts, current: facts.epochs[0].number))
            let count = IssuedCount(key: keys.address, level: .address, count: 6_100)
            _ = try await submit(site, [.record(IssueReport(counts: [count]))])
            let direct = try await site.ask(
                .GET,
                "/.well-known/tollgate/challenge?policy=api",
                from: Self.client
            )
            #expect(direct.status == 429 && direct.json["type"] as? String == "urn:tollgate:over-limit")
            #expect(direct.json["challenge"] == nil && direct.fields.first(name: "PoW-Challenge") == nil)
            // 101 too many at 10 a second.
            #expect(direct.fields.first(name: "Retry-After") == "11")
            let refused = try await site.request(from: Self.client)
            #expect(refused.status == 429 && refused.json["challenge"] == nil)
            #expect(refused.fields.first(name: "Retry-After") == "11")
            // What is free comes back sooner.
            #expect(try await site.request(from: Self.client, path: "/c").status == 200)
            let free = try await site.request(from: Self.client, path: "/c")
            #expect(free.status == 429 && free.fields.first(name: "Retry-After") == "10")
            // A neighbour is asked as ever, and in time so is everybody.
            #expect(try await site.challenge("203.0.113.6").grants == 100)
            site.clock.advance(seconds: 11)
            #expect(try await site.challenge(Self.client).grants == 100)
            let withheld = await site.gateways[0].metrics().challenges + site.gateways[1].metrics().challenges
            #expect(withheld.filter { $0.event == "withheld" }.reduce(0) { $0 + $1.count } == 3)
        }
    }

    @Test func aChallengeOfAnotherClientComesWithoutAFreshOneThen() async throws {
        try await PricedSite.with(Self.yaml) { site in
            let challenge = try await site.challenge("198.51.100.7", policy: "cheap")
            let facts = site.ledger.facts()
            let keys = QuotaKeys.prefixes(ip(Self.client), try KeyRing(facts, current: facts.epochs[0].number))
            let count = IssuedCount(key: keys.address, level: .address, count: 6_100)
            _ = try await submit(site, [.record(IssueReport(counts: [count]))])
            let answer = try await site.redeem(challenge, from: Self.client)
            #expect(answer.status == 403 && answer.json["type"] as? String == "urn:tollgate:other-client")
            #expect(answer.json["challenge"] == nil && answer.fields.first(name: "Retry-After") == "11")
        }
    }

    @Test func theLedgerIsToldOfWhoAsksForMany() async throws {
        try await PricedSite.with(Self.yaml, gateways: 1) { site in
            // A twelfth of what an address may have is told at once; then it is in the state that all gateways ask.
            for _ in 0..<500 { _ = try await site.challenge(Self.client) }
            while site.ledger.counts.issuedPrefixes == 0 { _ = try await site.challenge("198.51.100.7") }
            #expect(site.ledger.counts.issuedPrefixes >= 2)
        }
    }

    @Test func metricsTellBothFactors() async throws {
        try await PricedSite.with(Self.yaml, gateways: 1) { site in
            _ = try await site.challenge("198.51.100.7")
            try await warm(site, Self.client, redemptions: 64)
            _ = try await site.challenge(Self.client)
            let facts = site.ledger.facts()
            let factor = PolicyPrice(policy: facts.policies[0].id, factor: 5 << 15)
            #expect(
                try await submit(site, [.setPrices(PriceChange(expectedVersion: 0, factors: [factor]))])
                    == [.pricesSet(.set(version: 1))]
            )
            // The gateway hears of it with its next command.
            let spent = try await site.challenge(Self.client, policy: "cheap")
            _ = try await site.redeem(spent, from: Self.client)
            let metrics = await site.gateways[0].metrics()
            #expect(metrics.prices.map(\.policy) == ["api", "cheap"])
            #expect(metrics.prices.map(\.price) == [2.5, 1] || metrics.prices.map(\.price) == [1, 2.5])
            #expect(metrics.clientFactors.counts.reduce(0, +) == 3)
            #expect(metrics.clientFactors.counts[0] == 1 && metrics.clientFactors.counts[2] == 2)
        }
    }
}
