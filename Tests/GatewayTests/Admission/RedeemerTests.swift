import Ledger
import NIOEmbedded
import ProofOfWork
import Settings
import Testing
import Wire

@testable import Gateway

/// A client of a ledger that counts what is proposed.
final class CountingLedgerClient: LedgerClient {
    private let inner: any LedgerClient
    private(set) var proposals: [Command] = []
    /// Fails the next submissions with this instead of asking the ledger.
    var failure: LedgerUnavailable?
    /// Fails to catch up.
    var catchUpFailure: LedgerUnavailable?
    /// How often it was asked to catch up.
    private(set) var catchUps = 0

    init(_ inner: any LedgerClient) { self.inner = inner }

    func submit(_ commands: [Command], completion: @escaping (Result<[CommandResult], LedgerUnavailable>) -> Void) {
        proposals += commands
        guard let failure else { return inner.submit(commands, completion: completion) }
        inner.submit([]) { _ in completion(.failure(failure)) }
    }

    func catchUp(completion: @escaping (Result<Void, LedgerUnavailable>) -> Void) {
        catchUps += 1
        guard let failure = catchUpFailure else { return inner.catchUp(completion: completion) }
        inner.submit([]) { _ in completion(.failure(failure)) }
    }

    var facts: LedgerFacts { inner.facts }
    var onFactsChange: (() -> Void)? {
        get { inner.onFactsChange }
        set { inner.onFactsChange = newValue }
    }
    var onRecall: (([SliceRecall]) -> Void)? {
        get { inner.onRecall }
        set { inner.onRecall = newValue }
    }
    var members: Int { inner.members + otherMembers }
    var otherMembers = 0
    /// For how long no majority has decided.
    var quorumLostNanoseconds: UInt64?
    var decidesNothing = false
    func now() -> LedgerTime { inner.now() }
    func spent(_ spend: Spend) -> SpendOutcome? { inner.spent(spend) }
    func issueTerms(of keys: PrefixKeys, policy: PolicyID) -> IssueTerms { inner.issueTerms(of: keys, policy: policy) }
}

/// The whole of a redemption against a real ledger: what is proposed, and what is answered without a proposal.
@Suite struct RedeemerTests {
    private let loop = EmbeddedEventLoop()
    private let clock = ManualClock()
    private let client: CountingLedgerClient
    /// Another node's, of which the one above hears when it asks.
    private let other: any LedgerClient
    private let redeemer: Redeemer
    private let state: GatewayState
    private let policy: PolicyRuntime

    init() throws {
        let clock = self.clock
        let ledger = LocalLedger(genesis: genesis) { clock.nanoseconds }
        clock.advance(seconds: 1_000)
        let inner = ledger.makeClient(on: loop, owner: ReplicaID(high: 0, low: 1))
        other = ledger.makeClient(on: loop, owner: ReplicaID(high: 0, low: 2))
        let configuration = try configuration(
            """
            upstreams: { app: { servers: ["127.0.0.1:3000"] } }
            policies:
              api: { preset: api, work: { difficulty: 128, rounds: 2, grants: 10, ttl: 10m, challengeTtl: 5m } }
              site: { preset: site }
            routes: [ { match: { path: "/s" }, upstream: app, policy: site }, { upstream: app, policy: api } ]
            """
        )
        inner.submit([
            .setPolicies(expectedRevision: 0, policies: configuration.policies.map(PolicyRuntime.definition))
        ]) { _ in }
        loop.run()
        client = CountingLedgerClient(inner)
        state = try GatewayState(configuration, facts: inner.facts, now: inner.now())
        policy = try #require(state.policies["api"])
        redeemer = Redeemer(eventLoop: loop, ledger: client, spending: SpendingTable())
    }

    private static let address = "203.0.113.5"

    private func challenge(_ address: String = address) throws -> IssuedChallenge {
        try #require(Challenger.issue(policy, client: ip(address), keys: state.keys, now: client.now()))
    }

    private func solve(_ challenge: IssuedChallenge) throws -> String {
        try Solver(threads: 1).solve(token: challenge.token, rounds: challenge.rounds, target: challenge.target).text
    }

    /// Numbers that do not solve it.
    private func spoil(_ challenge: IssuedChallenge) throws -> String {
        let seed = Puzzle.seed(token: challenge.token)
        let wrong = try #require(
            (0..<10_000).first { !Puzzle.meets(seed: seed, round: 0, nonce: $0, target: challenge.target) }
        )
        return try #require(Solution([wrong, wrong])).text
    }

    private func request(
        _ token: String,
        _ solution: String,
        key: String? = nil,
        address: String = address,
        policy: PolicyID? = nil
    ) -> RedeemRequest {
        RedeemRequest(
            token: Array(token.utf8),
            solution: Array(solution.utf8),
            idempotencyKey: key.map { key in
                Array(key.utf8).withUnsafeBytes { QuotaKey(state.keys.idempotencyKey($0)) }
            },
            client: ip(address),
            policy: policy
        )
    }

    /// What it comes to in a word, and how many commands were proposed for it.
    private func redeem(_ request: RedeemRequest) -> (word: String, proposals: Int, redeemed: Redeemed?) {
        let before = client.proposals.count
        var answers: [Result<Redeemed, RedeemProblem>] = []
        redeemer.redeem(request, state: state) { answers.append($0) }
        loop.run()
        #expect(answers.count == 1, "a redemption is answered once")
        return (answers.first.map(word) ?? "", client.proposals.count - before, try? answers.first?.get())
    }

    private func word(_ result: Result<Redeemed, RedeemProblem>) -> String {
        switch result {
        case .success: "redeemed"
        case .failure(.check(.malformed, _)): "malformed"
        case .failure(.check(let problem, _)): "\(problem)"
        case .failure(.alreadySpent): "alreadySpent"
        case .failure(.otherPolicy): "otherPolicy"
        case .failure(.elsewhere): "elsewhere"
        case .failure(.unavailable): "unavailable"
        }
    }

    @Test func whatCannotBeDecidedIsAnsweredToAllWhoSentItAtOnce() throws {
        let challenge = try challenge()
        let request = request(challenge.token, try solve(challenge))
        client.failure = .noQuorum
        let before = client.proposals.count
        var words: [String] = []
        for _ in 0..<5 { redeemer.redeem(request, state: state) { words.append(word($0)) } }
        loop.run()
        #expect(words == Array(repeating: "unavailable", count: 5))
        #expect(client.proposals.count - before == 1)
        client.failure = nil
        #expect(redeem(request).word == "redeemed")
    }

    @Test func aSolutionBuysItsGrantOnce() throws {
        let challenge = try challenge()
        let solution = try solve(challenge)
        let first = redeem(request(challenge.token, solution))
        #expect(first.word == "redeemed" && first.proposals == 1)
        let redeemed = try #require(first.redeemed)
        #expect(redeemed.remaining == 10 && redeemed.expiresInSeconds == 600 && redeemed.policy.name == "api")
        let pass = try state.keys.openPass(redeemed.text)
        #expect(pass == redeemed.pass && pass.binding == policy.binding(of: ip(Self.address), keys: state.keys))
        // A second time it is not even proposed.
        let second = redeem(request(challenge.token, solution))
        #expect(second.word == "alreadySpent" && second.proposals == 0)
    }

    @Test func anEpochThatBeginsMeanwhileTakesNoPass() throws {
        redeemer.newestKeys = { [state, client] in
            try? GatewayState(state.configuration, facts: client.facts, now: client.now()).keys
        }
        let challenge = try challenge()
        let solution = try solve(challenge)
        // Goes before what the request proposes, which was prepared by the keys of before.
        client.submit([.rotate(secret: [UInt8](repeating: 9, count: LedgerBounds.secretBytes))]) { _ in }
        let result = redeem(request(challenge.token, solution))
        #expect(result.word == "redeemed")
        #expect(result.redeemed?.pass.epoch != state.epoch.number)
    }

    // MARK: - Epochs that others know

    /// Another node begins an epoch; its keys, by which it seals from then on.
    private func rotateElsewhere() throws -> KeyRing {
        other.submit([.rotate(secret: [UInt8](repeating: 9, count: LedgerBounds.secretBytes))]) { _ in }
        loop.run()
        redeemer.newestKeys = { [state, client] in
            try? GatewayState(state.configuration, facts: client.facts, now: client.now()).keys
        }
        #expect(client.facts.epochs.count == 1, "this node has not heard of it")
        return try KeyRing(other.facts, current: try #require(other.facts.epochs.last?.number))
    }

    @Test func aChallengeOfAnEpochThatIsNotKnownYetIsJudgedWhenItIs() throws {
        let keys = try rotateElsewhere()
        let challenge = try #require(Challenger.issue(policy, client: ip(Self.address), keys: keys, now: client.now()))
        let solution = try solve(challenge)
        var problems: [RedeemProblem?] = []
        redeemer.problem(of: request(challenge.token, solution), state: state) { problems.append($0) }
        #expect(problems.isEmpty, "nothing is said before")
        loop.run()
        #expect(problems.count == 1 && problems[0] == nil && client.catchUps == 1)
        let result = redeem(request(challenge.token, solution))
        #expect(result.word == "redeemed" && result.proposals == 1)
        #expect(client.catchUps == 1, "the epoch is known now")
    }

    @Test func anEpochThatNobodyKnowsIsOverWhenThisNodeHasCaughtUp() throws {
        _ = try rotateElsewhere()
        let challenge = try challenge()
        let solution = try solve(challenge)
        let forger = try keyRing(epochs: [90], cluster: 99)
        let forged = try #require(Challenger.issue(policy, client: ip(Self.address), keys: forger, now: client.now()))
        for tries in 1...2 {
            let result = redeem(request(forged.token, solution))
            #expect(result.word == "expired" && result.proposals == 0 && client.catchUps == tries)
        }
        // Form stands before.
        #expect(redeem(request(forged.token, "x")).word == "malformed")
        #expect(redeem(request(forged.token + "A", solution)).word == "malformed")
        #expect(client.catchUps == 2)
        // What is known is not asked for.
        let foreign = try keyRing(cluster: 99)
        let other = try #require(Challenger.issue(policy, client: ip(Self.address), keys: foreign, now: client.now()))
        #expect(redeem(request(other.token, solution)).word == "notAuthentic")
        #expect(redeem(request(challenge.token, solution)).word == "redeemed")
        #expect(client.catchUps == 2)
    }

    @Test func withoutAMajorityAnUnknownEpochIsNotJudged() throws {
        let keys = try rotateElsewhere()
        let challenge = try #require(Challenger.issue(policy, client: ip(Self.address), keys: keys, now: client.now()))
        let solution = try solve(challenge)
        client.catchUpFailure = .noQuorum
        #expect(redeem(request(challenge.token, solution)).word == "unavailable")
        var problems: [String] = []
        redeemer.problem(of: request(challenge.token, solution), state: state) { problem in
            if case .unavailable? = problem { problems.append("unavailable") }
        }
        loop.run()
        #expect(problems == ["unavailable"])
        client.catchUpFailure = nil
        #expect(redeem(request(challenge.token, solution)).word == "redeemed")
    }

    @Test func aPassOfAnEpochThatThisLoopHasNotHeardOfIsGivenAgain() throws {
        let challenge = try challenge()
        let solution = try solve(challenge)
        _ = try rotateElsewhere()
        // Another node spends it: the pass is of the new epoch. This node's ledger has it, this loop has not heard.
        let opened = request(challenge.token, solution, key: "a key")
        let issued = try state.keys.openChallenge(challenge.token)
        let spend = Redemption.spend(issued, idempotencyKey: opened.idempotencyKey)
        other.submit([.spend(spend)]) { _ in }
        loop.run()
        #expect(client.facts.epochs.count == 1)
        let result = redeem(opened)
        #expect(result.word == "redeemed" && result.proposals == 0)
        #expect(result.redeemed?.pass.epoch == other.facts.epochs.last?.number && client.catchUps == 1)
    }

    @Test func garbageCostsNoProposal() throws {
        let challenge = try challenge()
        let solution = try solve(challenge)
        let foreign = try keyRing(cluster: 99)
        let forged = try #require(Challenger.issue(policy, client: ip(Self.address), keys: foreign, now: client.now()))
        for (request, expected) in [
            (request("x", solution), "malformed"), (request(challenge.token, "x"), "malformed"),
            (
                request(
                    challenge.token + challenge.token + challenge.token + challenge.token + challenge.token,
                    solution
                ), "malformed"
            ),
            (request(forged.token, solution), "notAuthentic"),
            (request(challenge.token, try spoil(challenge)), "wrongSolution"),
            (request(challenge.token, solution, address: "203.0.113.6"), "otherClient"),
            (request(challenge.token, solution, policy: PolicyID(rawValue: 4_000)), "otherPolicy"),
        ] {
            let result = redeem(request)
            #expect(result.word == expected && result.proposals == 0)
        }
        // None of it burned the challenge.
        #expect(redeem(request(challenge.token, solution)).word == "redeemed")
    }

    @Test func theOrderOfTheChecks() throws {
        let challenge = try challenge()
        let solution = try solve(challenge)
        let wrong = try spoil(challenge)
        // Binding stands before spent and before work.
        #expect(redeem(request(challenge.token, wrong, address: "203.0.113.6")).word == "otherClient")
        #expect(redeem(request(challenge.token, solution)).word == "redeemed")
        #expect(redeem(request(challenge.token, solution, address: "203.0.113.6")).word == "otherClient")
        // Spent stands before work where no key is shown …
        #expect(redeem(request(challenge.token, wrong)).word == "alreadySpent")
        // … and after it where one is: a key is worth looking at only with the work.
        #expect(redeem(request(challenge.token, wrong, key: "k")).word == "wrongSolution")
        #expect(redeem(request(challenge.token, solution, key: "k")).word == "alreadySpent")
        // Expiry stands before binding and before all that follows.
        clock.advance(seconds: 301)
        #expect(redeem(request(challenge.token, wrong, address: "203.0.113.6")).word == "expired")
        #expect(redeem(request(challenge.token, "!")).word == "malformed")
    }

    @Test func theSameKeyGetsTheSamePassAgainAndNothingIsRefilled() throws {
        let challenge = try challenge()
        let solution = try solve(challenge)
        let first = try #require(redeem(request(challenge.token, solution, key: "a key")).redeemed)
        // Some of it is used.
        let limits = policy.charges(
            policy.ceiling,
            head: head(),
            client: ip(Self.address),
            keys: state.keys,
            reserve: 0
        )
        let charge = Charge(
            policy: policy.id,
            cost: 3,
            pass: PassCharge(
                challenge: ChallengeID(first.pass.id),
                recordExpiry: LedgerTime(nanoseconds: first.pass.recordExpiry),
                binding: policy.binding(of: ip(Self.address), keys: state.keys)
            ),
            limits: limits
        )
        client.submit([.charge(charge)]) { _ in }
        loop.run()
        clock.advance(seconds: 100)
        let again = redeem(request(challenge.token, solution, key: "a key"))
        let repeated = try #require(again.redeemed)
        #expect(again.proposals == 0)
        #expect(repeated.text == first.text && repeated.remaining == 7 && repeated.expiresInSeconds == 500)
        // A guessed key, or none, gets nothing.
        #expect(redeem(request(challenge.token, solution, key: "a kex")).word == "alreadySpent")
        #expect(redeem(request(challenge.token, solution, key: "")).word == "alreadySpent")
        #expect(redeem(request(challenge.token, solution)).word == "alreadySpent")
        // And once the challenge has expired, nobody.
        clock.advance(seconds: 201)
        #expect(redeem(request(challenge.token, solution, key: "a key")).word == "expired")
    }

    @Test func aHundredAtOnceAreOneProposal() throws {
        let challenge = try challenge()
        let solution = try solve(challenge)
        var words: [String: Int] = [:]
        for _ in 0..<100 {
            redeemer.redeem(request(challenge.token, solution), state: state) { words[word($0), default: 0] += 1 }
        }
        loop.run()
        #expect(words == ["redeemed": 1, "alreadySpent": 99])
        #expect(client.proposals.count == 1)
    }

    @Test func whoComesMeanwhileWithTheSameKeyGetsTheSamePass() throws {
        let challenge = try challenge()
        let solution = try solve(challenge)
        var texts: [String] = []
        for _ in 0..<10 {
            redeemer.redeem(request(challenge.token, solution, key: "k"), state: state) { result in
                if case .success(let redeemed) = result { texts.append(redeemed.text) }
            }
        }
        loop.run()
        #expect(texts.count == 10 && Set(texts).count == 1)
        #expect(client.proposals.count == 1)
    }

    @Test func withoutALedgerItIsUnavailableAndNotSpent() throws {
        let challenge = try challenge()
        let solution = try solve(challenge)
        client.failure = .noQuorum
        #expect(redeem(request(challenge.token, solution)).word == "unavailable")
        client.failure = nil
        #expect(redeem(request(challenge.token, solution)).word == "redeemed")
    }

    @Test func aChallengeOfAPolicyThatWentIsRefused() throws {
        let challenge = Challenge(
            epoch: state.keys.currentEpoch,
            policy: 4_000,
            binding: nil,
            issued: client.now().nanoseconds,
            lifetime: 300,
            rounds: 1,
            target: .max,
            grants: 1,
            passLifetime: 60
        )
        let result = redeem(request(try state.keys.seal(challenge), RedemptionTests.solution(rounds: 1)))
        #expect(result.word == "otherPolicy" && result.proposals == 0)
    }
}
