import Testing
import Wire

@testable import RaftTransport

struct HandshakeTests {
    private func hello(
        _ name: String,
        cluster: UInt64? = 1,
        versions: ClosedRange<UInt16> = 1...1,
        lane: Lane = .messages
    ) -> Hello {
        Hello(versions: versions, lane: lane, identity: TestNode.identity(name, cluster: cluster))
    }

    private func identity(_ hello: Hello) -> PeerIdentity {
        PeerIdentity(
            name: hello.identity.name,
            replica: hello.identity.replica,
            cluster: hello.identity.cluster,
            lane: hello.lane
        )
    }

    private let nobodyAsked: Authorize = { _, _ in
        Issue.record("the owner was asked about a peer that the transport itself refuses")
        return nil
    }

    private func code(_ action: Handshake.Action) -> Refusal.Code? {
        if case .refuse(let refusal, _) = action { refusal.code } else { nil }
    }

    @Test func `both sides say Hello, check each other, and only the dialer sends`() {
        let (a, b) = (hello("a", lane: .snapshots), hello("b"))
        var dialer = Handshake(own: a, side: .dialer(expecting: "b"))
        var acceptor = Handshake(own: b, side: .acceptor)
        #expect(acceptor.opened(.none) == .ignore)
        #expect(dialer.opened(.none) == .send(a))
        var asked: [Direction] = []
        let reply = hello("b", lane: .snapshots)
        let established = acceptor.received(.hello(a.encode())) { _, direction in
            asked.append(direction)
            return nil
        }
        #expect(established == .establish(identity(a), version: 1, reply: reply))
        let answered = dialer.received(.hello(reply.encode())) { _, direction in
            asked.append(direction)
            return nil
        }
        #expect(answered == .establish(identity(reply), version: 1, reply: nil))
        #expect(asked == [.inbound, .outbound])
        #expect(acceptor.received(.payload([1]), authorize: nobodyAsked) == .deliver([1]))
        #expect(
            dialer.received(.payload([1]), authorize: nobodyAsked)
                == .cutOff("a payload on a connection that only sends")
        )
        #expect(dialer.received(.payload([1]), authorize: nobodyAsked) == .ignore)
        #expect(acceptor.received(.hello(a.encode()), authorize: nobodyAsked) == .cutOff("a second Hello"))
    }

    @Test func `nothing but a Hello may come first`() {
        for frame in [Frame.payload([]), .refuse([1]), .refuse([])] {
            var acceptor = Handshake(own: hello("b"), side: .acceptor)
            _ = acceptor.opened(.none)
            guard case .cutOff = acceptor.received(frame, authorize: nobodyAsked) else {
                Issue.record("\(frame) was taken")
                continue
            }
            #expect(acceptor.received(.hello(hello("a").encode()), authorize: nobodyAsked) == .ignore)
        }
        var early = Handshake(own: hello("b"), side: .acceptor)
        guard case .cutOff = early.received(.hello(hello("a").encode()), authorize: nobodyAsked) else {
            Issue.record("a Hello was taken before the connection was open")
            return
        }
    }

    @Test func `the highest common version is chosen by both, and without one both learn why`() {
        for (one, other, version) in [(1...3, 2...5, 3), (2...2, 1...9, 2), (1...1, 2...3, nil), (4...5, 1...3, nil)]
            as [(ClosedRange<UInt16>, ClosedRange<UInt16>, UInt16?)]
        {
            for (mine, theirs) in [(one, other), (other, one)] {
                var acceptor = Handshake(own: hello("b", versions: mine), side: .acceptor)
                _ = acceptor.opened(.none)
                let action = acceptor.received(.hello(hello("a", versions: theirs).encode())) { _, _ in nil }
                if case .establish(_, let chosen, _) = action {
                    #expect(chosen == version)
                } else {
                    #expect(version == nil)
                    #expect(code(action) == .version)
                    guard case .refuse(let refusal, _) = action else { continue }
                    #expect(refusal.text.contains("versions \(mine.lowerBound) to \(mine.upperBound)"))
                    #expect(refusal.text.contains("you \(theirs.lowerBound) to \(theirs.upperBound)"))
                }
            }
        }
    }

    @Test func `the transport's own checks come before the owner's`() {
        func answer(_ side: Handshake.Side, _ proof: PeerProof, own: UInt64? = 1, _ theirs: Hello) -> Refusal.Code? {
            var handshake = Handshake(own: hello("b", cluster: own), side: side)
            _ = handshake.opened(proof)
            return code(handshake.received(.hello(theirs.encode()), authorize: nobodyAsked))
        }
        for side in [Handshake.Side.acceptor, .dialer(expecting: "a")] {
            #expect(answer(side, .certificate(names: ["c", "aa"]), hello("a")) == .certificate)
            #expect(answer(side, .certificate(names: []), hello("a")) == .certificate)
            #expect(answer(side, .certificate(names: ["A"]), hello("a")) == .certificate)
            #expect(answer(side, .certificate(names: ["*"]), hello("a")) == .certificate)
            #expect(answer(side, .certificate(names: ["c", "a"]), hello("a", cluster: 2)) == .cluster)
            #expect(answer(side, .none, hello("a", cluster: 2)) == .cluster)
        }
        #expect(answer(.dialer(expecting: "c"), .certificate(names: ["a"]), hello("a")) == .node)
        #expect(answer(.dialer(expecting: "a"), .none, hello("a", lane: .snapshots)) == .node)
    }

    @Test func `a node without a cluster may talk to one with, if the owner lets it`() {
        for (own, theirs) in [(nil, 1), (1, nil), (nil, nil)] as [(UInt64?, UInt64?)] {
            for text in [nil, "no"] {
                var handshake = Handshake(own: hello("b", cluster: own), side: .acceptor)
                _ = handshake.opened(.certificate(names: ["a"]))
                let action = handshake.received(.hello(hello("a", cluster: theirs).encode())) { _, _ in text }
                #expect(code(action) == (text == nil ? nil : .unauthorized))
                if text != nil {
                    let claimed = hello("a", cluster: theirs).identity
                    #expect(action == .refuse(Refusal(.unauthorized, "no"), claimed: claimed))
                }
            }
        }
    }

    @Test func `a refusal ends it at any time`() {
        let refusal = Refusal(.outdated, "dial again")
        var dialer = Handshake(own: hello("a"), side: .dialer(expecting: "b"))
        _ = dialer.opened(.none)
        #expect(dialer.received(.refuse(refusal.encode()), authorize: nobodyAsked) == .refusedByPeer(refusal))
        #expect(dialer.received(.hello(hello("b").encode()), authorize: nobodyAsked) == .ignore)
        var later = Handshake(own: hello("a"), side: .dialer(expecting: "b"))
        _ = later.opened(.none)
        _ = later.received(.hello(hello("b").encode())) { _, _ in nil }
        #expect(later.received(.refuse(refusal.encode()), authorize: nobodyAsked) == .refusedByPeer(refusal))
    }
}
