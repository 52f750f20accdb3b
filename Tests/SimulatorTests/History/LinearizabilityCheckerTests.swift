import Ledger
import Raft
import Simulator
import Testing

@Suite struct LinearizabilityCheckerTests {
    private let checker = LinearizabilityChecker(model: OverrideRegister())

    private func isLinearizable(_ history: [OverrideOperation]) -> Bool {
        let verdict = checker.check(history)
        // The order in which operations are listed means nothing.
        #expect((checker.check(history.reversed()) == .linearizable) == (verdict == .linearizable))
        return verdict == .linearizable
    }

    // MARK: - Good histories

    @Test func acceptsAnEmptyHistory() {
        #expect(isLinearizable([]))
    }

    @Test func acceptsOneOperationAfterTheOther() {
        #expect(
            isLinearizable([
                readNothing(1...2), set(7, 3...4, .set(version: 1)), read(5...6, 7, version: 1),
                set(8, expecting: 1, 7...8, .set(version: 2)), read(9...10, 8, version: 2),
                set(nil, expecting: 2, 11...12, .removed), readNothing(13...14),
            ])
        )
    }

    @Test func acceptsEitherOrderOfConcurrentChanges() {
        for (last, version) in [(7, 1), (8, 2)] as [(UInt64, UInt64)] {
            let first = set(7, 1...10, .set(version: last == 7 ? 3 : 1))
            let second = set(8, 1...10, .set(version: 2))
            #expect(isLinearizable([first, second, read(11...12, last, version: last == 7 ? 3 : version)]))
        }
    }

    @Test func acceptsAReadThatOverlapsAChangeWithOldOrNewState() {
        #expect(isLinearizable([set(7, 1...10, .set(version: 1)), readNothing(2...3), read(4...5, 7, version: 1)]))
        #expect(isLinearizable([set(7, 1...10, .set(version: 1)), readNothing(2...9)]))
        #expect(isLinearizable([set(7, 1...10, .set(version: 1)), read(2...9, 7, version: 1)]))
    }

    @Test func acceptsThatVersionsSkipThoseOfOtherKeys() {
        #expect(
            isLinearizable([
                set(7, of: 1, 1...2, .set(version: 1)), set(7, of: 2, 3...4, .set(version: 2)),
                set(8, of: 1, expecting: 1, 5...6, .set(version: 3)), read(of: 2, 7...8, 7, version: 2),
            ])
        )
    }

    @Test func acceptsThatAnUnansweredChangeHappenedOrNotOrLater() {
        let lost = set(7, unansweredFrom: 1)
        #expect(isLinearizable([lost, readNothing(2...3)]))
        #expect(isLinearizable([lost, read(2...3, 7, version: 5)]))
        #expect(isLinearizable([lost, readNothing(2...3), read(4...5, 7, version: 1)]))
        #expect(isLinearizable([lost, set(8, 2...3, .set(version: 1)), read(4...5, 7, version: 2)]))
    }

    @Test func learnsTheVersionOfAnUnansweredChangeFromALaterAnswer() {
        let lost = set(7, unansweredFrom: 1)
        #expect(isLinearizable([lost, set(8, expecting: 0, 2...3, .conflict(current: 4)), read(5...6, 7, version: 4)]))
        #expect(isLinearizable([lost, set(8, expecting: 4, 2...3, .set(version: 5)), read(5...6, 8, version: 5)]))
        #expect(
            !isLinearizable([lost, set(8, expecting: 0, 2...3, .conflict(current: 4)), read(5...6, 7, version: 6)])
        )
    }

    @Test func acceptsThatAnUnansweredConditionalChangeFailed() {
        #expect(
            isLinearizable([
                set(7, 1...2, .set(version: 1)), set(8, expecting: 9, unansweredFrom: 3), read(4...5, 7, version: 1),
            ])
        )
    }

    @Test func acceptsThatADenialEnds() {
        let denial = OverrideOperation(
            input: .change(Sample.change(.deny(until: LedgerTime(nanoseconds: 9)))),
            called: 1,
            answer: .init(output: .changed(.set(version: 1)), moment: 2)
        )
        #expect(isLinearizable([denial, readNothing(3...4)]))
        #expect(isLinearizable([denial, set(7, expecting: 0, 3...4, .set(version: 2)), read(5...6, 7, version: 2)]))
        #expect(isLinearizable([denial, set(7, expecting: 1, 3...4, .set(version: 2))]))
    }

    // MARK: - Bad histories

    @Test func rejectsAReadOfWhatNobodyWrote() {
        #expect(!isLinearizable([read(1...2, 7, version: 1)]))
        #expect(!isLinearizable([set(7, 1...2, .set(version: 1)), read(3...4, 8, version: 1)]))
        #expect(!isLinearizable([set(7, 1...2, .set(version: 1)), read(3...4, 7, version: 2)]))
    }

    @Test func rejectsAStaleRead() {
        #expect(!isLinearizable([set(7, 1...2, .set(version: 1)), readNothing(3...4)]))
        #expect(
            !isLinearizable([
                set(7, 1...2, .set(version: 1)), set(8, 3...4, .set(version: 2)), read(5...6, 7, version: 1),
            ])
        )
    }

    @Test func rejectsReadsThatGoBackDuringOneChange() {
        #expect(!isLinearizable([set(7, 1...10, .set(version: 1)), read(2...3, 7, version: 1), readNothing(4...5)]))
    }

    @Test func rejectsALostUpdate() {
        #expect(
            !isLinearizable([
                set(7, expecting: 0, 1...10, .set(version: 1)), set(8, expecting: 0, 1...10, .set(version: 2)),
            ])
        )
    }

    @Test func rejectsAConflictThatWasNone() {
        #expect(!isLinearizable([set(7, expecting: 3, 1...2, .conflict(current: 3))]))
        #expect(!isLinearizable([set(7, expecting: 3, 1...2, .conflict(current: 1))]))
        #expect(!isLinearizable([set(7, 1...2, .set(version: 1)), set(8, expecting: 1, 3...4, .conflict(current: 2))]))
        #expect(!isLinearizable([set(7, 1...2, .set(version: 1)), set(8, expecting: 2, 3...4, .conflict(current: 0))]))
    }

    @Test func rejectsAVersionThatWentBack() {
        #expect(!isLinearizable([set(7, 1...2, .set(version: 5)), set(8, 3...4, .set(version: 4))]))
        #expect(
            !isLinearizable([
                set(7, 1...2, .set(version: 5)), set(nil, 3...4, .removed), set(8, 5...6, .set(version: 5)),
            ])
        )
    }

    @Test func rejectsARemovalThatDidNotHappen() {
        #expect(
            !isLinearizable([
                set(7, 1...2, .set(version: 1)), set(nil, 3...4, .removed), read(5...6, 7, version: 1),
            ])
        )
    }

    @Test func rejectsThatAnUnansweredChangeHappenedTwice() {
        #expect(
            !isLinearizable([
                set(7, unansweredFrom: 1), read(2...3, 7, version: 1), set(8, 4...5, .set(version: 2)),
                read(6...7, 8, version: 2), read(8...9, 7, version: 3),
            ])
        )
    }

    @Test func rejectsThatAnUnansweredChangeHappenedBeforeItsCall() {
        #expect(!isLinearizable([read(1...2, 7, version: 1), set(7, unansweredFrom: 3)]))
    }

    @Test func tellsWhichOperationNoOrderExplains() {
        let history = [
            set(7, of: 1, 1...2, .set(version: 1)), set(7, of: 2, 3...4, .set(version: 2)),
            read(of: 2, 5...6, 8, version: 2),
        ]
        guard case .violated(_, let explained, let unexplained) = checker.check(history) else {
            Issue.record("accepted")
            return
        }
        #expect(explained == 1)
        #expect(unexplained == 2)
    }

    // MARK: - The budget

    @Test func saysUnknownWhenTheBudgetIsSpent() {
        let history = [set(7, 1...2, .set(version: 1)), read(3...4, 7, version: 1)]
        #expect(LinearizabilityChecker(model: OverrideRegister(), stepsMax: 2).check(history) == .linearizable)
        guard case .unknown = LinearizabilityChecker(model: OverrideRegister(), stepsMax: 1).check(history) else {
            Issue.record("no budget, and yet a verdict")
            return
        }
    }

    @Test func aViolatedPartitionOutweighsAnUnknownOne() {
        // Twelve concurrent changes before a read that none explains cost more than the second key's two operations.
        var history = (0..<12).map { set(7 + $0, of: 1, 1...100, .set(version: 100 - $0)) }
        history.append(read(of: 1, 101...102, 50, version: 1))
        history += [set(7, of: 2, 1...2, .set(version: 200)), readNothing(of: 2, 3...4)]
        guard case .violated = LinearizabilityChecker(model: OverrideRegister(), stepsMax: 20).check(history) else {
            Issue.record("the second key's fault was not found")
            return
        }
    }
}
