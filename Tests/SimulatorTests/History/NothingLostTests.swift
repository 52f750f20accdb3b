import Ledger
import Simulator
import Testing

@Suite struct NothingLostTests {
    private let policy = Sample.policy
    private let key = Sample.key(1)

    private func afterSet(version: UInt64, value: OverrideValue = Sample.value(7)) -> NothingLost {
        var lost = NothingLost()
        lost.called(Sample.change(value))
        lost.answered(Sample.change(value), .set(version: version))
        return lost
    }

    private func state(_ version: UInt64) -> OverrideState { OverrideState(value: Sample.value(7), version: version) }

    @Test func acceptsWhatWasAcknowledgedOrLater() {
        let lost = afterSet(version: 3)
        let expectation = lost.expectation(policy: policy, key: key)
        #expect(throws: Never.self) {
            try lost.answered(expectation, state(3))
            try lost.answered(expectation, state(4))
        }
    }

    @Test func refusesAnOverrideThatIsGone() {
        let lost = afterSet(version: 3)
        #expect(throws: HistoryFault.self) { try lost.answered(lost.expectation(policy: policy, key: key), nil) }
    }

    @Test func refusesAnOlderOverride() {
        let lost = afterSet(version: 3)
        #expect(throws: HistoryFault.self) { try lost.answered(lost.expectation(policy: policy, key: key), state(2)) }
    }

    @Test func aReadThatWasCalledBeforeTheAnswerMaySeeLess() {
        var lost = afterSet(version: 3)
        let expectation = lost.expectation(policy: policy, key: key)
        lost.answered(Sample.change(Sample.value(7)), .set(version: 4))
        #expect(throws: Never.self) { try lost.answered(expectation, state(3)) }
    }

    @Test func anOverrideThatMayHaveBeenRemovedMayBeGone() {
        var lost = afterSet(version: 3)
        let expectation = lost.expectation(policy: policy, key: key)
        lost.called(Sample.change(nil))
        #expect(throws: Never.self) { try lost.answered(expectation, nil) }
        let denied = afterSet(version: 3, value: .deny(until: .maximum))
        #expect(throws: Never.self) { try denied.answered(denied.expectation(policy: policy, key: key), nil) }
    }

    @Test func otherKeysAreOtherRegisters() {
        let lost = afterSet(version: 3)
        #expect(throws: Never.self) {
            try lost.answered(lost.expectation(policy: policy, key: Sample.key(2)), nil)
        }
    }

    @Test func refusesAPassThatIsGoneBeforeItsTime() {
        var lost = NothingLost()
        let spend = Sample.spend(1)
        #expect(!lost.mustFind(spend.challenge))
        lost.answered(spend, .alreadySpent)
        #expect(!lost.mustFind(spend.challenge))
        lost.answered(spend, .opened(Sample.pass()))
        #expect(lost.mustFind(spend.challenge))
        let after = spend.recordExpiry.adding(nanoseconds: 1)
        #expect(throws: Never.self) {
            try lost.answered(spend.challenge, mustFind: true, pass: nil, at: after)
            try lost.answered(spend.challenge, mustFind: false, pass: nil, at: .zero)
            try lost.answered(spend.challenge, mustFind: true, pass: Sample.pass(), at: .zero)
        }
        #expect(throws: HistoryFault.self) {
            try lost.answered(spend.challenge, mustFind: true, pass: nil, at: spend.recordExpiry)
        }
    }
}
