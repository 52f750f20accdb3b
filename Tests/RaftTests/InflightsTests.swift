import Testing

@testable import Raft

@Suite struct InflightsTests {
    private func settings(messages: Int, bytes: Int) -> RaftSettings {
        var settings = RaftSettings()
        settings.inflightMessagesMax = messages
        settings.inflightBytesMax = bytes
        return settings
    }

    @Test func theWindowIsOfMessages() {
        let settings = settings(messages: 2, bytes: 1_000)
        var window = Inflights()
        window.sent(through: LogIndex(1), bytes: 1)
        #expect(!window.isFull(settings))
        window.sent(through: LogIndex(2), bytes: 1)
        #expect(window.isFull(settings))
        window.acknowledged(through: LogIndex(1))
        #expect(!window.isFull(settings))
        #expect(window.count == 1)
    }

    @Test func theWindowIsOfBytes() {
        let settings = settings(messages: 10, bytes: 100)
        var window = Inflights()
        window.sent(through: LogIndex(1), bytes: 99)
        #expect(!window.isFull(settings))
        window.sent(through: LogIndex(2), bytes: 5_000)
        #expect(window.isFull(settings))
        window.acknowledged(through: LogIndex(2))
        #expect(window.isEmpty)
        #expect(!window.isFull(settings))
    }

    @Test func aLaterAnswerStandsForTheEarlierOnes() {
        var window = Inflights()
        for index in 1...5 { window.sent(through: LogIndex(UInt64(index * 10)), bytes: 1) }
        window.acknowledged(through: LogIndex(39))
        #expect(window.count == 2)
        window.acknowledged(through: LogIndex(20))
        #expect(window.count == 2)
    }

    @Test func oneMessageMayAlwaysBeInFlight() {
        let settings = settings(messages: 0, bytes: 0)
        #expect(!Inflights().isFull(RaftSettings()))
        var window = Inflights()
        window.sent(through: LogIndex(1), bytes: 1)
        #expect(window.isFull(settings))
        window.forget()
        #expect(window.isEmpty)
    }
}
