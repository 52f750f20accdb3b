import Testing

@testable import ProofOfWork

/// The native solver with its threads.
struct SolverTests {
    @Test(arguments: [1, 2, 3, 8], [1, 5, 16])
    func aSolutionIsRightWithAnyNumberOfThreads(threads: Int, rounds: Int) throws {
        let seed = Puzzle.seed(token: try ring().seal(sampleChallenge()))
        let target = Difficulty.target(difficulty: 40_000, rounds: rounds)
        // Small slices, so that threads meet often.
        let solver = Solver(threads: threads, path: .best, sliceCount: 64)
        let any = try solver.solve(seed: seed, rounds: rounds, target: target)
        #expect(Puzzle.firstMiss(seed: seed, rounds: rounds, target: target, solution: any) == nil)
        let smallest = try solver.solve(seed: seed, rounds: rounds, target: target, smallest: true)
        let alone = try Solver(threads: 1).solve(seed: seed, rounds: rounds, target: target, smallest: true)
        #expect(smallest.nonces == alone.nonces)
        for (round, nonce) in alone.nonces.enumerated() {
            let below = found(.portable, seed: seed, round: UInt32(round), target: target, start: 0, count: nonce)
            #expect(below.nonce == nil)
        }
    }

    @Test(arguments: SearchTests.paths)
    func everyPathSolves(path: Solver.Path) throws {
        let target = Difficulty.target(difficulty: 5000, rounds: 4)
        let solution = try Solver(threads: 2, path: path).solve(token: "AQ", rounds: 4, target: target, smallest: true)
        let reference = try Solver(threads: 1, path: .portable)
            .solve(token: "AQ", rounds: 4, target: target, smallest: true)
        #expect(solution.nonces == reference.nonces)
    }

    @Test(arguments: [1, 3])
    func progressOnlyGrowsAndEndsComplete(threads: Int) throws {
        let target = Difficulty.target(difficulty: 100_000, rounds: 16)
        var seen: [Solver.Progress] = []
        _ = try Solver(threads: threads, path: .best, sliceCount: 256).solve(token: "AQ", rounds: 16, target: target) {
            seen.append($0)
        }
        // Of several threads the calling one may be so slow that it has no part in the search.
        #expect(seen.count > (threads == 1 ? 16 : 0))
        for (earlier, later) in zip(seen, seen.dropFirst()) {
            #expect(earlier.roundsDone <= later.roundsDone && earlier.hashes <= later.hashes)
        }
        let last = try #require(seen.last)
        #expect(last.roundsDone == 16 && last.rounds == 16)
        #expect(last.hashes >= 16)
    }

    @Test(arguments: [1, 4])
    func aCancelledSearchEnds(threads: Int) {
        let solver = Solver(threads: threads)
        // Impossible in any time; the first slice is what cancels it.
        let error = solverError { () throws(SolverError) in
            try solver.solve(token: "AQ", rounds: 1, target: 0) { _ in solver.cancel() }
        }
        #expect(error == .cancelled)
        let again = solverError { () throws(SolverError) in try solver.solve(token: "AQ", rounds: 1, target: .max) }
        #expect(again == .cancelled, "for good")
    }

    @Test func roundsOutOfRangeAreRefused() {
        for rounds in [Int.min, -1, 0, 65, .max] {
            let error = solverError { () throws(SolverError) in
                try Solver(threads: 1).solve(token: "AQ", rounds: rounds, target: .max)
            }
            #expect(error == .invalidRounds)
        }
    }

    @Test func anyNumberOfThreadsIsTakenAsANearOne() throws {
        for threads in [Int.min, -1, 0] {
            #expect(try Solver(threads: threads).solve(token: "AQ", rounds: 1, target: .max).count == 1)
        }
        let solution = try Solver().solve(token: "AQ", rounds: 64, target: .max, smallest: true)
        #expect(solution.nonces == Array(repeating: 0, count: 64))
        #expect(Solver.processorCount >= 1)
    }

    private func solverError(_ body: () throws(SolverError) -> Solution) -> SolverError? {
        do throws(SolverError) {
            _ = try body()
            return nil
        } catch {
            return error
        }
    }
}
