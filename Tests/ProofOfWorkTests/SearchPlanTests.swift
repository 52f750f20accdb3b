import Testing

@testable import ProofOfWork

/// The solver's plan, without threads.
struct SearchPlanTests {
    typealias Slice = SearchPlan.Slice

    @Test func workersSpreadOverRoundsBeforeTheyShareOne() {
        var plan = SearchPlan(rounds: 3, answer: .any, sliceCount: 10)
        #expect(plan.claim() == Slice(round: 0, start: 0, count: 10))
        #expect(plan.claim() == Slice(round: 1, start: 0, count: 10))
        #expect(plan.claim() == Slice(round: 2, start: 0, count: 10))
        #expect(plan.claim() == Slice(round: 0, start: 10, count: 10), "then they share")
        plan.finish(Slice(round: 1, start: 0, count: 10), tried: 10, nonce: nil)
        #expect(plan.claim() == Slice(round: 1, start: 10, count: 10), "and stay where they were")
    }

    @Test func theFirstAnswerDecidesARoundWhereAnyWillDo() {
        var plan = SearchPlan(rounds: 2, answer: .any, sliceCount: 10)
        let slices = (0..<4).compactMap { _ in plan.claim() }
        plan.finish(slices[2], tried: 4, nonce: 13)
        #expect(plan.solvedCount == 1 && plan.nonces == nil)
        plan.finish(slices[0], tried: 2, nonce: 1)
        #expect(plan.solvedCount == 1, "a later answer changes nothing")
        plan.finish(slices[1], tried: 10, nonce: 9)
        plan.finish(slices[3], tried: 10, nonce: nil)
        #expect(plan.isSolved && plan.nonces == [13, 9])
        #expect(plan.hashes == 26)
        #expect(plan.claim() == nil)
    }

    @Test func theSmallestAnswerWaitsForWhatIsBelowIt() {
        var plan = SearchPlan(rounds: 1, answer: .smallest, sliceCount: 10)
        let slices = (0..<3).compactMap { _ in plan.claim() }
        plan.finish(slices[1], tried: 6, nonce: 15)
        #expect(!plan.isSolved, "0 to 9 are still being searched")
        #expect(plan.claim() == nil, "nothing above 15 is of use")
        plan.finish(slices[2], tried: 1, nonce: 20)
        #expect(!plan.isSolved)
        plan.finish(slices[0], tried: 8, nonce: 7)
        #expect(plan.nonces == [7])
    }

    @Test func theSmallestAnswerStandsWhereNothingBelowItIsFound() {
        var plan = SearchPlan(rounds: 1, answer: .smallest, sliceCount: 10)
        let slices = (0..<2).compactMap { _ in plan.claim() }
        plan.finish(slices[1], tried: 6, nonce: 15)
        plan.finish(slices[0], tried: 10, nonce: nil)
        #expect(plan.nonces == [15])
    }

    @Test func numbersEndAt2To64() {
        var plan = SearchPlan(rounds: 1, answer: .any, sliceCount: 10, start: .max - 12)
        let first = Slice(round: 0, start: .max - 12, count: 10)
        let last = Slice(round: 0, start: .max - 2, count: 3)
        #expect(plan.claim() == first)
        #expect(plan.claim() == last)
        #expect(plan.claim() == nil && !plan.isExhausted)
        plan.finish(first, tried: 10, nonce: nil)
        #expect(!plan.isExhausted, "one slice is still out")
        plan.finish(last, tried: 3, nonce: nil)
        #expect(plan.isExhausted && plan.nonces == nil)
        for start in [UInt64.max, UInt64.max - 9, UInt64.max - 10] {
            var plan = SearchPlan(rounds: 1, answer: .any, sliceCount: 10, start: start)
            var covered: UInt64 = 0
            while let slice = plan.claim() {
                #expect(slice.start == start + covered)
                covered += slice.count
            }
            #expect(covered - 1 == .max - start, "each number once, the last among them")
        }
        var whole = SearchPlan(rounds: 1, answer: .any, sliceCount: .max)
        #expect(whole.claim() == Slice(round: 0, start: 0, count: .max))
        #expect(whole.claim() == Slice(round: 0, start: .max, count: 1))
        #expect(whole.claim() == nil)
    }

    /// Against the obvious: whatever the order in which workers come back, the answers are those of the numbers.
    @Test func anyOrderOfWorkersGivesTheAnswers() {
        var generator = SeededGenerator(seed: printedSeed())
        for trial in 0..<500 {
            let rounds = Int.random(in: 1...5, using: &generator)
            let right = (0..<rounds).map { _ in
                Set((0..<3).map { _ in UInt64.random(in: 0..<200, using: &generator) })
            }
            let answer: SearchPlan.Answer = trial % 2 == 0 ? .any : .smallest
            var plan = SearchPlan(rounds: rounds, answer: answer, sliceCount: .random(in: 1...20, using: &generator))
            let workers = Int.random(in: 1...8, using: &generator)
            var out: [Slice] = []
            var steps = 0
            while !plan.isSolved || !out.isEmpty {
                steps += 1
                guard steps < 100_000 else {
                    Issue.record("stuck")
                    break
                }
                if out.count < workers, Bool.random(using: &generator), let slice = plan.claim() {
                    out.append(slice)
                } else if !out.isEmpty {
                    let slice = out.remove(at: Int.random(in: 0..<out.count, using: &generator))
                    let nonce = right[slice.round].filter { $0 >= slice.start && $0 - slice.start < slice.count }.min()
                    plan.finish(slice, tried: nonce.map { $0 - slice.start + 1 } ?? slice.count, nonce: nonce)
                }
            }
            #expect(plan.claim() == nil)
            let nonces = plan.nonces ?? []
            #expect(nonces.count == rounds)
            for (nonce, right) in zip(nonces, right) {
                #expect(answer == .any ? right.contains(nonce) : right.min() == nonce)
            }
        }
    }
}
