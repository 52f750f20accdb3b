/// Decides, for the owner of the transport, whether to talk to who said this Hello: nil for yes, else why not, in one
/// sentence for the operator of the other side. Called on the transport's loop in the middle of its work: it must not call
/// the transport.
public typealias Authorize = (_ hello: Hello, _ direction: Direction) -> String?

/// What is known of the other end's name before it says anything.
enum PeerProof: Hashable {
    /// Nothing: plain TCP.
    case none
    /// The names in its certificate, which the configured authority has signed.
    case certificate(names: [String])
}

/// One connection's handshake, and what may come after it.
///
///     dialer                      acceptor
///       │ ── Hello ──────────────▶  │  checks, authorizes
///       │ ◀────────────── Hello ──  │  or Refuse, and closes
///       │  checks, authorizes       │
///       │ ── payloads ───────────▶  │  or Refuse, and closes
///
/// A value that knows no channel: events go in, and what to do comes back.
struct Handshake {
    enum Side: Hashable {
        /// It dialled the node of this name.
        case dialer(expecting: String)
        /// It was dialled.
        case acceptor
    }

    enum Action: Equatable {
        /// Send this side's Hello.
        case send(Hello)
        /// The handshake is done. Send the reply first, where there is one.
        case establish(PeerIdentity, version: UInt16, reply: Hello?)
        /// Hand this to the owner.
        case deliver([UInt8])
        /// Send this and close.
        case refuse(Refusal, claimed: NodeIdentity?)
        /// The other side does not talk to this one: close.
        case refusedByPeer(Refusal)
        /// Close: what came breaks the protocol.
        case cutOff(String)
        /// Nothing: it is over.
        case ignore
    }

    /// Legal transitions: created → awaitingHello → established; any → ended.
    private enum State {
        case created
        case awaitingHello(PeerProof)
        case established
        case ended
    }

    /// What this side says. The lane of an acceptor's does not count.
    let own: Hello
    let side: Side
    /// What the other side has said, once it has passed.
    private(set) var peer: Hello?
    private var state = State.created

    init(own: Hello, side: Side) {
        self.own = own
        self.side = side
    }

    var direction: Direction { side == .acceptor ? .inbound : .outbound }

    /// The connection is open, and TLS done where there is any.
    mutating func opened(_ proof: PeerProof) -> Action {
        guard case .created = state else { return .ignore }
        state = .awaitingHello(proof)
        return side == .acceptor ? .ignore : .send(own)
    }

    /// A frame has come.
    mutating func received(_ frame: Frame, authorize: Authorize) -> Action {
        switch (state, frame) {
        case (.ended, _):
            return .ignore
        case (.created, _):
            return end(.cutOff("a frame before the connection was open"))
        case (_, .refuse(let bytes)):
            return end(
                (try? Refusal(decoding: bytes)).map(Action.refusedByPeer) ?? .cutOff("a refusal that cannot be read")
            )
        case (.awaitingHello(let proof), .hello(let bytes)):
            return helloReceived(bytes, proof, authorize)
        case (.awaitingHello, .payload):
            return end(.cutOff("a payload before the handshake"))
        case (.established, .payload(let payload)) where side == .acceptor:
            return .deliver(payload)
        case (.established, .payload):
            return end(.cutOff("a payload on a connection that only sends"))
        case (.established, .hello):
            return end(.cutOff("a second Hello"))
        }
    }

    private mutating func end(_ action: Action) -> Action {
        state = .ended
        return action
    }

    private mutating func helloReceived(_ bytes: [UInt8], _ proof: PeerProof, _ authorize: Authorize) -> Action {
        let hello: Hello
        do throws(HelloError) {
            hello = try Hello(decoding: bytes, speaking: own.versions)
        } catch {
            return end(.refuse(Self.refusal(of: error, own: own), claimed: nil))
        }
        if let refusal = objection(to: hello, proof) ?? authorize(hello, direction).map({ Refusal(.unauthorized, $0) })
        {
            return end(.refuse(refusal, claimed: hello.identity))
        }
        state = .established
        peer = hello
        let peer = PeerIdentity(
            name: hello.identity.name,
            replica: hello.identity.replica,
            cluster: hello.identity.cluster,
            membership: hello.identity.membership,
            address: hello.identity.address,
            lane: hello.lane
        )
        let version = min(hello.versions.upperBound, own.versions.upperBound)
        // The lane is the dialer's to choose.
        let reply = side == .acceptor ? Hello(versions: own.versions, lane: hello.lane, identity: own.identity) : nil
        return .establish(peer, version: version, reply: reply)
    }

    /// What speaks against a peer, whatever the owner thinks of it. What it proves comes before what it says.
    private func objection(to hello: Hello, _ proof: PeerProof) -> Refusal? {
        let name = hello.identity.name
        if case .certificate(let names) = proof, !names.contains(name) {
            let named = names.isEmpty ? "no node" : names.prefix(4).joined(separator: ", ")
            return Refusal(.certificate, "you say that you are \(name), but your certificate names \(named)")
        }
        if let cluster = hello.identity.cluster, let ours = own.identity.cluster, cluster != ours {
            return Refusal(
                .cluster,
                """
                \(name) has the disk of cluster \(cluster), and \(own.identity.name) belongs to cluster \
                \(ours): give the one that is wrong its own disk back; or clear its data folder, and it waits \
                to be admitted by "tollgate cluster add" or "tollgate cluster replace"
                """
            )
        }
        guard case .dialer(let expected) = side else { return nil }
        if name != expected {
            return Refusal(.node, "you are \(name), where \(own.identity.name) looked for \(expected)")
        }
        if hello.lane != own.lane {
            return Refusal(.node, "your Hello is of another lane than the connection")
        }
        return nil
    }

    private static func refusal(of error: HelloError, own: Hello) -> Refusal {
        switch error {
        case .noCommonVersion(let theirs):
            let ours = own.versions
            return Refusal(
                .version,
                """
                \(own.identity.name) speaks versions \(ours.lowerBound) to \(ours.upperBound) of the nodes' protocol, and \
                you \(theirs.lowerBound) to \(theirs.upperBound): upgrade the older one
                """
            )
        case .notTollgate: return Refusal(.malformed, "this port is for Tollgate's nodes")
        case .emptyVersionRange: return Refusal(.malformed, "your Hello has an empty range of versions")
        case .unknownLane(let tag): return Refusal(.malformed, "your Hello is of the unknown lane \(tag)")
        case .badName: return Refusal(.malformed, "your Hello has a name or an address that no node can have")
        case .malformed: return Refusal(.malformed, "your Hello cannot be read")
        }
    }
}
