import Testing

@testable import ProofOfWork

/// The protocol against vectors that another implementation wrote (Tests/Vectors/generate.py).
struct VectorTests {
    @Test(arguments: Vectors.puzzles.flatMap(\.cases))
    func aPuzzleIsAsInTheVectors(vector: Vectors.Puzzles.Case) throws {
        let target = Difficulty.target(difficulty: vector.difficulty, rounds: vector.rounds)
        #expect(Difficulty.hexadecimal(target) == vector.target)
        #expect(Difficulty.target(hexadecimal: vector.target) == target)
        let seed = Puzzle.seed(token: vector.token)
        #expect(hexadecimal(seed.bytes) == vector.seed)
        let head = try #require(Difficulty.target(hexadecimal: String(vector.firstDigest.prefix(16))))
        #expect(Puzzle.meets(seed: seed, round: 0, nonce: vector.firstNonce, target: head))
        #expect(head == 0 || !Puzzle.meets(seed: seed, round: 0, nonce: vector.firstNonce, target: head - 1))

        let solution = try Solution(parsing: vector.smallestSolution)
        #expect(solution.count == vector.rounds)
        #expect(solution[0] == vector.firstNonce)
        #expect(solution.text == vector.smallestSolution)
        #expect(Puzzle.firstMiss(seed: seed, rounds: vector.rounds, target: target, solution: solution) == nil)

        let found = try Solver(threads: 2).solve(seed: seed, rounds: vector.rounds, target: target, smallest: true)
        #expect(found.text == vector.smallestSolution)
    }

    @Test(arguments: Vectors.puzzles.compactMap(\.answers).joined())
    func anAnswerIsJudgedAsInTheVectors(vector: Vectors.Puzzles.Answer) throws {
        let solution = try Solution(parsing: vector.solution)
        #expect(solution.nonces.map { String($0) } == vector.nonces)
        #expect(Solution(solution.nonces)?.text == vector.solution)
        let target = try #require(Difficulty.target(hexadecimal: vector.target))
        let seed = Puzzle.seed(token: vector.token)
        let miss = Puzzle.firstMiss(seed: seed, rounds: vector.rounds, target: target, solution: solution)
        #expect(miss == vector.firstMiss)
    }

    @Test(arguments: Vectors.puzzles.compactMap(\.malformedSolutions).joined())
    func aMalformedSolutionIsRefused(vector: Vectors.Puzzles.Malformed) {
        let error = tokenError { () throws(TokenError) in try Solution(parsing: vector.solution) }
        #expect(error == .malformed)
    }

    @Test func targetsAreAsInTheVectors() throws {
        let targets = Vectors.puzzles.compactMap(\.targets).joined()
        #expect(targets.count >= 19)
        for vector in targets {
            let difficulty = try #require(UInt64(vector.difficulty))
            let target = Difficulty.target(difficulty: difficulty, rounds: vector.rounds)
            #expect(Difficulty.hexadecimal(target) == vector.target, "\(vector)")
        }
    }

    /// Nodes of neighbouring releases share secrets, so that layouts and derivations must not change unnoticed.
    @Test func tokensAreAsInTheVectors() throws {
        let vectors = Vectors.tokens
        #expect(vectors.challenges.count == 3 && vectors.passes.count == 3)
        let ring = try vectorRing()
        for vector in vectors.challenges {
            let id = bytes(hexadecimal: vector.id)
            let challenge = Challenge(
                epoch: vector.epoch,
                policy: vector.policy,
                binding: vector.binding.flatMap { UInt64($0) },
                issued: try #require(UInt64(vector.issued)),
                lifetime: vector.lifetime,
                rounds: vector.rounds,
                target: try #require(Difficulty.target(hexadecimal: vector.target)),
                grants: vector.grants,
                passLifetime: vector.passLifetime,
                price: vector.price,
                id: tokenID(id)
            )
            #expect(try ring.seal(challenge) == vector.token)
            #expect(try ring.openChallenge(vector.token) == challenge)
        }
        for vector in vectors.passes {
            let pass = Pass(
                epoch: vector.epoch,
                policy: vector.policy,
                binding: vector.binding.flatMap { UInt64($0) },
                expires: try #require(UInt64(vector.expires)),
                recordExpiry: try #require(UInt64(vector.recordExpiry)),
                grants: vector.grants,
                id: tokenID(bytes(hexadecimal: vector.id))
            )
            #expect(try ring.seal(pass) == vector.token)
            #expect(try ring.openPass(vector.token) == pass)
        }
    }

    /// What the ledger holds under these hashes must be found again by the next release.
    @Test func permanentHashesAreAsInTheVectors() throws {
        let vectors = Vectors.tokens
        let ring = try vectorRing()
        for vector in vectors.bindings {
            let (high, low) = (try #require(UInt64(vector.high)), try #require(UInt64(vector.low)))
            #expect(String(ring.binding(high: high, low: low, isIPv4: vector.isIpv4)) == vector.binding)
        }
        func text(_ key: (high: UInt64, low: UInt64)) -> String {
            Difficulty.hexadecimal(key.high) + Difficulty.hexadecimal(key.low)
        }
        for vector in vectors.quotaKeysOfBytes {
            let kind = try #require(vector.kind)
            let key = bytes(hexadecimal: vector.bytes).withUnsafeBytes { ring.quotaKey(kind: kind, bytes: $0) }
            #expect(text(key) == vector.key)
        }
        for vector in vectors.quotaKeysOfWords {
            let (high, low) = (try #require(UInt64(vector.high)), try #require(UInt64(vector.low)))
            #expect(text(ring.quotaKey(kind: vector.kind, high: high, low: low)) == vector.key)
        }
        for vector in vectors.idempotencyKeys {
            let key = bytes(hexadecimal: vector.bytes).withUnsafeBytes { ring.idempotencyKey($0) }
            #expect(text(key) == vector.key)
        }
        let keys = vectors.quotaKeysOfBytes.map(\.key) + vectors.quotaKeysOfWords.map(\.key)
        #expect(Set(keys).count == keys.count)
    }

    private func vectorRing() throws -> KeyRing {
        let vectors = Vectors.tokens
        return try KeyRing(
            clusterSecret: bytes(hexadecimal: vectors.clusterSecret),
            epochs: vectors.epochs.map { ($0.number, bytes(hexadecimal: $0.secret)) },
            current: 7
        )
    }

    private func tokenID(_ bytes: [UInt8]) -> TokenID {
        let words = (0..<2).map { half in bytes[(8 * half)..<(8 * half + 8)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        return TokenID(high: words[0], low: words[1])
    }
}
