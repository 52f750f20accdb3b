import NIOCore
import Testing
import Wire

@testable import RaftTransport

/// The lane that not every release has.
@Suite(.timeLimit(.minutes(1))) struct QuotaLaneTests {
    private func settings(_ versions: ClosedRange<UInt16>) -> TransportSettings {
        var settings = TransportSettings.patient
        settings.versions = versions
        return settings
    }

    @Test func `between releases that have the lane it is used`() async throws {
        let (a, b) = (try await TestNode("a"), try await TestNode("b"))
        try await a.update(peers: [b.peer])
        try await a.connected("b")
        #expect(try await a.on { $0.peers(speaking: .quotas).map(\.name) } == ["b"])
        try await a.send("three units", to: b.peer, .quotas)
        #expect(try await b.received("three units", from: "a").lane == .quotas)
        try await a.connected("b", .outbound, .quotas)
        try await a.stop()
        try await b.stop()
    }

    @Test func `a peer of the former release is sent nothing on it, and told nothing of it`() async throws {
        let old = try await TestNode("old", settings: settings(1...1))
        let new = try await TestNode("new", settings: settings(1...2))
        try await new.update(peers: [old.peer])
        try await new.connected("old")
        #expect(try await new.on { $0.peers(speaking: .quotas) }.isEmpty)
        try await new.send("nothing", to: old.peer, .quotas)
        try await new.send("as ever", to: old.peer)
        try await old.received("as ever", from: "new")
        #expect(try await new.counters("old").payloadsDropped == 1)
        #expect(try await old.on { $0.report.connections.map(\.peer.lane) } == [.messages])
        #expect(old.lineCount("warning") == 0 && new.lineCount("warning") == 0)
        try await old.stop()
        try await new.stop()
    }

    @Test func `before a peer has said what it speaks nothing is kept for it`() async throws {
        let (a, b) = (try await TestNode("a"), try await TestNode("b"))
        try await a.send("too early", to: b.peer, .quotas)
        #expect(try await a.counters("b").payloadsDropped == 1)
        try await a.update(peers: [b.peer])
        try await a.connected("b")
        try await a.send("in time", to: b.peer, .quotas)
        try await b.received("in time", from: "a")
        let early = Array("too early".utf8)
        #expect(!b.events.elements.contains { if case .received(early, _) = $0 { true } else { false } })
        try await a.stop()
        try await b.stop()
    }
}
