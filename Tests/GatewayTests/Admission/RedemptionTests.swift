import Ledger
import ProofOfWork
import Testing

@testable import Gateway

/// The checks of a redemption one by one, and that each stands before the next: DESIGN section 5.
@Suite struct RedemptionTests {
    private let keys: KeyRing

    init() throws { keys = try keyRing() }

    /// A challenge that every number solves, unless the target says otherwise.
    static func challenge(
        epoch: UInt32 = 1,
        policy: UInt32 = 1,
        binding: UInt64? = 5,
        issued: UInt64 = 100 * second,
        rounds: UInt8 = 2,
        target: UInt64 = .max
    ) -> Challenge {
        Challenge(
            epoch: epoch,
            policy: policy,
            binding: binding,
            issued: issued,
            lifetime: 300,
            rounds: rounds,
            target: target,
            grants: 10,
            passLifetime: 600
        )
    }

    static func solution(rounds: Int, _ nonce: UInt64 = 1) -> String {
        Solution([UInt64](repeating: nonce, count: rounds))?.text ?? ""
    }

    private func open(_ token: String, _ solution: String) -> Result<Redemption.Candidate, Redemption.Problem> {
        let token = Array(token.utf8)
        let solution = Array(solution.utf8)
        return token.withUnsafeBytes { token in
            solution.withUnsafeBytes { solution in
                Result { () throws(Redemption.Problem) in try Redemption.open(token, solution, keys: keys) }
            }
        }
    }

    private func problem(_ token: String, _ solution: String) -> Redemption.Problem? {
        if case .failure(let problem) = open(token, solution) { problem } else { nil }
    }

    private func isSolved(_ candidate: Redemption.Candidate, _ token: String) -> Bool {
        Array(token.utf8).withUnsafeBytes { Redemption.isSolved(candidate, token: $0) }
    }

    private func isMalformed(_ token: String, _ solution: String) -> Bool {
        if case .malformed? = problem(token, solution) { true } else { false }
    }

    @Test func aGoodOneOpens() throws {
        let challenge = Self.challenge()
        let candidate = try open(keys.seal(challenge), Self.solution(rounds: 2, 9)).get()
        #expect(candidate.challenge == challenge)
        #expect(candidate.solution.nonces == [9, 9])
    }

    @Test func sizeAndFormAreMalformed() throws {
        let token = try keys.seal(Self.challenge())
        let good = Self.solution(rounds: 2)
        #expect(isMalformed(String(repeating: "A", count: 513), good))
        #expect(isMalformed("", good))
        #expect(isMalformed(token + "A", good))
        #expect(isMalformed(String(token.dropLast()), good))
        #expect(isMalformed(token + "=", good))
        #expect(isMalformed(" " + token, good))
        for solution in [
            "", "A", "====", good + "A", good + "=", String(good.dropLast()), String(repeating: "A", count: 100_000),
        ] {
            #expect(isMalformed(token, solution), "\(solution.prefix(40))")
        }
        // Well formed, and of another number of rounds.
        #expect(isMalformed(token, Self.solution(rounds: 1)))
        #expect(isMalformed(token, Self.solution(rounds: 64)))
        // A pass is no challenge.
        let pass = Redemption.pass(
            Self.challenge(),
            PassState(remaining: 1, expires: .zero, epoch: 1, binding: 5, recordExpiry: .zero)
        )
        #expect(isMalformed(try keys.seal(pass), good))
    }

    @Test func formStandsBeforeAuthenticity() throws {
        // Of another cluster, and with a malformed solution: malformed.
        let foreign = try keyRing(cluster: 9).seal(Self.challenge())
        #expect(isMalformed(foreign, "!"))
        #expect(problem(foreign, Self.solution(rounds: 2)) == .notAuthentic)
        // The number of rounds is the challenge's word, so it counts only once the challenge is authentic.
        #expect(problem(foreign, Self.solution(rounds: 3)) == .notAuthentic)
    }

    @Test func anEpochThatIsGoneIsExpiredAndOneToComeIsToldApart() throws {
        let others = try keyRing(epochs: [0, 1, 2], current: 2)
        let (old, later) = (try others.seal(Self.challenge(epoch: 0)), try others.seal(Self.challenge(epoch: 2)))
        #expect(problem(old, Self.solution(rounds: 2)) == .expired)
        #expect(problem(later, Self.solution(rounds: 2)) == .laterEpoch)
    }

    @Test func everyChangedCharacterIsNoticed() throws {
        let token = Array(try keys.seal(Self.challenge()))
        for index in token.indices {
            var changed = token
            changed[index] = token[index] == "A" ? "B" : "A"
            switch open(String(changed), Self.solution(rounds: 2)) {
            case .success: Issue.record("character \(index) may be changed")
            case .failure(.otherClient), .failure(.wrongSolution): Issue.record("a forged token was read")
            case .failure: break
            }
        }
    }

    @Test func itCanBeRedeemedToItsLastMoment() {
        let challenge = Self.challenge()
        let end = challenge.issued + 300 * second
        func problem(_ now: UInt64) -> Redemption.Problem? {
            do throws(Redemption.Problem) {
                try Redemption.check(challenge, now: LedgerTime(nanoseconds: now)) { 5 }
                return nil
            } catch { return error }
        }
        #expect(problem(0) == nil)
        #expect(problem(end) == nil)
        #expect(problem(end + 1) == .expired)
        #expect(problem(.max) == .expired)
        // The ledger says the same.
        let spend = Redemption.spend(challenge, idempotencyKey: nil)
        #expect(spend.challengeExpiry.nanoseconds == end)
    }

    @Test func expiryStandsBeforeBinding() {
        #expect(throws: Redemption.Problem.expired) {
            try Redemption.check(Self.challenge(), now: .maximum) { 6 }
        }
        #expect(throws: Redemption.Problem.otherClient) { try Redemption.check(Self.challenge(), now: .zero) { 6 } }
        #expect(throws: Never.self) { try Redemption.check(Self.challenge(), now: .zero) { 5 } }
    }

    @Test func whatIsBoundToNobodyAsksForNoBinding() throws {
        try Redemption.check(Self.challenge(binding: nil), now: .zero) {
            Issue.record("the client's binding was computed for nothing")
            return 0
        }
    }

    @Test func everyRoundCounts() throws {
        // A target that about every second number meets: the right ones are found here, and one at a time spoiled.
        let challenge = Self.challenge(rounds: 8, target: .max / 2)
        let token = try keys.seal(challenge)
        let seed = Puzzle.seed(token: token)
        func first(_ round: Int, meets: Bool) -> UInt64 {
            (0..<10_000).first {
                Puzzle.meets(seed: seed, round: UInt32(round), nonce: $0, target: challenge.target) == meets
            } ?? 0
        }
        let right = (0..<8).map { first($0, meets: true) }
        let solved = try open(token, #require(Solution(right)).text).get()
        #expect(isSolved(solved, token))
        for round in 0..<8 {
            var wrong = right
            wrong[round] = first(round, meets: false)
            let candidate = try open(token, #require(Solution(wrong)).text).get()
            #expect(!isSolved(candidate, token))
        }
    }

    @Test func theProposalSaysWhatTheChallengeSays() {
        let key = QuotaKey(high: 1, low: 2)
        let challenge = Self.challenge(policy: 9)
        let spend = Redemption.spend(challenge, idempotencyKey: key)
        #expect(
            spend
                == Spend(
                    challenge: ChallengeID(high: challenge.id.high, low: challenge.id.low),
                    policy: PolicyID(rawValue: 9),
                    issued: LedgerTime(nanoseconds: 100 * second),
                    challengeLifetime: 300,
                    passLifetime: 600,
                    grants: 10,
                    binding: 5,
                    idempotencyKey: key
                )
        )
        #expect(Redemption.spend(Self.challenge(binding: nil), idempotencyKey: nil).binding == 0)
    }

    @Test func theProposalCarriesThePriceWhereMembersKnowOfPrices() throws {
        var challenge = Self.challenge()
        challenge.price = 5 << 16
        let keys = QuotaKeys.prefixes(ip("203.0.113.5"), try keyRing())
        let spend = Redemption.spend(challenge, idempotencyKey: nil, from: keys)
        #expect(spend.pricing == SpendPricing(issuePrice: 5 << 16, keys: keys))
        #expect(Redemption.spend(challenge, idempotencyKey: nil).pricing == nil)
    }

    @Test func aPassIsOfWhatWasGranted() {
        var state = PassState(
            remaining: 1,
            expires: LedgerTime(nanoseconds: 700 * second),
            epoch: 1,
            binding: 5,
            recordExpiry: LedgerTime(nanoseconds: 1_000 * second)
        )
        #expect(Redemption.pass(Self.challenge(), state).grants == 10)
        state.granted = 3
        #expect(Redemption.pass(Self.challenge(), state).grants == 3)
    }

    @Test func theSameStateIsTheSamePass() throws {
        let challenge = Self.challenge()
        let state = PassState(
            remaining: 3,
            expires: LedgerTime(nanoseconds: 700 * second),
            epoch: 1,
            binding: 5,
            recordExpiry: LedgerTime(nanoseconds: 1_000 * second)
        )
        let pass = Redemption.pass(challenge, state)
        var later = state
        later.remaining = 1
        #expect(try keys.seal(pass) == keys.seal(Redemption.pass(challenge, later)))
        #expect(try keys.openPass(keys.seal(pass)) == pass)
        #expect(pass.id == challenge.id && pass.expires == 700 * second && pass.recordExpiry == 1_000 * second)
    }

    /// Ten thousand damaged tokens and solutions: none opens, none crashes.
    @Test func mutationsNeverOpen() throws {
        var generator = SeededGenerator.printed()
        let token = Array(try keys.seal(Self.challenge()).utf8)
        let solution = Array(Self.solution(rounds: 2, .max).utf8)
        for _ in 0..<10_000 {
            let mutated = generator.mutated(token)
            let other = generator.chance(50) ? generator.mutated(solution) : solution
            let result = open(text(mutated), text(other))
            if mutated != token, case .success = result { Issue.record("\(text(mutated)) opened") }
        }
    }
}
