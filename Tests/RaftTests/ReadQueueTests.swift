import Testing

@testable import Raft

@Suite struct ReadQueueTests {
    private func asker(_ context: UInt64) -> ReadQueue.Asker {
        ReadQueue.Asker(replica: Group.id(1), context: context)
    }

    @Test func aRoundConfirmsWhatCameBeforeItBegan() {
        var queue = ReadQueue()
        queue.add(asker(1), index: LogIndex(5))
        queue.began(round: 7)
        queue.add(asker(2), index: LogIndex(6))
        #expect(queue.needsRound)
        equal(queue.confirmed(round: 6).isEmpty, true)
        equal(queue.confirmed(round: 7).map(\.asker.context), [1])
        equal(queue.confirmed(round: 100).isEmpty, true)
        queue.began(round: 8)
        #expect(!queue.needsRound)
        equal(queue.confirmed(round: 9).map(\.index), [LogIndex(6)])
        #expect(queue.count == 0)
    }

    @Test func earlyReadsTakeTheIndexThatIsKnownLater() {
        var queue = ReadQueue()
        queue.addEarly(asker(1))
        queue.began(round: 3)
        equal(queue.confirmed(round: 3).isEmpty, true)
        queue.established(index: LogIndex(9))
        #expect(queue.needsRound)
        queue.began(round: 4)
        equal(queue.confirmed(round: 4).map(\.index), [LogIndex(9)])
    }

    @Test func allAreAbandonedInTheOrderTheyCame() {
        var queue = ReadQueue()
        queue.addEarly(asker(1))
        queue.add(asker(2), index: .zero)
        equal(queue.abandon().map(\.context), [1, 2])
        #expect(queue.count == 0)
        #expect(!queue.needsRound)
    }

    @Test func aForwardedReadIsAnsweredOnceOrGivenUp() {
        var reads = ForwardedReads(firstNumber: .max)
        let first = reads.add(context: 11)
        let second = reads.add(context: 12)
        #expect(first != second)
        equal(reads.answered(first), 11)
        equal(reads.answered(first), nil)
        equal(reads.tick(limit: 2).isEmpty, true)
        _ = reads.add(context: 13)
        equal(reads.tick(limit: 2), [12])
        equal(reads.answered(second), nil)
        equal(reads.abandon(), [13])
        #expect(reads.count == 0)
    }
}
