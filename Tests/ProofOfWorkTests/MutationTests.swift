import Testing

@testable import ProofOfWork

/// What hostile clients send: every small change, and many random ones.
struct MutationTests {
    /// A token has one text. Each character is part of it, the last as much as the first.
    @Test func everyChangeOfOneCharacterOfATokenIsRefused() throws {
        let ring = try ring()
        let tokens: [(text: String, open: (String) throws(TokenError) -> Void)] = [
            (try ring.seal(sampleChallenge()), { text throws(TokenError) in _ = try ring.openChallenge(text) }),
            (try ring.seal(samplePass()), { text throws(TokenError) in _ = try ring.openPass(text) }),
        ]
        for (text, open) in tokens {
            let characters = [Character](text)
            for index in characters.indices {
                for other in tokenAlphabet + ["=", "+", "/", ".", " ", "\n", "\0", "\u{e9}", "é"]
                where other != characters[index] {
                    var changed = characters
                    changed[index] = other
                    let text = String(changed)
                    #expect(tokenError { () throws(TokenError) in try open(text) } != nil, "\(index): \(other)")
                }
            }
        }
    }

    @Test func framesAroundATokenAreRefused() throws {
        let ring = try ring()
        let token = try ring.seal(sampleChallenge())
        for text in [
            token + "=", token + "==", token + "A", token + "AAAA", " " + token, token + " ", token + "\n",
            "\r\n" + token,
            "\u{feff}" + token, token + "\0", token + "." + token, "\"" + token + "\"", token + token,
            String(token.dropLast()), String(token.dropLast(4)), String(token.dropFirst(4)), token.uppercased(),
            token.lowercased(), String(token.reversed()),
        ] {
            #expect(tokenError { () throws(TokenError) in try ring.openChallenge(text) } != nil, "\(text)")
        }
    }

    @Test func randomChangesOfTokensAreNeverAccepted() throws {
        var generator = SeededGenerator(seed: printedSeed())
        // As many epochs are before it as after it.
        let epoch: UInt32 = 0x8080_8080
        let ring = try ring(epochs: [epoch, epoch + 1])
        var errors: [TokenError: Int] = [:]
        for trial in 0..<12_000 {
            let isChallenge = trial % 2 == 0
            let original =
                try isChallenge
                ? ring.seal(sampleChallenge(epoch: epoch)) : ring.seal(samplePass(epoch: epoch))
            let mutated = generator.mutate([UInt8](original.utf8))
            let error = tokenError { () throws(TokenError) in
                // Also as the other kind, which it never is.
                if trial % 5 == 0 {
                    return try isChallenge ? opened(ring, pass: mutated) : opened(ring, challenge: mutated)
                }
                try isChallenge ? opened(ring, challenge: mutated) : opened(ring, pass: mutated)
            }
            if mutated == [UInt8](original.utf8), trial % 5 != 0 {
                #expect(error == nil)
            } else {
                #expect(error != nil, "\(mutated)")
            }
            if let error { errors[error, default: 0] += 1 }
        }
        // All five refusals came up: the mutations reach every check.
        #expect(errors.count == 5, "\(errors)")
    }

    /// What parses is canonical, and is judged as the solver's portable hash judges it, round for round.
    @Test func randomChangesOfSolutionsAreNeverMisjudged() throws {
        var generator = SeededGenerator(seed: printedSeed())
        let rounds = 4
        let target = Difficulty.target(difficulty: 1024, rounds: rounds)
        let seed = Puzzle.seed(token: try ring().seal(sampleChallenge()))
        let right = try Solver(threads: 1).solve(seed: seed, rounds: rounds, target: target)
        let original = [UInt8](right.text.utf8)
        var (malformed, wrong, accepted) = (0, 0, 0)
        for _ in 0..<12_000 {
            let mutated = generator.mutate(original)
            let parsed = mutated.withUnsafeBytes { text in
                Result { () throws(TokenError) in try Solution(parsing: text) }
            }
            guard case .success(let solution) = parsed else {
                malformed += 1
                continue
            }
            #expect([UInt8](solution.text.utf8) == mutated, "a solution has one text")
            let miss = Puzzle.firstMiss(seed: seed, rounds: rounds, target: target, solution: solution)
            #expect(miss == referenceMiss(seed: seed, rounds: rounds, target: target, nonces: solution.nonces))
            if miss == nil { accepted += 1 } else { wrong += 1 }
            if mutated == original { #expect(miss == nil) }
        }
        #expect(malformed > 0 && wrong > 0 && malformed + wrong + accepted == 12_000)
        // One change in 256 of a number is right by luck.
        #expect(accepted < 1200, "\(accepted)")
    }

    /// No two texts are one solution. Of long ones the end alone: there the spare bits are.
    @Test(arguments: [(1, 0), (2, 0), (3, 0), (16, 150), (64, 675)])
    func everyChangeOfOneCharacterOfASolutionIsAnotherSolutionOrNone(count: Int, from: Int) throws {
        let solution = try #require(Solution((0..<count).map { UInt64($0) &* 0x0123_4567_89ab_cdef }))
        let original = [UInt8](solution.text.utf8)
        #expect(original.count <= Solution.textLengthMax)
        for index in from..<original.count {
            for other in tokenAlphabet.compactMap(\.asciiValue) + [0, 10, 32, 43, 47, 61, 128, 255]
            where other != original[index] {
                var changed = original
                changed[index] = other
                let parsed = changed.withUnsafeBytes { text in
                    Result { () throws(TokenError) in try Solution(parsing: text) }
                }
                guard case .success(let parsed) = parsed else { continue }
                #expect([UInt8](parsed.text.utf8) == changed && parsed.nonces != solution.nonces)
            }
        }
    }

    private func opened(_ ring: KeyRing, challenge text: [UInt8]) throws(TokenError) {
        let result = text.withUnsafeBytes { text in
            Result { () throws(TokenError) in try ring.openChallenge(text) }
        }
        _ = try result.get()
    }

    private func opened(_ ring: KeyRing, pass text: [UInt8]) throws(TokenError) {
        let result = text.withUnsafeBytes { text in
            Result { () throws(TokenError) in try ring.openPass(text) }
        }
        _ = try result.get()
    }
}

extension SeededGenerator {
    /// One to four changes of a text: of bits, characters, lengths, order.
    mutating func mutate(_ text: [UInt8]) -> [UInt8] {
        var text = text
        for _ in 0..<Int.random(in: 1...4, using: &self) {
            let index = Int.random(in: 0...max(text.count - 1, 0), using: &self)
            let character = tokenAlphabet.randomElement(using: &self)?.asciiValue ?? 0
            switch Int.random(in: 0..<10, using: &self) {
            case 0 where !text.isEmpty: text[index] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 1 where !text.isEmpty: text[index] = .random(in: 0...255, using: &self)
            case 2, 3, 4: if !text.isEmpty { text[index] = character }
            case 5: text.insert(character, at: index)
            case 6 where !text.isEmpty: text.remove(at: index)
            case 7: text.removeLast(Int.random(in: 0...min(text.count, 16), using: &self))
            case 8: text += (0..<Int.random(in: 1...16, using: &self)).map { _ in character }
            case 9 where !text.isEmpty: text.swapAt(index, Int.random(in: 0..<text.count, using: &self))
            default: text = (0..<Int.random(in: 0...200, using: &self)).map { _ in .random(in: 0...255, using: &self) }
            }
        }
        return text
    }
}
