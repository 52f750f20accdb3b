import Glibc
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing
import Wire

@testable import RaftTransport

/// Transports that talk to each other over loopback.
struct TransportTests {
    private func stop(_ nodes: TestNode...) async throws { for node in nodes { try await node.stop() } }

    @Test(arguments: [false, true]) func `three nodes talk on all lanes, each to each`(isTLS: Bool) async throws {
        let authority = try Authority()
        func tls(_ name: String) throws -> TransportTLS? { isTLS ? try authority.tls(name) : nil }
        let nodes = [
            try await TestNode("a", tls: tls("a")), try await TestNode("b", tls: tls("b")),
            try await TestNode("c", cluster: nil, tls: tls("c")),
        ]
        for node in nodes { try await node.update(peers: nodes.map(\.peer)) }
        for from in nodes {
            for to in nodes where to.name != from.name {
                try await from.connected(to.name)
                for lane in Lane.allCases {
                    try await from.send("\(from.name) to \(to.name) on \(lane)", to: to.peer, lane)
                    let peer = try await to.received("\(from.name) to \(to.name) on \(lane)", from: from.name)
                    let identity = TestNode.identity(from.name, cluster: from.name == "c" ? nil : 1)
                    #expect(
                        peer
                            == PeerIdentity(
                                name: identity.name,
                                replica: identity.replica,
                                cluster: identity.cluster,
                                lane: lane
                            )
                    )
                }
                let counters = try await from.counters(to.name)
                #expect(counters.payloadsSent == UInt64(Lane.allCases.count) && counters.payloadsDropped == 0)
                #expect(counters.reconnects == 0)
            }
        }
        for node in nodes { try await node.stop() }
    }

    @Test func `the lane of snapshots is connected when it is first used, and messages at once`() async throws {
        let (a, b) = (try await TestNode("a"), try await TestNode("b"))
        try await a.update(peers: [b.peer])
        try await a.connected("b")
        #expect(
            !a.events.elements.contains {
                if case .connected(let peer, _) = $0 { peer.lane == .snapshots } else { false }
            }
        )
        try await a.send("part", to: b.peer, .snapshots)
        try await a.connected("b", .outbound, .snapshots)
        try await b.received("part", from: "a")
        try await stop(a, b)
    }

    @Test(arguments: [false, true]) func `payloads of a lane come in order, long ones too`(isTLS: Bool) async throws {
        let authority = try Authority()
        let a = try await TestNode("a", tls: isTLS ? authority.tls("a") : nil)
        let b = try await TestNode("b", tls: isTLS ? authority.tls("b") : nil)
        try await a.update(peers: [b.peer])
        try await a.connected("b")
        let sizes = [0, 1, 70_000, 3, (4 << 20) - Frame.headBytes, 5, 300_000, 0, 2]
        let peer = b.peer
        try await a.on { transport in
            for (number, size) in sizes.enumerated() {
                transport.send(Array(repeating: UInt8(number), count: size), to: peer, lane: .messages)
            }
        }
        let events = try await b.events.wait { events in
            events.count { if case .received = $0 { true } else { false } } == sizes.count
        }
        let payloads = events.compactMap { event -> [UInt8]? in
            if case .received(let bytes, _) = event { bytes } else { nil }
        }
        #expect(payloads.map(\.count) == sizes)
        for (number, payload) in payloads.enumerated() { #expect(payload.allSatisfy { $0 == UInt8(number) }) }
        try await stop(a, b)
    }

    @Test func `what an owner allows passes, whatever waits before it`() async throws {
        var settings = TransportSettings.patient
        let longest = 17 << 20
        settings.allow(payloadBytesMax: longest)
        let a = try await TestNode("a", settings: settings)
        let b = try await TestNode("b", settings: settings)
        try await a.update(peers: [b.peer])
        try await a.connected("b")
        let peer = b.peer
        try await a.on { transport in
            for size in [1, longest, longest + 1, 2] {
                transport.send(Array(repeating: 7, count: size), to: peer, lane: .messages)
            }
        }
        let events = try await b.events.wait { events in
            events.count { if case .received = $0 { true } else { false } } == 3
        }
        let sizes = events.compactMap { event -> Int? in
            if case .received(let bytes, _) = event { bytes.count } else { nil }
        }
        #expect(sizes == [1, longest, 2])
        #expect(try await a.counters("b").payloadsDropped == 1)
        try await stop(a, b)
    }

    @Test func `a name is looked up anew for each attempt`() async throws {
        let host = NIOLockedValueBox("127.0.0.1")
        let b = try await TestNode("b")
        let a = try await TestNode("a", resolver: { MovingResolver(loop: $0, host: host) })
        try await a.update(peers: [PeerAddress(name: "b", address: "b.example:\(b.port)")])
        try await a.connected("b")
        // It comes back elsewhere, and something else has its old place.
        try await b.stop()
        host.withLockedValue { $0 = "127.0.0.2" }
        let other = try await TestNode("other", port: b.port)
        let moved = try await TestNode("b", host: "127.0.0.2", port: b.port)
        try await a.connected("b", times: 2)
        try await a.send("here", to: PeerAddress(name: "b", address: "b.example:\(b.port)"))
        try await moved.received("here", from: "a")
        try await stop(a, moved, other)
    }

    @Test func `a cut link is noticed by the kernel on either side`() async throws {
        let (a, b) = (try await TestNode("a"), try await TestNode("b"))
        try await a.update(peers: [b.peer])
        try await a.connected("b")
        try await b.connected("a", .inbound)
        for node in [a, b] {
            let channel = try #require(
                try await node.on { transport in
                    let dialled = transport.links.values.compactMap { $0.established }
                    return (dialled + Array(transport.accepted.values)).first?.context?.channel
                }
            )
            #expect(try await channel.getOption(.socketOption(.so_keepalive)).get() == 1)
            for (option, value) in [
                (TCP_NODELAY, 1), (TCP_USER_TIMEOUT, 5_000), (TCP_KEEPIDLE, 10), (TCP_KEEPINTVL, 3), (TCP_KEEPCNT, 3),
            ] {
                #expect(try await channel.getOption(.tcpOption(.init(rawValue: option))).get() == value)
            }
        }
        try await stop(a, b)
    }

    @Test func `who is connected, by which version, can be seen`() async throws {
        let authority = try Authority()
        var settings = TransportSettings.patient
        settings.versions = 1...3
        let a = try await TestNode("a", tls: try authority.tls("a"))
        let b = try await TestNode("b", tls: try authority.tls("b"), settings: settings)
        let c = try await TestNode("c", tls: try authority.tls("c"), settings: settings)
        let nobody = try await a.on { $0.report }
        #expect(nobody.connections.isEmpty && nobody.certificateNotAfterSeconds != nil)
        try await b.update(peers: [a.peer, c.peer])
        try await b.send("part", to: c.peer, .snapshots)
        try await b.connected("a")
        try await b.connected("c")
        try await b.connected("c", .outbound, .snapshots)
        let report = try await b.on { $0.report }
        #expect(report.connections.map(\.peer.name) == ["a", "c", "c"])
        #expect(report.connections.map(\.peer.lane) == [.messages, .messages, .snapshots])
        #expect(report.connections.map(\.version) == [2, 3, 3])
        #expect(report.connections.allSatisfy { $0.direction == .outbound && $0.certificateNotAfterSeconds != nil })
        try await c.received("part", from: "b")
        #expect(try await c.on { $0.report.connections.map(\.direction) } == [.inbound, .inbound])
        try await stop(a, b, c)
    }

    @Test func `of one name a node that waits does not drive a member out`() async throws {
        let a = try await TestNode("a")
        let member = try await RawPeer.connect(to: a)
        member.send(RawPeer.hello("b", membership: 5))
        _ = try await member.frame()
        let waiting = try await RawPeer.connect(to: a)
        waiting.send(RawPeer.hello("b"))
        _ = try await waiting.frame()
        for (number, peer) in [member, waiting].enumerated() { peer.send(.payload([UInt8(number)])) }
        try await a.events.wait { events in events.count { if case .received = $0 { true } else { false } } == 2 }
        try await stop(a)
    }

    @Test func `of what a node knows of the membership only that it is a member makes new connections`() async throws {
        let (a, b) = (try await TestNode("a"), try await TestNode("b"))
        try await a.update(peers: [b.peer])
        try await a.connected("b")
        for (membership, times) in [(nil, 1), (1, 2), (2, 2), (3, 2), (nil, 3)] as [(UInt64?, Int)] {
            try await a.on { transport in
                var identity = transport.identity
                identity.membership = membership
                transport.update(identity: identity)
            }
            try await a.connected("b", times: times)
            try await a.send("\(String(describing: membership))", to: b.peer)
            let peer = try await b.received("\(String(describing: membership))", from: "a")
            #expect((peer.membership == nil) == (membership == nil))
            #expect(a.events.elements.count { if case .connected = $0 { true } else { false } } == times)
        }
        try await stop(a, b)
    }

    @Test func `a payload longer than a frame is dropped and told`() async throws {
        let (a, b) = (try await TestNode("a"), try await TestNode("b"))
        let peer = b.peer
        try await a.on {
            $0.send(Array(repeating: 1, count: (4 << 20) - Frame.headBytes + 1), to: peer, lane: .messages)
        }
        try await a.send("short", to: b.peer)
        try await b.received("short", from: "a")
        #expect(try await a.counters("b").payloadsDropped == 1)
        #expect(a.lineCount("longer than a frame") == 1)
        try await stop(a, b)
    }

    @Test func `a peer that restarts is dialled until it is back, and gets the newest of what was sent meanwhile`()
        async throws
    {
        let (a, b) = (try await TestNode("a"), try await TestNode("b"))
        try await a.update(peers: [b.peer])
        try await a.connected("b")
        try await b.stop()
        try await a.events.wait { $0.contains { if case .disconnected = $0 { true } else { false } } }
        let peer = b.peer
        try await a.on { transport in
            for number in 0..<5 {
                transport.send(Array(repeating: UInt8(number), count: 500_000), to: peer, lane: .messages)
            }
        }
        let again = try await TestNode("b", port: b.port)
        try await a.connected("b", times: 2)
        try await a.send("after", to: again.peer)
        try await again.received("after", from: "a")
        let first = again.events.elements.lazy.compactMap { event -> UInt8? in
            if case .received(let bytes, _) = event { bytes.first } else { nil }
        }
        #expect(Array(first) == [3, 4, UInt8(ascii: "a")])
        let counters = try await a.counters("b")
        #expect(counters.reconnects == 1 && counters.payloadsDropped == 3)
        try await stop(a, again)
    }

    @Test func `a peer that was not there and dials is dialled at once, however long the wait would be`() async throws {
        var settings = TransportSettings.patient
        settings.reconnectMinimum = .hours(24)
        settings.reconnectMaximum = .hours(24)
        settings.unreachableMaximum = .hours(24)
        let b = try await TestNode("b")
        try await b.stop()
        let a = try await TestNode("a", settings: settings)
        try await a.update(peers: [b.peer])
        try await a.lines.wait { $0.contains { $0.contains("cannot reach a peer") } }
        let again = try await TestNode("b", port: b.port)
        try await again.update(peers: [a.peer])
        try await a.connected("b")
        try await stop(a, again)
    }

    @Test func `a peer that has gone and dials again is dialled at once, however long the wait would be`() async throws
    {
        var settings = TransportSettings.patient
        settings.reconnectMinimum = .hours(24)
        settings.reconnectMaximum = .hours(24)
        settings.unreachableMaximum = .hours(24)
        let b = try await TestNode("b")
        let a = try await TestNode("a", settings: settings)
        try await a.update(peers: [b.peer])
        try await a.connected("b")
        try await b.stop()
        try await a.events.wait { $0.contains { if case .disconnected = $0 { true } else { false } } }
        let again = try await TestNode("b", port: b.port)
        try await again.update(peers: [a.peer])
        try await a.connected("b", times: 2)
        try await stop(a, again)
    }

    @Test func `events of a connection are told in order, and after the call that brought them about`() async throws {
        let (a, b) = (try await TestNode("a"), try await TestNode("b"))
        try await a.update(peers: [b.peer])
        try await a.connected("b")
        let events = a.events
        let told = try await a.on { transport in
            let before = events.elements.count
            transport.update(identity: TestNode.identity("a", cluster: 1))
            transport.update(identity: TestNode.identity("a", cluster: nil))
            return events.elements.count - before
        }
        #expect(told == 0)
        try await a.connected("b", times: 2)
        let kinds = a.events.elements.map { event in
            switch event {
            case .connected: "connected"
            case .disconnected: "disconnected"
            default: "other"
            }
        }
        #expect(kinds == ["connected", "disconnected", "connected"])
        try await stop(a, b)
    }

    @Test func `a cluster that becomes known is told to peers on new connections, both ways`() async throws {
        let a = try await TestNode("a", cluster: nil)
        let b = try await TestNode("b", cluster: nil)
        for node in [a, b] { try await node.update(peers: [a.peer, b.peer]) }
        try await a.connected("b")
        try await b.connected("a")
        try await a.on { $0.update(identity: TestNode.identity("a", cluster: 5)) }
        for (node, direction) in [(b, Direction.inbound), (b, .outbound)] {
            try await node.events.wait(for: "b sees the cluster \(direction)") { events in
                events.contains { event in
                    if case .connected(let peer, direction) = event {
                        peer.cluster == ClusterID(high: 0, low: 5)
                    } else {
                        false
                    }
                }
            }
        }
        // Another cluster than the one that b comes to belong to: now they do not talk.
        try await b.on { $0.update(identity: TestNode.identity("b", cluster: 6)) }
        #expect(try await a.refused(.outbound, byPeer: true).refusal.code == .cluster)
        #expect(try await b.refused(.outbound, byPeer: true).refusal.code == .cluster)
        try await stop(a, b)
    }

    @Test func `an identity that did not change leaves connections alone`() async throws {
        let (a, b) = (try await TestNode("a"), try await TestNode("b"))
        try await a.update(peers: [b.peer])
        try await a.connected("b")
        try await a.on { $0.update(identity: TestNode.identity("a", cluster: 1)) }
        try await a.update(peers: [b.peer, a.peer])
        try await a.send("still", to: b.peer)
        try await b.received("still", from: "a")
        #expect(a.events.elements.count == 1)
        try await stop(a, b)
    }

    @Test func `a peer that has moved is dialled at its new address`() async throws {
        let (a, b) = (try await TestNode("a"), try await TestNode("b"))
        try await a.update(peers: [b.peer])
        try await a.connected("b")
        let moved = try await TestNode("b")
        try await a.update(peers: [moved.peer])
        try await a.connected("b", times: 2)
        try await a.send("here", to: b.peer)
        try await moved.received("here", from: "a")
        try await stop(a, b, moved)
    }

    @Test func `a name is looked up`() async throws {
        let (a, b) = (try await TestNode("a"), try await TestNode("b"))
        try await a.update(peers: [PeerAddress(name: "b", address: "localhost:\(b.port)")])
        try await a.send("found", to: b.peer)
        try await b.received("found", from: "a")
        try await stop(a, b)
    }

    @Test func `a node that nobody listed is answered, and its link closes when it is idle`() async throws {
        var settings = TransportSettings.patient
        settings.idleTimeout = .seconds(4)
        settings.strangerLinksMax = 1
        let (a, b) = (try await TestNode("a", settings: settings), try await TestNode("b"))
        let c = try await TestNode("c")
        try await a.update(peers: [c.peer])
        let (peerB, peerC) = (b.peer, c.peer)
        try await a.on { transport in
            transport.send([1], to: peerB, lane: .messages)
            // No room for a second stranger; a peer always has its links.
            transport.send([1], to: PeerAddress(name: "d", address: peerB.address), lane: .messages)
            transport.send([1], to: peerC, lane: .snapshots)
            transport.send([1], to: peerC, lane: .messages)
        }
        try await a.connected("b")
        try await a.connected("c", .outbound, .snapshots)
        #expect(try await a.counters("d").payloadsDropped == 1)
        try await a.events.wait(for: "idle links close") { events in
            events.count {
                if case .disconnected(_, .outbound, "nothing was sent for long") = $0 { true } else { false }
            } == 2
        }
        // Messages to a peer of the list stay connected. What is no peer any more goes.
        try await a.send("again", to: c.peer)
        try await c.received("again", from: "a")
        #expect(try await a.counters("c").reconnects == 0)
        try await a.update(peers: [])
        try await a.events.wait(for: "a former peer's link closes") { events in
            events.contains {
                if case .disconnected(let peer, .outbound, _) = $0 {
                    peer.name == "c" && peer.lane == .messages
                } else {
                    false
                }
            }
        }
        try await stop(a, b, c)
    }

    @Test func `a long snapshot does not keep messages waiting`() async throws {
        let a = try await TestNode("a")
        let slow = try await DeafServer("slow", to: [.snapshots])
        let peer = slow.peer
        try await a.update(peers: [peer])
        try await a.connected("slow")
        try await a.send("opens the lane", to: peer, .snapshots)
        try await a.connected("slow", .outbound, .snapshots)
        // Parts until no more find room: those before them wait for a peer that reads none.
        var parts: UInt64 = 1
        while try await a.counters("slow").payloadsDropped == 0 {
            try #require(parts < 4_000)
            try await a.send(String(repeating: "s", count: 256 << 10), to: peer, .snapshots)
            parts += 1
        }
        try await a.send("urgent", to: peer)
        try await slow.events.wait(for: "the message") { events in
            ((try? RawPeer.frames(events)) ?? []) == [.payload(Array("urgent".utf8))]
        }
        let counters = try await a.counters("slow")
        #expect(counters.payloadsDropped == 1)
        #expect(counters.payloadsSent < parts, "no part waits any more")
        try await stop(a)
        try await slow.stop()
    }

    @Test func `a peer that does not read costs a bounded queue, and others nothing`() async throws {
        var settings = TransportSettings.patient
        settings.messagesQueueBytesMax = 1 << 20
        let a = try await TestNode("a", settings: settings)
        let b = try await TestNode("b")
        let deaf = try await DeafServer("deaf")
        try await a.update(peers: [b.peer, deaf.peer])
        try await a.connected("b")
        try await a.connected("deaf")
        // More than the kernel's buffers on loopback take.
        var sent: UInt64 = 0
        while try await a.counters("deaf").payloadsDropped < 100, sent < 4_000 {
            try await a.on { transport in
                for _ in 0..<20 { transport.send(Array(repeating: 7, count: 64 << 10), to: deaf.peer, lane: .messages) }
            }
            sent += 20
        }
        let counters = try await a.counters("deaf")
        #expect(counters.payloadsDropped >= 100)
        // What is neither dropped nor handed over waits, and fits.
        let waiting = sent - counters.payloadsDropped - counters.payloadsSent
        #expect(waiting <= 16)
        try await a.send("unharmed", to: b.peer)
        try await b.received("unharmed", from: "a")
        #expect(try await a.counters("b").payloadsDropped == 0)
        try await stop(a, b)
        try await deaf.stop()
    }

    @Test func `shutting down completes whatever is under way, and nothing follows it`() async throws {
        let a = try await TestNode("a")
        let b = try await TestNode("b")
        let silent = try await RawPeer.connect(to: a)
        let deaf = try await DeafServer("deaf")
        try await a.update(peers: [
            b.peer, deaf.peer, PeerAddress(name: "unreachable", address: "127.0.0.1:1"),
            PeerAddress(name: "nonsense", address: "nonsense"),
            PeerAddress(name: "nowhere", address: "192.0.2.1:9"),
            PeerAddress(name: "nobody", address: "no-such-host.invalid:9"),
        ])
        try await a.connected("b")
        try await a.connected("deaf")
        try await a.logged("cannot reach a peer address=nonsense")
        try await a.stop()
        try await a.stop()
        try await silent.closed()
        let count = a.events.elements.count
        try await a.send("too late", to: b.peer)
        try await a.update(peers: [b.peer])
        try await a.on { $0.update(identity: TestNode.identity("a", cluster: 9)) }
        try await b.events.wait { $0.contains { if case .disconnected(_, .inbound, _) = $0 { true } else { false } } }
        #expect(a.events.elements.count == count)
        try await stop(b)
        try await deaf.stop()
    }

    @Test func `an owner may call the transport from within an event`() async throws {
        let a = try await TestNode("a")
        let peerA = a.peer
        let b = try await TestNode(
            "b",
            reacting: { transport, event in
                guard case .received(let bytes, _) = event else { return }
                switch String(decoding: bytes, as: UTF8.self) {
                case "become another": transport.update(identity: TestNode.identity("b", cluster: nil))
                case "stop": _ = transport.shutdown()
                default: transport.send(bytes, to: peerA, lane: .messages)
                }
            }
        )
        try await a.update(peers: [b.peer])
        try await b.update(peers: [a.peer])
        try await a.connected("b")
        try await b.connected("a")
        let peerB = b.peer
        try await a.on { transport in
            for number in UInt8(0)..<100 { transport.send([number], to: peerB, lane: .messages) }
        }
        try await a.events.wait { events in
            events.count { if case .received = $0 { true } else { false } } == 100
        }
        try await a.send("become another", to: b.peer)
        try await a.connected("b", times: 2)
        try await b.connected("a", times: 2)
        // The end comes in the middle of what one read has brought.
        try await a.on { transport in
            for text in ["before", "stop", "after"] { transport.send(Array(text.utf8), to: peerB, lane: .messages) }
        }
        try await a.events.wait { events in
            events.count { if case .disconnected(_, .outbound, _) = $0 { true } else { false } } == 2
        }
        try await b.stop()
        let texts = b.events.elements.compactMap { event -> String? in
            if case .received(let bytes, _) = event { String(decoding: bytes, as: UTF8.self) } else { nil }
        }
        #expect(Array(texts.suffix(3)) == ["become another", "before", "stop"])
        try await stop(a)
    }

    @Test func `a port that is taken is told in words`() async throws {
        let a = try await TestNode("a")
        do {
            _ = try await TestNode("b", port: a.port)
            Issue.record("two nodes listen on one port")
        } catch let error as TransportError {
            #expect(
                error.description
                    == "cannot listen for peers on 127.0.0.1:\(a.port): another program listens there; choose another port or stop it"
            )
        }
        try await stop(a)
    }
}

/// Finds every name at one address, which may move.
private struct MovingResolver: Resolver, Sendable {
    let loop: any EventLoop
    let host: NIOLockedValueBox<String>

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        loop.makeCompletedFuture { [try SocketAddress(ipAddress: self.host.withLockedValue { $0 }, port: port)] }
    }

    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        loop.makeSucceededFuture([])
    }

    func cancelQueries() {}
}
