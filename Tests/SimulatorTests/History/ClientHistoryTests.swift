import Ledger
import Simulator
import Testing

@Suite struct ClientHistoryTests {
    private let key = Sample.key(1)

    /// A history with one override that was set and answered with version 1.
    private func afterSet() throws -> ClientHistory {
        var history = ClientHistory()
        history.called(1, .change(Sample.change(Sample.value(7))), at: 1)
        try history.answered(1, .changed(.set(version: 1)), at: 2)
        return history
    }

    @Test func acceptsWhatShouldBe() throws {
        var history = try afterSet()
        history.called(2, .readOverride(policy: Sample.policy, key: key), at: 3)
        try history.answered(2, .override(OverrideState(value: Sample.value(7), version: 1)), at: 4)
        history.called(3, .spend(Sample.spend(1)), at: 5)
        history.called(3, .spend(Sample.spend(1)), at: 6)
        try history.answered(3, .spent(.opened(Sample.pass())), at: 7)
        history.called(4, .readPass(Sample.spend(1).challenge, recordExpiry: Sample.spend(1).recordExpiry), at: 8)
        try history.answered(4, .pass(Sample.pass(), at: .zero), at: 9)
        history.called(5, .change(Sample.change(nil)), at: 10)
        #expect(try history.finish() == .linearizable)
        #expect(history.overrideOperations == 3)
    }

    @Test func refusesAnOverrideThatIsLost() throws {
        var history = try afterSet()
        history.called(2, .readOverride(policy: Sample.policy, key: key), at: 3)
        #expect(throws: HistoryFault.self) { try history.answered(2, .override(nil), at: 4) }
    }

    @Test func refusesAPassThatIsLost() throws {
        var history = ClientHistory()
        history.called(1, .spend(Sample.spend(1)), at: 1)
        try history.answered(1, .spent(.opened(Sample.pass())), at: 2)
        history.called(2, .readPass(Sample.spend(1).challenge, recordExpiry: Sample.spend(1).recordExpiry), at: 3)
        #expect(throws: HistoryFault.self) { try history.answered(2, .pass(nil, at: .zero), at: 4) }
    }

    @Test func refusesASecondPass() throws {
        var history = ClientHistory()
        for number in 1...2 as ClosedRange<UInt64> { history.called(number, .spend(Sample.spend(1)), at: number) }
        try history.answered(1, .spent(.opened(Sample.pass())), at: 3)
        #expect(throws: HistoryFault.self) { try history.answered(2, .spent(.opened(Sample.pass())), at: 4) }
    }

    @Test func refusesADifferentSecondAnswer() throws {
        var history = try afterSet()
        try history.answered(1, .changed(.set(version: 1)), at: 3)
        #expect(throws: HistoryFault.self) { try history.answered(1, .changed(.set(version: 2)), at: 4) }
    }

    @Test func refusesALostUpdateAtTheEnd() throws {
        var history = ClientHistory()
        for number in 1...2 as ClosedRange<UInt64> {
            history.called(number, .change(Sample.change(Sample.value(number), expecting: 0)), at: number)
        }
        try history.answered(1, .changed(.set(version: 1)), at: 3)
        try history.answered(2, .changed(.set(version: 2)), at: 4)
        #expect(throws: HistoryFault.self) { try history.finish() }
    }

    @Test func refusesVersionsOutOfOrderBetweenKeys() throws {
        var history = ClientHistory()
        history.called(1, .change(Sample.change(Sample.value(1), of: 1)), at: 1)
        try history.answered(1, .changed(.set(version: 5)), at: 2)
        history.called(2, .change(Sample.change(Sample.value(1), of: 2)), at: 3)
        try history.answered(2, .changed(.set(version: 4)), at: 4)
        #expect(throws: HistoryFault.self) { try history.finish() }
    }
}
