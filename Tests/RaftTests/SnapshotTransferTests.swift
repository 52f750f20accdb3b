import Testing

@testable import Raft

@Suite struct SnapshotTransferTests {
    private func description(_ bytes: UInt64) -> SnapshotDescription {
        SnapshotDescription(position: Harness.position(1, 10), configuration: .empty, bytes: bytes)
    }

    private var settings: RaftSettings {
        var settings = RaftSettings()
        settings.snapshotChunkBytes = 10
        settings.snapshotChunksInflightMax = 2
        return settings
    }

    @Test func partsAreSentAsTheWindowAllows() {
        var snapshot = OutgoingSnapshot(description(35))
        var sent: [UInt64] = []
        while let part = snapshot.nextPart(settings) { sent.append(part.offset) }
        #expect(sent == [0, 10])
        equal(snapshot.received(10), true)
        while let part = snapshot.nextPart(settings) { sent.append(part.offset) }
        #expect(sent == [0, 10, 20])
        equal(snapshot.received(30), true)
        let last = snapshot.nextPart(settings)
        #expect(last?.offset == 30)
        #expect(last?.length == 5)
        equal(snapshot.nextPart(settings) == nil, true)
        #expect(snapshot.isAllSent)
    }

    @Test func anEmptySnapshotIsOnePart() {
        var snapshot = OutgoingSnapshot(description(0))
        equal(snapshot.nextPart(settings)?.length, 0)
        equal(snapshot.nextPart(settings) == nil, true)
        snapshot.retry()
        equal(snapshot.nextPart(settings)?.length, 0)
    }

    @Test func aLateAnswerDoesNotGoBack() {
        var snapshot = OutgoingSnapshot(description(100))
        _ = snapshot.nextPart(settings)
        _ = snapshot.nextPart(settings)
        equal(snapshot.received(20), true)
        equal(snapshot.received(10), false)
        equal(snapshot.received(101), false)
        equal(snapshot.nextPart(settings)?.offset, 20)
    }

    @Test func aRetrySendsOnePartAndBelievesAMemberThatLostWhatItHad() {
        var snapshot = OutgoingSnapshot(description(100))
        _ = snapshot.nextPart(settings)
        _ = snapshot.nextPart(settings)
        equal(snapshot.received(20), true)
        snapshot.retry()
        equal(snapshot.nextPart(settings)?.offset, 20)
        equal(snapshot.nextPart(settings) == nil, true)
        equal(snapshot.received(0), true)
        equal(snapshot.nextPart(settings)?.offset, 0)
        equal(snapshot.received(10), true)
        equal(snapshot.nextPart(settings)?.offset, 10)
        equal(snapshot.nextPart(settings)?.offset, 20)
    }

    @Test func aRefusedSnapshotWaitsAndBeginsAnew() {
        var snapshot = OutgoingSnapshot(description(100))
        _ = snapshot.nextPart(settings)
        equal(snapshot.received(10), true)
        snapshot.refused()
        equal(snapshot.nextPart(settings) == nil, true)
        snapshot.retry()
        equal(snapshot.nextPart(settings)?.offset, 0)
    }

    @Test func partsAreTakenInTurn() {
        var incoming = IncomingSnapshot(number: 7, leader: Group.id(2), term: Term(1), description: description(5))
        #expect(incoming.isNext(offset: 0))
        #expect(!incoming.isNext(offset: 3))
        equal(incoming.take([1, 2, 3]).isLast, false)
        #expect(incoming.isNext(offset: 3))
        let last = incoming.take([4, 5])
        #expect(last.isLast)
        #expect(last.transfer == 7)
        #expect(last.offset == 3)
        #expect(incoming.isInstalling)
        #expect(!incoming.isNext(offset: 5))
    }

    @Test func anAnswerWaitsForARequestMadeAfterThePart() {
        var answers = PartAnswers()
        #expect(!answers.needsFence)
        answers.left(through: 10)
        #expect(answers.needsFence)
        equal(answers.durable(7), nil)
        answers.fence(number: 8)
        #expect(!answers.needsFence)
        #expect(answers.isHolding)
        equal(answers.durable(7), nil)
        equal(answers.durable(8), 10)
        #expect(!answers.isHolding)
    }
}
