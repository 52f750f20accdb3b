import Raft
import Simulator
import TestSupport
import Testing

@Suite struct RandomHistoryTests {
    private let checker = LinearizabilityChecker(model: OverrideRegister())

    @Test func everyHistoryOfARealLedgerIsLinearizable() {
        var random = Xoshiro256(seed: seed())
        for round in 0..<150 {
            var histories = RegisterHistories(seed: random.next())
            let history = histories.good(
                clients: 1 + round % 8,
                count: 10 + round % 90,
                keys: 1 + UInt64(round % 3),
                lost: UInt64(round % 3)
            )
            #expect(checker.check(history) == .linearizable, "round \(round): \(history)")
            var order = VersionOrder()
            for operation in history { order.observe(operation) }
            #expect(throws: Never.self) { try order.check() }
        }
    }

    @Test func agreesWithTryingEveryOrder() {
        var random = Xoshiro256(seed: seed())
        var rejected = 0
        for round in 0..<3_000 {
            var histories = RegisterHistories(seed: random.next())
            var history = histories.good(clients: 2 + round % 3, count: 3 + round % 4, keys: 1, lost: UInt64(round % 4))
            for _ in 0..<(1 + round % 2) { history = histories.mutated(history) }
            let expected = BruteForce(model: OverrideRegister()).isLinearizable(history)
            let verdict = checker.check(history)
            #expect(
                (verdict == .linearizable) == expected,
                "round \(round): \(verdict), expected \(expected): \(history)"
            )
            if !expected { rejected += 1 }
        }
        // Else the test would say nothing.
        #expect(rejected > 300)
        #expect(rejected < 2_900)
    }

    @Test func rejectsMostMutationsOfLongHistories() {
        var random = Xoshiro256(seed: seed())
        var rejected = 0
        for _ in 0..<100 {
            var histories = RegisterHistories(seed: random.next())
            let good = histories.good(clients: 5, count: 60, keys: 2, lost: 1)
            if case .violated = checker.check(histories.mutated(good)) { rejected += 1 }
        }
        #expect(rejected > 50)
    }
}
