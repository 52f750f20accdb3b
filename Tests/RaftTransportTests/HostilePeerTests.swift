import NIOCore
import TestSupport
import Testing
import Wire

@testable import RaftTransport

/// What peers do that do not keep to the protocol: it ends their connection, in one line of the log, and nothing else.
struct HostilePeerTests {
    private static func head(_ length: UInt32, _ kind: UInt8) -> [UInt8] {
        withUnsafeBytes(of: length.bigEndian) { Array($0) } + [kind]
    }

    private static let beforeHandshake: [(what: String, bytes: [UInt8])] = [
        ("HTTP", Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)),
        ("a length of zero", [0, 0, 0, 0]),
        ("more than may come before the handshake", head(1_021, 1)),
        ("the longest length", [255, 255, 255, 255]),
        ("an unknown kind", head(5, 9)),
        ("a payload", head(3, 3) + [1, 2]),
        ("a refusal that cannot be read", head(2, 2) + [1]),
    ]

    @Test func `what breaks the protocol before the handshake is cut off`() async throws {
        let a = try await TestNode("a")
        let b = try await TestNode("b")
        try await b.update(peers: [a.peer])
        for (what, bytes) in Self.beforeHandshake {
            let peer = try await RawPeer.connect(to: a)
            peer.send(bytes)
            #expect(try await peer.closed() == [], "\(what)")
        }
        // One line for all of them: they come from one address, and break the protocol.
        try await a.logged("a connection came to nothing")
        #expect(a.lineCount("warning") == 1)
        try await b.connected("a")
        try await b.send("unharmed", to: a.peer)
        try await a.received("unharmed", from: "b")
        #expect(a.events.elements.count == 2)
        #expect(try await a.on { $0.counters.others.handshakeFailures } == UInt64(Self.beforeHandshake.count))
        try await a.stop()
        try await b.stop()
    }

    @Test func `a Hello that is none is refused, and told why`() async throws {
        let a = try await TestNode("a")
        for (content, text) in [
            (Array("NOTOURS!rest".utf8), "this port is for Tollgate's nodes"),
            (Hello.magic, "your Hello cannot be read"),
            (
                Hello.magic + [0, 3, 0, 4],
                "a speaks versions 1 to 2 of the nodes' protocol, and you 3 to 4: upgrade the older one"
            ),
        ] {
            let peer = try await RawPeer.connect(to: a)
            peer.send(.hello(content))
            let bytes = try await peer.closed()
            guard case .refuse(let refusal) = try RawPeer.frames([.bytes(bytes)]).first else {
                Issue.record("no refusal")
                continue
            }
            #expect(try Refusal(decoding: refusal).text == text)
        }
        try await a.stop()
    }

    @Test func `who says nothing, or half a frame, is cut off in time`() async throws {
        var settings = TransportSettings.patient
        settings.handshakeTimeout = .milliseconds(50)
        let a = try await TestNode("a", settings: settings)
        for bytes in [[], [0], [0, 0, 0, 100, 1], [0, 0, 0, 100, 1, 84, 79]] as [[UInt8]] {
            let peer = try await RawPeer.connect(to: a)
            peer.send(bytes)
            #expect(try await peer.closed() == [])
        }
        try await a.logged("no handshake in time")
        #expect(a.lineCount("warning") == 1)
        try await a.stop()
    }

    @Test func `a TLS handshake that comes by drops, or not at all, is cut off in time`() async throws {
        var settings = TransportSettings.patient
        settings.handshakeTimeout = .milliseconds(100)
        let authority = try Authority()
        let a = try await TestNode("a", tls: try authority.tls("a"), settings: settings)
        // The head of a ClientHello, and what follows it byte by byte, as long as somebody listens.
        let hello: [UInt8] = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03]
        for count in [0, 3, hello.count] {
            let peer = try await RawPeer.connect(to: a)
            peer.send(Array(hello[..<count]))
            let drops = peer.channel.eventLoop.scheduleRepeatedTask(
                initialDelay: .milliseconds(1),
                delay: .milliseconds(1)
            ) { _ in if count == hello.count { peer.send([0]) } }
            try await peer.closed()
            drops.cancel()
        }
        try await a.logged("reason=no handshake in time")
        #expect(a.lineCount("warning") == 1)
        let b = try await TestNode("b", tls: try authority.tls("b"))
        try await b.send("unharmed", to: a.peer)
        try await a.received("unharmed", from: "b")
        try await a.stop()
        try await b.stop()
    }

    @Test func `a peer that speaks TLS to one that does not, or the other way, is told so in words`() async throws {
        let authority = try Authority()
        let (plain, secure) = (try await TestNode("a"), try await TestNode("b", tls: try authority.tls("b")))
        try await plain.update(peers: [secure.peer])
        try await secure.update(peers: [plain.peer])
        try await plain.logged("it speaks TLS, and this node does not: give every node of the cluster certificates")
        try await secure.logged("it does not speak TLS: give every node of the cluster certificates")
        try await plain.stop()
        try await secure.stop()
    }

    @Test func `a dialled peer that says nothing is given up in time, and dialled again`() async throws {
        var settings = TransportSettings.patient
        settings.handshakeTimeout = .milliseconds(30)
        settings.reconnectMaximum = .milliseconds(20)
        settings.reportInterval = .zero
        let a = try await TestNode("a", settings: settings)
        let silent = try await TestNode("b", tls: try Authority().tls("b"))
        // Without TLS on one side nobody understands the other.
        try await a.update(peers: [silent.peer])
        try await silent.logged("a connection came to nothing")
        try await a.lines.wait { lines in lines.count { $0.contains("a connection came to nothing") } >= 3 }
        #expect(try await a.counters("b").handshakeFailures >= 3)
        try await a.stop()
        try await silent.stop()
    }

    @Test func `what breaks the protocol after the handshake is cut off`() async throws {
        let a = try await TestNode("a")
        for (number, bytes) in [Self.head(0, 1), Self.head(4 << 20, 3), Self.head(4, 7), Self.head(1, 1)].enumerated() {
            let peer = try await RawPeer.connect(to: a)
            peer.send(RawPeer.hello("p\(number)"))
            guard case .hello = try await peer.frame() else {
                Issue.record("no Hello")
                continue
            }
            peer.send(.payload([UInt8(number)]))
            peer.send(bytes)
            try await peer.closed()
            try await a.events.wait(for: "payload \(number)") { events in
                events.contains { if case .received([UInt8(number)], _) = $0 { true } else { false } }
            }
            try await a.logged("a peer broke the protocol peer=p\(number)")
        }
        try await a.stop()
    }

    @Test func `half a frame after the handshake waits, and harms nothing`() async throws {
        let a = try await TestNode("a")
        let peer = try await RawPeer.connect(to: a)
        peer.send(RawPeer.hello("p"))
        _ = try await peer.frame()
        peer.send(Self.head(1_000_000, 3) + [1, 2, 3])
        let b = try await TestNode("b")
        try await b.send("unharmed", to: a.peer)
        try await a.received("unharmed", from: "b")
        try await a.stop()
        try await b.stop()
        try await peer.closed()
    }

    @Test func `random bytes do no harm`() async throws {
        var generator = Seeded(seed())
        var settings = TransportSettings.patient
        settings.handshakeTimeout = .milliseconds(100)
        let a = try await TestNode("a", settings: settings)
        for number in 0..<runs(40) {
            let peer = try await RawPeer.connect(to: a)
            if number.isMultiple(of: 2) { peer.send(RawPeer.hello("p")) }
            peer.send((0..<generator.below(2_000)).map { _ in UInt8(truncatingIfNeeded: generator.next()) })
            if number.isMultiple(of: 3) { peer.channel.close(promise: nil) }
            if !number.isMultiple(of: 2) { try await peer.closed() }
        }
        let b = try await TestNode("b")
        try await b.send("unharmed", to: a.peer)
        try await a.received("unharmed", from: "b")
        try await a.stop()
        try await b.stop()
    }

    @Test func `of one address only so many may be silent, and the oldest goes first`() async throws {
        var settings = TransportSettings.patient
        settings.unfinishedMax = 3
        let a = try await TestNode("a", settings: settings)
        var silent: [RawPeer] = []
        for _ in 0..<3 { silent.append(try await RawPeer.connect(to: a)) }
        let b = try await TestNode("b")
        try await b.send("let in", to: a.peer)
        try await a.received("let in", from: "b")
        try await silent[0].closed()
        silent[1].send(RawPeer.hello("late"))
        guard case .hello = try await silent[1].frame() else {
            Issue.record("the second was not let in")
            return
        }
        try await a.stop()
        try await b.stop()
    }

    @Test func `what is told of peers is told whoever else dials from however many addresses`() async throws {
        let a = try await TestNode("a")
        // More than are remembered. Each is an address of this machine's.
        let addresses = (0..<300).map { "127.1.\($0 / 250).\($0 % 250 + 1)" }
        for address in addresses {
            let stranger = try await RawPeer.connect(to: a, from: address)
            stranger.send([0, 0, 0, 0])
            try await stranger.closed()
        }
        try await a.logged("a connection came to nothing direction=inbound peer=\(addresses[0])")
        #expect(a.lineCount("warning") < addresses.count, "they take each other's places")
        let b = try await TestNode("b")
        try await b.send("unharmed", to: a.peer)
        try await a.logged("info a peer has connected lane=messages peer=b")
        let peer = try await RawPeer.connect(to: a)
        peer.send(RawPeer.hello("p"))
        peer.send([0, 0, 0, 0])
        try await a.logged("a peer broke the protocol peer=p")
        try await a.stop()
        try await b.stop()
    }

    @Test func `when all places are taken by peers one more is refused`() async throws {
        var settings = TransportSettings.patient
        settings.acceptedMax = 2
        let a = try await TestNode("a", settings: settings)
        for name in ["b", "c"] {
            let peer = try await RawPeer.connect(to: a)
            peer.send(RawPeer.hello(name))
            _ = try await peer.frame()
        }
        try await RawPeer.connect(to: a).closed()
        try await a.logged("too many connections of peers")
        try await a.stop()
    }

    @Test func `a peer that dials anew takes the place of its old connection`() async throws {
        let a = try await TestNode("a")
        let old = try await RawPeer.connect(to: a)
        old.send(RawPeer.hello("p"))
        _ = try await old.frame()
        let new = try await RawPeer.connect(to: a)
        new.send(RawPeer.hello("p"))
        _ = try await new.frame()
        try await old.closed()
        new.send(.payload([1]))
        try await a.events.wait { $0.contains { if case .received([1], _) = $0 { true } else { false } } }
        try await a.stop()
    }
}
