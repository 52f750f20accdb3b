import Ledger
import NIOCore
import NIOEmbedded
import ProofOfWork
import Settings
import Testing
import Wire

@testable import Gateway

/// Challenges that are good at one node alone: who takes them, and that nothing is proposed for them.
@Suite struct OfflineRedeemerTests {
    private static let address = "203.0.113.5"

    private let loop = EmbeddedEventLoop()
    private let clock = ManualClock()
    private let client: CountingLedgerClient
    private let state: GatewayState
    private let policy: PolicyRuntime
    private let offline = OfflineDesk(origin: TokenOrigin(replicaHigh: 1, replicaLow: 2, boot: 3))

    private static func site(_ onQuorumLoss: String = "work") throws -> Configuration {
        try configuration(
            """
            upstreams: { app: { servers: ["127.0.0.1:3000"] } }
            policies:
              api:
                preset: api
                onQuorumLoss: \(onQuorumLoss)
                work: { difficulty: 128, rounds: 2, grants: 10, ttl: 10m, challengeTtl: 5m }
            routes: [ { upstream: app, policy: api } ]
            """
        )
    }

    init() throws {
        let clock = self.clock
        let ledger = LocalLedger(genesis: genesis) { clock.nanoseconds }
        clock.advance(seconds: 1_000)
        let inner = ledger.makeClient(on: loop, owner: ReplicaID(high: 0, low: 1))
        let configuration = try Self.site()
        inner.submit([
            .setPolicies(expectedRevision: 0, policies: configuration.policies.map(PolicyRuntime.definition))
        ]) { _ in }
        loop.run()
        client = CountingLedgerClient(inner)
        client.failure = .noQuorum
        state = try GatewayState(configuration, facts: inner.facts, now: inner.now())
        policy = try #require(state.policies["api"])
    }

    private func redeemer(_ offline: OfflineDesk?) -> Redeemer {
        Redeemer(eventLoop: loop, ledger: client, spending: SpendingTable(), offline: offline)
    }

    private func challenge() throws -> IssuedChallenge {
        try #require(
            Challenger.issue(
                policy,
                client: ip(Self.address),
                keys: state.keys,
                now: client.now(),
                origin: offline.origin
            )
        )
    }

    private func request(
        _ challenge: IssuedChallenge,
        key: UInt64? = nil,
        address: String = address,
        solution: String? = nil
    ) throws -> RedeemRequest {
        let solved = try Solver(threads: 1).solve(
            token: challenge.token,
            rounds: challenge.rounds,
            target: challenge.target
        ).text
        return RedeemRequest(
            token: Array(challenge.token.utf8),
            solution: Array((solution ?? solved).utf8),
            idempotencyKey: key.map { QuotaKey(high: $0, low: $0) },
            client: ip(address),
            policy: nil
        )
    }

    private func redeem(
        _ request: RedeemRequest,
        at redeemer: Redeemer,
        by other: GatewayState? = nil
    ) -> Result<Redeemed, RedeemProblem>? {
        var result: Result<Redeemed, RedeemProblem>?
        redeemer.redeem(request, state: other ?? state) { result = $0 }
        return result
    }

    private func problem(_ result: Result<Redeemed, RedeemProblem>?) -> String {
        if case .failure(let problem)? = result {
            "\(problem)".prefix { $0 != "," && $0 != "(" }.description
        } else {
            "none"
        }
    }

    @Test func itIsSpentOnceAtTheNodeThatIssuedItAndNobodyIsAsked() throws {
        let redeemer = redeemer(offline)
        let challenge = try challenge()
        let redeemed = try #require(try redeem(request(challenge, key: 1), at: redeemer)?.get())
        #expect(redeemed.remaining == 10 && redeemed.expiresInSeconds == 600 && !redeemed.isRepeated)
        let pass = try state.keys.openPass(redeemed.text)
        #expect(pass == redeemed.pass && pass.origin == offline.origin)
        let again = try #require(try redeem(request(challenge, key: 1), at: redeemer)?.get())
        #expect(again.text == redeemed.text && again.isRepeated)
        #expect(problem(redeem(try request(challenge), at: redeemer)) == "alreadySpent")
        #expect(problem(redeem(try request(challenge, key: 2), at: redeemer)) == "alreadySpent")
        #expect(client.proposals.isEmpty)
    }

    @Test func elsewhereAndAfterARestartItIsRefused() throws {
        let challenge = try challenge()
        for other in [
            TokenOrigin(replicaHigh: 1, replicaLow: 2, boot: 4), TokenOrigin(replicaHigh: 1, replicaLow: 9, boot: 3),
        ] {
            #expect(problem(redeem(try request(challenge), at: redeemer(OfflineDesk(origin: other)))) == "elsewhere")
        }
        #expect(problem(redeem(try request(challenge), at: redeemer(nil))) == "elsewhere")
        #expect(client.proposals.isEmpty)
    }

    @Test func aPolicyThatDecidesNothingByItselfAnyMoreTakesNone() throws {
        let here = offline.origin
        let redeemer = redeemer(offline)
        let challenge = try challenge()
        for other in ["deny", "admit"] {
            let reloaded = try GatewayState(Self.site(other), facts: client.facts, now: client.now())
            #expect(problem(redeem(try request(challenge), at: redeemer, by: reloaded)) == "elsewhere")
            let policy = try #require(reloaded.policies["api"])
            #expect(!policy.takes(here, at: here) && policy.takes(nil, at: here))
        }
        #expect(policy.takes(here, at: here) && !policy.takes(here, at: nil))
        #expect(!policy.takes(here, at: TokenOrigin(replicaHigh: 1, replicaLow: 2, boot: 4)))
        #expect(problem(redeem(try request(challenge), at: redeemer)) == "none")
    }

    @Test func aNodeThatDecidesNothingSpendsNone() throws {
        let challenge = try challenge()
        client.decidesNothing = true
        #expect(problem(redeem(try request(challenge), at: redeemer(offline))) == "unavailable")
        client.decidesNothing = false
        #expect(problem(redeem(try request(challenge), at: redeemer(offline))) == "none")
    }

    @Test func whereNobodyCanBeAskedNobodyIs() throws {
        let ordinary = try #require(
            Challenger.issue(policy, client: ip(Self.address), keys: state.keys, now: client.now())
        )
        var request = try request(ordinary)
        request.mayAsk = false
        #expect(problem(redeem(request, at: redeemer(offline))) == "unavailable")
        #expect(client.proposals.isEmpty)
        var here = try self.request(try challenge())
        here.mayAsk = false
        #expect(problem(redeem(here, at: redeemer(offline))) == "none")
    }

    @Test func nobodyIsAskedOfOneOfAnEpochThatThisNodeDoesNotKnow() throws {
        let forger = try keyRing(epochs: [90], cluster: 99)
        let forged = try #require(
            Challenger.issue(policy, client: ip(Self.address), keys: forger, now: client.now(), origin: offline.origin)
        )
        client.catchUpFailure = .noQuorum
        #expect(problem(redeem(try request(forged), at: redeemer(offline))) == "elsewhere")
        #expect(client.catchUps == 0)
    }

    @Test func theOtherChecksAreAsEver() throws {
        let redeemer = redeemer(offline)
        let challenge = try challenge()
        #expect(problem(redeem(try request(challenge, address: "203.0.113.6"), at: redeemer)) == "check")
        let wrong = try #require(Solution([1, 1])).text
        var found: RedeemProblem?
        redeemer.problem(of: try request(challenge, solution: wrong), state: state) { found = $0 }
        guard case .check(.wrongSolution, _)? = found else {
            Issue.record("\(String(describing: found))")
            return
        }
        var none: RedeemProblem?
        redeemer.problem(of: try request(challenge), state: state) { none = $0 }
        #expect(none == nil)
        _ = redeem(try request(challenge), at: redeemer)
        redeemer.problem(of: try request(challenge), state: state) { none = $0 }
        guard case .alreadySpent? = none else {
            Issue.record("\(String(describing: none))")
            return
        }
        let late = try self.challenge()
        clock.advance(seconds: 301)
        #expect(problem(redeem(try request(late), at: redeemer)) == "check")
    }
}
