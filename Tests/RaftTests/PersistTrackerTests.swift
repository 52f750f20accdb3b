import Testing

@testable import Raft

@Suite struct PersistTrackerTests {
    @Test func whatIsAcknowledgedIsDurable() {
        var tracker = PersistTracker(durable: LogIndex(3))
        #expect(tracker.next == LogIndex(4))
        let first = tracker.request(through: LogIndex(6), bytes: 10)
        let second = tracker.request(through: LogIndex(8), bytes: 20)
        #expect([first, second] == [1, 2])
        #expect(tracker.bytesInFlight == 30)
        tracker.acknowledge(first)
        #expect(tracker.durable == LogIndex(6))
        #expect(tracker.bytesInFlight == 20)
        tracker.acknowledge(second)
        tracker.acknowledge(first)
        #expect(tracker.durable == LogIndex(8))
    }

    @Test func aLaterNumberStandsForTheEarlierOnes() {
        var tracker = PersistTracker(durable: .zero)
        _ = tracker.request(through: LogIndex(1), bytes: 1)
        _ = tracker.request(through: LogIndex(2), bytes: 1)
        tracker.acknowledge(2)
        #expect(tracker.durable == LogIndex(2))
    }

    /// An index that was truncated and written anew is not durable by the first request's acknowledgement.
    @Test func anOldRequestDoesNotAcknowledgeWhatWasWrittenAnew() {
        var tracker = PersistTracker(durable: .zero)
        let old = tracker.request(through: LogIndex(5), bytes: 5)
        tracker.truncated(from: LogIndex(3))
        #expect(tracker.next == LogIndex(3))
        let new = tracker.request(through: LogIndex(5), bytes: 3)
        tracker.acknowledge(old)
        #expect(tracker.durable == LogIndex(2))
        tracker.acknowledge(new)
        #expect(tracker.durable == LogIndex(5))
    }

    @Test func aTruncationTakesWhatWasDurable() {
        var tracker = PersistTracker(durable: LogIndex(9))
        tracker.truncated(from: LogIndex(4))
        #expect(tracker.durable == LogIndex(3))
        #expect(tracker.next == LogIndex(4))
    }

    @Test func anOldRequestDoesNotReachBeyondASnapshot() {
        var tracker = PersistTracker(durable: .zero)
        let old = tracker.request(through: LogIndex(50), bytes: 5)
        tracker.reset(to: LogIndex(20))
        tracker.acknowledge(old)
        #expect(tracker.durable == LogIndex(20))
        #expect(tracker.next == LogIndex(21))
    }

    @Test func termAndVoteAreDurableWhenTheLastOfThemIs() {
        var tracker = PersistTracker(durable: .zero)
        #expect(tracker.hardStateIsDurable)
        tracker.hardStateChanged()
        #expect(!tracker.hardStateIsDurable)
        let first = tracker.request(through: .zero, bytes: 0)
        tracker.hardStateChanged()
        let second = tracker.request(through: .zero, bytes: 0)
        tracker.acknowledge(first)
        #expect(!tracker.hardStateIsDurable)
        tracker.acknowledge(second)
        #expect(tracker.hardStateIsDurable)
    }
}
