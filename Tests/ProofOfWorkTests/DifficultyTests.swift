import Testing

@testable import ProofOfWork

/// The rule of targets at its edges. The ordinary values are in the vectors.
struct DifficultyTests {
    @Test func theTargetSaturatesWhereEveryDigestWillDo() {
        for rounds in 1...64 {
            for difficulty in 0...UInt64(rounds) {
                #expect(Difficulty.target(difficulty: difficulty, rounds: rounds) == .max)
            }
            #expect(Difficulty.target(difficulty: UInt64(rounds) + 1, rounds: rounds) < .max)
        }
    }

    @Test func theHardestPuzzleHasATarget() {
        #expect(Difficulty.target(difficulty: .max, rounds: 1) == 0)
        #expect(Difficulty.target(difficulty: .max, rounds: 64) == 63)
        #expect(Difficulty.target(difficulty: 1 << 63, rounds: 1) == 1)
    }

    @Test func roundsOutOfRangeCountAsTheNearest() {
        #expect(Difficulty.target(difficulty: 1000, rounds: 0) == Difficulty.target(difficulty: 1000, rounds: 1))
        #expect(Difficulty.target(difficulty: 1000, rounds: .min) == Difficulty.target(difficulty: 1000, rounds: 1))
        #expect(Difficulty.target(difficulty: 1000, rounds: 65) == Difficulty.target(difficulty: 1000, rounds: 64))
        #expect(Difficulty.target(difficulty: 1000, rounds: .max) == Difficulty.target(difficulty: 1000, rounds: 64))
        #expect(Difficulty.expectedHashes(target: 7, rounds: .max) == Difficulty.expectedHashes(target: 7, rounds: 64))
    }

    @Test func expectedHashesUndoTheTarget() {
        #expect(Difficulty.expectedHashes(target: .max, rounds: 16) == 16)
        #expect(Difficulty.expectedHashes(target: 0, rounds: 1) == .max, "2^64 does not fit")
        #expect(Difficulty.expectedHashes(target: 63, rounds: 64) == .max)
        #expect(Difficulty.expectedHashes(target: 64, rounds: 64) == 18_162_948_011_037_096_975)
        var generator = SeededGenerator(seed: printedSeed())
        for _ in 0..<1000 {
            let rounds = Int.random(in: 1...64, using: &generator)
            let difficulty = UInt64.random(in: 64...(1 << 40), using: &generator)
            let target = Difficulty.target(difficulty: difficulty, rounds: rounds)
            let expected = Difficulty.expectedHashes(target: target, rounds: rounds)
            // The target was rounded down, hence the hashes up: by less than one part in 2^24 here, and one for rounding.
            #expect(expected >= difficulty && expected - difficulty <= difficulty >> 16 + 1)
        }
    }

    @Test func aPriceMakesHarderAndNeverEasier() {
        let one = Difficulty.priceOne
        #expect(Difficulty.difficulty(1000, atPrice: one) == 1000)
        #expect(Difficulty.difficulty(1000, atPrice: 0) == 1000)
        #expect(Difficulty.difficulty(1000, atPrice: one * 5 / 2) == 2500)
        #expect(Difficulty.difficulty(1, atPrice: one + 1) == 2, "rounds up")
        #expect(Difficulty.difficulty(.max, atPrice: one) == .max)
        #expect(Difficulty.difficulty(.max, atPrice: .max) == .max)
        #expect(Difficulty.difficulty(1 << 63, atPrice: one * 2) == .max)
        #expect(Difficulty.difficulty(0, atPrice: .max) == 0)
    }

    @Test func hexadecimalHasSixteenDigits() {
        #expect(Difficulty.hexadecimal(0) == "0000000000000000")
        #expect(Difficulty.hexadecimal(0x10c6_f7a0_b5ec) == "000010c6f7a0b5ec")
        #expect(Difficulty.hexadecimal(.max) == "ffffffffffffffff")
        #expect(Difficulty.target(hexadecimal: "000010C6f7a0B5ec") == 0x10c6_f7a0_b5ec)
        for text in [
            "", "0", "fffffffffffffff", "00000000000000000", "+fffffffffffffff", "-fffffffffffffff", " fffffffffffffff",
            "0x00000000000000", "gfffffffffffffff", "ffffffffffffff\u{e9}", "fffffffffffffff\n",
        ] {
            #expect(Difficulty.target(hexadecimal: text) == nil, "\(text)")
        }
    }
}
