import Testing

@testable import ProofOfWork

/// The verifier where the vectors do not reach.
struct PuzzleTests {
    @Test func aSeedIsOfTheExactText() throws {
        let token = try ring().seal(sampleChallenge())
        let seed = Puzzle.seed(token: token)
        #expect(Puzzle.seed(token: token + "A") != seed)
        #expect(Puzzle.seed(token: String(token.dropLast())) != seed)
        #expect(Set((0..<200).map { Puzzle.seed(token: String(repeating: "A", count: $0)) }).count == 200)
        // FIPS 180-4's own example of the empty message.
        let empty = Puzzle.seed(token: UnsafeRawBufferPointer(start: nil, count: 0))
        #expect(hexadecimal(empty.bytes) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    @Test func aSolutionOfAnotherNumberOfRoundsIsNeverRight() throws {
        let seed = Puzzle.seed(token: "AQ")
        for rounds in [Int.min, -1, 0, 1, 2, 63, 64, 65, .max] {
            for count in [1, 2, 63, 64] {
                let solution = try #require(Solution(Array(repeating: 0, count: count)))
                let miss = Puzzle.firstMiss(seed: seed, rounds: rounds, target: .max, solution: solution)
                #expect((miss == nil) == (rounds == count))
                if let miss { #expect((0...64).contains(miss)) }
            }
        }
    }

    @Test func aSolutionHasOneTo64Numbers() {
        #expect(Solution([UInt64]()) == nil)
        #expect(Solution(Array(repeating: 1, count: 65)) == nil)
        #expect(Solution(Array(repeating: .max, count: 64))?.text.utf8.count == Solution.textLengthMax)
    }

    @Test func aSolutionOfOneChallengeIsNoneOfAnother() throws {
        let ring = try ring()
        let target = Difficulty.target(difficulty: 16_384, rounds: 4)
        var challenge = sampleChallenge(rounds: 4)
        let seed = Puzzle.seed(token: try ring.seal(challenge))
        let solution = try Solver(threads: 1).solve(seed: seed, rounds: 4, target: target)
        challenge.id.low &+= 1
        let other = Puzzle.seed(token: try ring.seal(challenge))
        #expect(Puzzle.firstMiss(seed: other, rounds: 4, target: target, solution: solution) != nil)
    }

    /// Each round has its own number in the message: a number that meets one is nothing to another.
    @Test func roundsAreTiedToTheirPlace() throws {
        let target = Difficulty.target(difficulty: 16_384, rounds: 4)
        let seed = Puzzle.seed(token: "AQ")
        let nonces = try Solver(threads: 1).solve(seed: seed, rounds: 4, target: target).nonces
        let rotated = try #require(Solution(Array(nonces[1...] + nonces[..<1])))
        #expect(Puzzle.firstMiss(seed: seed, rounds: 4, target: target, solution: rotated) == 0)
    }
}
