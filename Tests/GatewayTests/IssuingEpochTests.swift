import Ledger
import Testing

@testable import Gateway

/// Which key epoch tokens are issued under.
@Suite struct IssuingEpochTests {
    private func epoch(_ number: UInt32, began seconds: UInt64) -> KeyEpoch {
        KeyEpoch(number: number, secret: [UInt8](repeating: 1, count: LedgerBounds.secretBytes), began: at(seconds))
    }

    private func at(_ seconds: UInt64) -> LedgerTime { LedgerTime(nanoseconds: seconds * 1_000_000_000) }

    @Test func `The first is used at once, for there is no other`() {
        let issuing = IssuingEpoch([epoch(7, began: 0)], now: at(0))
        #expect(issuing.number == 7)
        #expect(issuing.changesAt == nil)
    }

    @Test func `A new one is used when every voter that answers has it`() {
        let epochs = [epoch(1, began: 0), epoch(2, began: 100)]
        let before = IssuingEpoch(epochs, now: at(104))
        #expect(before.number == 1)
        #expect(before.changesAt == at(105))
        let after = IssuingEpoch(epochs, now: at(105))
        #expect(after.number == 2)
        #expect(after.changesAt == nil)
    }

    @Test func `Of several new ones the next waits for its own time`() {
        let epochs = [epoch(3, began: 103), epoch(1, began: 0), epoch(2, began: 100)]
        #expect(IssuingEpoch(epochs, now: at(104)).number == 1)
        let second = IssuingEpoch(epochs, now: at(106))
        #expect(second.number == 2)
        #expect(second.changesAt == at(108))
        #expect(IssuingEpoch(epochs, now: at(108)).number == 3)
    }
}
