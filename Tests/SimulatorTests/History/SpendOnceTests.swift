import Ledger
import Simulator
import Testing

@Suite struct SpendOnceTests {
    private typealias Number = SpendOnce.RequestNumber

    @Test func acceptsOnePassForEachChallenge() {
        #expect(throws: Never.self) {
            var spends = SpendOnce()
            for challenge in 1...3 as ClosedRange<UInt64> {
                spends.called(Number(challenge), Sample.spend(challenge))
                try spends.answered(Number(challenge), .opened(Sample.pass()))
            }
        }
    }

    @Test func acceptsARefusalAfterASpendAndWhileOneIsUnderWay() {
        #expect(throws: Never.self) {
            var spends = SpendOnce()
            spends.called(Number(1), Sample.spend(1))
            spends.called(Number(2), Sample.spend(1))
            try spends.answered(Number(2), .alreadySpent)
            try spends.answered(Number(1), .opened(Sample.pass()))
            spends.called(Number(3), Sample.spend(1))
            try spends.answered(Number(3), .alreadySpent)
        }
    }

    @Test func acceptsThatARequestWithoutAnAnswerSpent() {
        #expect(throws: Never.self) {
            var spends = SpendOnce()
            spends.called(Number(1), Sample.spend(1))
            spends.called(Number(1), Sample.spend(1))
            try spends.answered(Number(1), .repeated(Sample.pass()))
        }
    }

    @Test func acceptsAnAnswerThatIsRepeated() {
        #expect(throws: Never.self) {
            var spends = SpendOnce()
            spends.called(Number(1), Sample.spend(1))
            try spends.answered(Number(1), .opened(Sample.pass()))
            try spends.answered(Number(1), .opened(Sample.pass()))
        }
    }

    @Test func refusesTwoPassesForOneChallenge() throws {
        var spends = SpendOnce()
        spends.called(Number(1), Sample.spend(1))
        spends.called(Number(2), Sample.spend(1))
        try spends.answered(Number(1), .opened(Sample.pass()))
        #expect(throws: HistoryFault.self) { try spends.answered(Number(2), .opened(Sample.pass())) }
    }

    @Test func refusesAnotherAnswerToTheSameRequest() throws {
        var spends = SpendOnce()
        spends.called(Number(1), Sample.spend(1))
        try spends.answered(Number(1), .opened(Sample.pass(remaining: 1)))
        #expect(throws: HistoryFault.self) { try spends.answered(Number(1), .opened(Sample.pass(remaining: 0))) }
        #expect(throws: HistoryFault.self) { try spends.answered(Number(1), .alreadySpent) }
    }

    @Test func refusesARefusalAsSpentWhereNobodyCanHaveSpent() throws {
        for outcome in [.alreadySpent, .repeated(Sample.pass())] as [SpendOutcome] {
            var spends = SpendOnce()
            spends.called(Number(1), Sample.spend(1))
            spends.called(Number(2), Sample.spend(1))
            try spends.answered(Number(1), .expired)
            #expect(throws: HistoryFault.self) { try spends.answered(Number(2), outcome) }
        }
    }
}
