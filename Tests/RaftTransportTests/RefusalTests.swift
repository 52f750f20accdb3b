import Foundation
import NIOConcurrencyHelpers
import NIOSSL
import Testing
import Wire

@testable import RaftTransport

/// Peers that do not belong to each other, and what each of them learns.
struct RefusalTests {
    @Test func `nodes of two clusters do not talk`() async throws {
        let (a, b) = (try await TestNode("a", cluster: 1), try await TestNode("b", cluster: 2))
        try await a.update(peers: [b.peer])
        let (name, refusal) = try await b.refused(.inbound, byPeer: false)
        #expect(name == "a")
        #expect(refusal.code == .cluster)
        #expect(
            refusal.text.hasPrefix(
                "a has the disk of cluster 00000000000000000000000000000001, and b belongs to cluster 00000000000000000000000000000002: give"
            )
        )
        #expect(try await a.refused(.outbound, byPeer: true) == ("b", refusal))
        try await a.logged("a peer refuses this node direction=outbound peer=b reason=a has the disk of cluster")
        try await a.stop()
        try await b.stop()
        #expect(a.lineCount("a peer refuses") == 1 && b.lineCount("refused a peer") == 1)
    }

    @Test func `another node than the one that was dialled is refused by who dialled`() async throws {
        let (a, c) = (try await TestNode("a"), try await TestNode("c"))
        try await a.update(peers: [PeerAddress(name: "b", address: c.peer.address)])
        let (name, refusal) = try await a.refused(.outbound, byPeer: false)
        #expect(name == "c" && refusal == Refusal(.node, "you are c, where a looked for b"))
        // The other side had taken the connection for good.
        try await c.events.wait { events in
            events.contains {
                if case .disconnected(_, .inbound, "the peer refuses: you are c, where a looked for b") = $0 {
                    true
                } else {
                    false
                }
            }
        }
        try await a.stop()
        try await c.stop()
    }

    @Test func `the owner may refuse, on either side`() async throws {
        let a = try await TestNode("a")
        let b = try await TestNode("b") { hello, direction in
            direction == .inbound ? "\(hello.identity.name) is no member" : nil
        }
        let c = try await TestNode("c") { _, direction in direction == .outbound ? "not that one" : nil }
        try await a.update(peers: [b.peer])
        try await c.update(peers: [a.peer])
        #expect(try await a.refused(.outbound, byPeer: true).refusal == Refusal(.unauthorized, "a is no member"))
        #expect(try await c.refused(.outbound, byPeer: false).refusal == Refusal(.unauthorized, "not that one"))
        try await a.events.wait { events in
            events.contains {
                if case .disconnected(_, .inbound, "the peer refuses: not that one") = $0 { true } else { false }
            }
        }
        for node in [a, b, c] { try await node.stop() }
    }

    @Test func `releases that share a version talk, and others are told`() async throws {
        func settings(_ versions: ClosedRange<UInt16>) -> TransportSettings {
            var settings = TransportSettings.patient
            settings.versions = versions
            return settings
        }
        let old = try await TestNode("old", settings: settings(1...1))
        let between = try await TestNode("between", settings: settings(1...2))
        let new = try await TestNode("new", settings: settings(2...3))
        for node in [old, between, new] { try await node.update(peers: [old.peer, between.peer, new.peer]) }
        for (one, other) in [(old, between), (between, old), (between, new), (new, between)] {
            try await one.connected(other.name)
        }
        #expect(try await old.refused(.outbound, byPeer: true).refusal.code == .version)
        #expect(try await new.refused(.outbound, byPeer: true).refusal.code == .version)
        for node in [old, between, new] { try await node.stop() }
    }

    @Test func `without a certificate of the same authority nobody gets in`() async throws {
        let (ours, others) = (try Authority("ours"), try Authority("others"))
        for (what, tls) in [
            ("another authority", try others.tls("b", trusting: ours)),
            ("expired", try ours.tls("b", until: .now - 1)),
        ] {
            var settings = TransportSettings.patient
            settings.reconnectMaximum = .milliseconds(10)
            settings.reportInterval = .zero
            let a = try await TestNode("a", tls: try ours.tls("a"), settings: settings)
            let b = try await TestNode("b", tls: tls, settings: settings)
            try await a.update(peers: [b.peer])
            try await b.update(peers: [a.peer])
            let reason = what == "expired" ? "EXPIRED" : "TLS: "
            try await a.logged("direction=inbound peer=127.0.0.1 reason=TLS: ")
            try await a.logged("direction=outbound peer=b reason=TLS: ")
            try await b.logged("direction=outbound peer=a reason=TLS: ")
            try await b.logged(reason)
            #expect(a.events.elements.isEmpty && b.events.elements.isEmpty, "\(what)")
            #expect(try await b.counters("a").handshakeFailures > 0)
            try await a.stop()
            try await b.stop()
        }
    }

    @Test func `a client without a certificate, or without TLS, gets nothing`() async throws {
        let authority = try Authority()
        let a = try await TestNode("a", tls: try authority.tls("a"))
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(authority.pem))
        configuration.certificateVerification = .noHostnameVerification
        let without = try await RawPeer.connect(to: a, tls: try NIOSSLContext(configuration: configuration))
        without.send(RawPeer.hello("b"))
        #expect(try await without.closed() == [])
        try await a.logged("PEER_DID_NOT_RETURN_A_CERTIFICATE")
        let plain = try await RawPeer.connect(to: a)
        plain.send(RawPeer.hello("b"))
        _ = try await plain.closed()
        // And nothing older than TLS 1.3, whoever it is.
        let (certificate, key) = try authority.issue(["b"])
        configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(certificate).map { .certificate($0) }
        configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: key, format: .pem))
        configuration.maximumTLSVersion = .tlsv12
        let old = try await RawPeer.connect(to: a, tls: try NIOSSLContext(configuration: configuration))
        old.send(RawPeer.hello("b"))
        #expect(try await old.closed() == [])
        #expect(a.events.elements.isEmpty)
        try await a.stop()
    }

    @Test func `a certificate of another node's name does not do`() async throws {
        let authority = try Authority()
        let a = try await TestNode("a", tls: try authority.tls("a"))
        let b = try await TestNode("b", tls: try authority.tls("c"))
        try await b.update(peers: [a.peer])
        try await a.update(peers: [b.peer])
        let text = "you say that you are b, but your certificate names c"
        #expect(try await a.refused(.inbound, byPeer: false) == ("b", Refusal(.certificate, text)))
        #expect(try await b.refused(.outbound, byPeer: true) == ("a", Refusal(.certificate, text)))
        #expect(try await a.refused(.outbound, byPeer: false) == ("b", Refusal(.certificate, text)))
        try await a.stop()
        try await b.stop()
    }

    @Test func `one certificate may name several nodes`() async throws {
        let authority = try Authority()
        let (certificate, key) = try authority.issue(["x", "b", "b.example"])
        let tls = try TransportTLS(certificate: certificate, key: key, authorities: try authority.pem)
        #expect(tls.names == ["x", "b", "b.example"])
        let a = try await TestNode("a", tls: try authority.tls("a"))
        let b = try await TestNode("b", tls: tls)
        try await b.send("hello", to: a.peer)
        try await a.received("hello", from: "b")
        try await a.stop()
        try await b.stop()
    }

    @Test func `with new certificates connections are made anew, and the old ones let nobody in`() async throws {
        let (old, new) = (try Authority("old"), try Authority("new"))
        let (a, b) = (try await TestNode("a", tls: try old.tls("a")), try await TestNode("b", tls: try old.tls("b")))
        try await a.update(peers: [b.peer])
        try await a.connected("b")
        // The same authority: only who shows the new one dials anew.
        let renewed = try old.tls("a")
        try await a.on { $0.update(tls: renewed) }
        try await a.connected("b", times: 2)
        try await b.connected("a", .inbound, times: 2)
        let count = a.events.elements.count
        try await a.on { $0.update(tls: renewed) }
        try await a.send("the same again changes nothing", to: b.peer)
        try await b.received("the same again changes nothing", from: "a")
        #expect(a.events.elements.count == count)
        // Another one.
        for node in [b, a] {
            let tls = try new.tls(node.name)
            try await node.on { $0.update(tls: tls) }
        }
        try await a.connected("b", times: 3)
        try await a.send("by the new", to: b.peer)
        try await b.received("by the new", from: "a")
        let c = try await TestNode("c", tls: try old.tls("c"))
        try await c.update(peers: [a.peer])
        try await c.logged("a connection came to nothing")
        for node in [a, b, c] { try await node.stop() }
    }

    @Test func `a certificate that expires ends the connection, and both sides say what to do`() async throws {
        let authority = try Authority()
        let clock = NIOLockedValueBox<Int64>(0)
        var settings = TransportSettings.patient
        settings.idleTimeout = .milliseconds(40)
        let (a, b) = (
            try await TestNode(
                "a",
                tls: try authority.tls("a"),
                settings: settings,
                wallSeconds: { clock.withLockedValue { $0 } }
            ), try await TestNode("b", tls: try authority.tls("b", until: .now + 600))
        )
        try await b.update(peers: [a.peer])
        try await b.connected("a")
        try await a.connected("b", .inbound)
        clock.withLockedValue { $0 = Int64(Date.now.timeIntervalSince1970) + 700 }
        let (name, refusal) = try await a.refused(.inbound, byPeer: false)
        #expect(name == "b" && refusal.code == .certificate)
        #expect(try await b.refused(.outbound, byPeer: true) == ("a", refusal))
        try await b.logged("the certificate of b has expired: renew it")
        try await a.logged("the certificate of b has expired: renew it")
        for node in [a, b] { try await node.stop() }
    }

    @Test func `who is authorized no more is cut off and told, whoever dialled`() async throws {
        let (refusesInbound, refusesOutbound) = (NIOLockedValueBox(false), NIOLockedValueBox(false))
        let a = try await TestNode("a")
        let b = try await TestNode("b") { hello, direction in
            let refuses = direction == .inbound ? refusesInbound : refusesOutbound
            return refuses.withLockedValue { $0 } ? "\(hello.identity.name) was removed" : nil
        }
        try await a.update(peers: [b.peer])
        try await b.update(peers: [a.peer])
        try await a.connected("b")
        try await b.connected("a")
        try await b.connected("a", .inbound)
        let before = (a.events.elements.count, b.events.elements.count)
        try await b.on { $0.reauthorize() }
        try await a.send("still there", to: b.peer)
        try await b.received("still there", from: "a")
        #expect(a.events.elements.count == before.0 && b.events.elements.count == before.1 + 1)
        let refusal = Refusal(.unauthorized, "a was removed")
        refusesInbound.withLockedValue { $0 = true }
        try await b.on { $0.reauthorize() }
        #expect(try await b.refused(.inbound, byPeer: false) == ("a", refusal))
        #expect(try await a.refused(.outbound, byPeer: true) == ("b", refusal))
        refusesOutbound.withLockedValue { $0 = true }
        try await b.on { $0.reauthorize() }
        #expect(try await b.refused(.outbound, byPeer: false) == ("a", refusal))
        #expect(try await a.refused(.inbound, byPeer: true) == ("b", refusal))
        // It is tried again, and heals by itself.
        for refuses in [refusesInbound, refusesOutbound] { refuses.withLockedValue { $0 = false } }
        try await a.connected("b", times: 2)
        try await b.connected("a", times: 2)
        #expect(try await b.on { $0.counters.refused } >= 2)
        #expect(try await a.on { $0.counters.refusedByPeers } >= 2)
        for node in [a, b] { try await node.stop() }
        #expect(b.lineCount("refused a peer") == 2, "once for each direction, not for each attempt")
    }

    @Test func `files that hold no certificate or key are told by name`() throws {
        let authority = try Authority()
        let (certificate, key) = try authority.issue(["a"], until: .init(timeIntervalSince1970: 4_000_000_000))
        let (_, other) = try authority.issue(["a"])
        let pem = try authority.pem
        func fault(_ certificate: [UInt8], _ key: [UInt8], _ authorities: [UInt8]) -> String? {
            do throws(TransportTLSError) {
                _ = try TransportTLS(certificate: certificate, key: key, authorities: authorities)
                return nil
            } catch {
                return error.part
            }
        }
        #expect(fault([], key, pem) == "certificate")
        #expect(fault(key, key, pem) == "certificate")
        #expect(fault(certificate, certificate, pem) == "key")
        #expect(fault(certificate, other, pem) == "key")
        #expect(fault(certificate, key, Array("nothing".utf8)) == "ca")
        let tls = try TransportTLS(certificate: certificate, key: key, authorities: pem)
        #expect(tls.names == ["a"] && tls.notAfterSeconds == 4_000_000_000)
    }

    @Test func `files that no peer would take are found before a connection is made with them`() throws {
        let (authority, other) = (try Authority("ours"), try Authority("theirs"))
        let now = Int64(Date.now.timeIntervalSince1970)
        func fault(_ tls: TransportTLS, name: String = "a", at seconds: Int64 = now) -> String? {
            do throws(TransportTLSError) {
                try tls.check(name: name, nowSeconds: seconds)
                return nil
            } catch {
                return error.description
            }
        }
        let tls = try authority.tls("a")
        #expect(fault(tls) == nil)
        #expect(fault(tls, name: "b")?.hasPrefix("certificate: it names a, and this node is b: make one") == true)
        #expect(fault(tls, at: now + 700)?.contains("it has expired: renew it") == true)
        #expect(fault(tls, at: now - 700)?.contains("it is of the future") == true)
        #expect(fault(try authority.tls("a", trusting: other))?.contains("no peer of the authority in `ca`") == true)
        #expect(
            fault(try authority.tls("a", until: .now - 1), at: now - 10)?.contains("CERTIFICATE_VERIFY_FAILED") == true
        )
    }
}
