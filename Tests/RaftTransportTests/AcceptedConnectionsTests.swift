import TestSupport
import Testing

@testable import RaftTransport

struct AcceptedConnectionsTests {
    @Test func `of one address only so many are unfinished, and the oldest goes first`() {
        var table = AcceptedConnections<Int>(connectionsMax: 10, unfinishedMax: 2)
        let outcome1 = table.arrived(1, from: "x")
        #expect(outcome1 == .init(isAccepted: true, evicted: nil))
        let outcome2 = table.arrived(2, from: "x")
        #expect(outcome2 == .init(isAccepted: true, evicted: nil))
        let outcome3 = table.arrived(3, from: "y")
        #expect(outcome3 == .init(isAccepted: true, evicted: nil))
        let outcome4 = table.arrived(4, from: "x")
        #expect(outcome4 == .init(isAccepted: true, evicted: 1))
        let outcome5 = table.finished(2, name: "a", lane: .messages, isMember: true)
        #expect(outcome5 == nil)
        let outcome6 = table.arrived(5, from: "x")
        #expect(outcome6 == .init(isAccepted: true, evicted: nil))
        #expect(table.count == 4)
    }

    @Test func `a full table gives up the oldest unfinished one, and never a finished one`() {
        var table = AcceptedConnections<Int>(connectionsMax: 3, unfinishedMax: 8)
        for id in 1...3 { _ = table.arrived(id, from: "\(id)") }
        let outcome7 = table.arrived(4, from: "4")
        #expect(outcome7 == .init(isAccepted: true, evicted: 1))
        for id in 2...4 {
            let former = table.finished(id, name: "\(id)", lane: .messages, isMember: true)
            #expect(former == nil)
        }
        let outcome8 = table.arrived(5, from: "5")
        #expect(outcome8 == .init(isAccepted: false, evicted: nil))
        table.closed(3)
        table.closed(99)
        let outcome9 = table.arrived(6, from: "6")
        #expect(outcome9 == .init(isAccepted: true, evicted: nil))
    }

    @Test func `a peer that dials anew has given up what it had on that lane`() {
        var table = AcceptedConnections<Int>(connectionsMax: 9, unfinishedMax: 9)
        for id in 1...4 { _ = table.arrived(id, from: "x") }
        let outcome10 = table.finished(1, name: "a", lane: .messages, isMember: true)
        #expect(outcome10 == nil)
        let outcome11 = table.finished(2, name: "a", lane: .snapshots, isMember: true)
        #expect(outcome11 == nil)
        let outcome12 = table.finished(3, name: "b", lane: .messages, isMember: true)
        #expect(outcome12 == nil)
        let outcome13 = table.finished(4, name: "a", lane: .messages, isMember: true)
        #expect(outcome13 == 1)
        #expect(table.count == 3)
        // With the same certificate, and not in the same place.
        _ = table.arrived(5, from: "x")
        let outcome14 = table.finished(5, name: "a", lane: .messages, isMember: false)
        #expect(outcome14 == nil)
        #expect(table.count == 4)
    }

    @Test func `addresses are taken apart or refused`() {
        #expect(HostAndPort("10.0.0.1:7400").map { ($0.host, $0.port) } ?? ("", 0) == ("10.0.0.1", 7_400))
        #expect(HostAndPort("[::1]:0").map { ($0.host, $0.port) } ?? ("", 1) == ("::1", 0))
        #expect(HostAndPort("node-a.example:65535")?.host == "node-a.example")
        for text in [
            "", ":", "a", "a:", ":1", "::1:7400", "a:65536", "a:-1", "a:+1", "a:1x", "a b:1", "[]:1", "a:000001",
        ] {
            #expect(HostAndPort(text) == nil, "\(text)")
        }
    }
}
