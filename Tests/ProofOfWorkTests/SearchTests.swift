import CSolver
import Testing

@testable import ProofOfWork

/// Whether one number meets one round, by a path of the native search.
func found(
    _ path: Solver.Path,
    seed: Puzzle.Seed,
    round: UInt32,
    target: UInt64,
    start: UInt64,
    count: UInt64
) -> (nonce: UInt64?, tried: UInt64) {
    var nonce: UInt64 = 0
    var isFound: Int32 = 0
    let tried = csolver_search(path.rawValue, seed.bytes, round, target, start, count, &nonce, &isFound)
    return (isFound == 1 ? nonce : nil, tried)
}

/// What `Puzzle.firstMiss` is to say, by the portable search and the words of the protocol.
func referenceMiss(seed: Puzzle.Seed, rounds: Int, target: UInt64, nonces: [UInt64]) -> Int? {
    for round in 0..<rounds {
        guard round < nonces.count else { return round }
        let isMet =
            found(
                .portable,
                seed: seed,
                round: UInt32(round),
                target: target,
                start: nonces[round],
                count: 1
            ).nonce != nil
        if !isMet { return round }
    }
    return nonces.count == rounds ? nil : rounds
}

/// Each way to compute hashes against libcrypto, which the verifier uses, and so against each other.
struct SearchTests {
    static let paths = Solver.Path.allCases.filter(\.isAvailable)

    @Test func thePortablePathIsAlwaysThereAndTheBestIsAvailable() {
        #expect(Solver.Path.portable.isAvailable)
        #expect(Solver.Path.best.isAvailable)
        #expect(Solver.acceleration == Solver.Path.best.name)
        #expect(csolver_path_available(-1) == 0 && csolver_path_available(99) == 0)
        #expect(Set(Solver.Path.allCases.map(\.name)).count == Solver.Path.allCases.count)
        print("paths here: \(Self.paths.map(\.name)), best: \(Solver.acceleration)")
    }

    @Test(arguments: paths)
    func aPathFindsWhatLibcryptoFinds(path: Solver.Path) {
        var generator = SeededGenerator(seed: printedSeed())
        for trial in 0..<400 {
            let seed = Puzzle.Seed(words: (generator.next(), generator.next(), generator.next(), generator.next()))
            let round = trial % 7 == 0 ? UInt32(truncatingIfNeeded: generator.next()) : UInt32(trial % 64)
            let target = generator.next() >> UInt64.random(in: 0..<9, using: &generator)
            // Around the borders of segments and at the end of all numbers as well.
            let starts = [
                generator.next(), UInt64(trial),
                (generator.next() << 32) &- UInt64.random(in: 0...40, using: &generator),
                UInt64.max - UInt64.random(in: 0...60, using: &generator),
            ]
            let start = starts[trial % starts.count]
            let count = UInt64.random(in: 0...70, using: &generator)

            var (nonce, tried) = (UInt64?.none, UInt64(0))
            while tried < count, nonce == nil, start.addingReportingOverflow(tried).overflow == false {
                let candidate = start + tried
                tried += 1
                if Puzzle.meets(seed: seed, round: round, nonce: candidate, target: target) { nonce = candidate }
            }
            let result = found(path, seed: seed, round: round, target: target, start: start, count: count)
            #expect(result.nonce == nonce && result.tried == tried, "trial \(trial)")
        }
    }

    /// The target is inclusive, to the bit, in every lane.
    @Test(arguments: paths)
    func aPathComparesAll64Bits(path: Solver.Path) throws {
        let seed = Puzzle.seed(token: "AQ")
        for nonce in UInt64(0)..<24 {
            // The digest's head, by bisection over the target.
            var (low, high) = (UInt64.min, UInt64.max)
            while low < high {
                let middle = low + (high - low) / 2
                if Puzzle.meets(seed: seed, round: 3, nonce: nonce, target: middle) {
                    high = middle
                } else {
                    low = middle + 1
                }
            }
            for start in (nonce < 8 ? 0 : nonce - 8)...nonce {
                let count = nonce - start + 1
                let at = found(path, seed: seed, round: 3, target: low, start: start, count: count)
                #expect(at.nonce.map { $0 <= nonce } == true)
            }
            #expect(found(path, seed: seed, round: 3, target: low, start: nonce, count: 1).nonce == nonce)
            #expect(low == 0 || found(path, seed: seed, round: 3, target: low - 1, start: nonce, count: 1).nonce == nil)
        }
    }

    @Test(arguments: paths)
    func aPathLooksNowhereBeyondItsRange(path: Solver.Path) {
        let seed = Puzzle.seed(token: "AQ")
        #expect(found(path, seed: seed, round: 0, target: .max, start: 5, count: 0) == (nil, 0))
        #expect(found(path, seed: seed, round: 0, target: .max, start: .max, count: 100) == (.max, 1))
        #expect(found(path, seed: seed, round: 0, target: 0, start: .max - 2, count: .max) == (nil, 3))
        #expect(found(path, seed: seed, round: 0, target: .max, start: 0, count: .max) == (0, 1))
        for count in UInt64(1)...40 {
            // The first that meets this target is known; a range that ends before it holds none.
            let first = found(.portable, seed: seed, round: 1, target: .max >> 5, start: 0, count: 10_000).nonce ?? 0
            let start = first > count ? first - count : 0
            let result = found(path, seed: seed, round: 1, target: .max >> 5, start: start, count: first - start)
            #expect(result == (nil, first - start))
        }
    }
}
