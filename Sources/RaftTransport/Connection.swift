import NIOCore
import NIOSSL
import NIOTLS

/// Whom a connection reports to. All calls on the transport's loop.
protocol ConnectionOwner: AnyObject {
    func connection(_ connection: Connection, established peer: PeerIdentity)
    func connection(_ connection: Connection, received payload: [UInt8])
    func connectionBecameWritable(_ connection: Connection)
    /// Exactly once, whoever ended it. Nothing follows it.
    func connection(_ connection: Connection, ended end: ConnectionEnd)
}

/// Why a connection has ended.
enum ConnectionEnd: Equatable {
    /// This side does not talk to the other, which claims to be this node.
    case refused(Refusal, claimed: NodeIdentity?)
    /// The other side does not talk to this one.
    case refusedByPeer(Refusal)
    /// What came breaks the protocol.
    case violation(String)
    /// No handshake in time.
    case timedOut
    /// TLS, or the network.
    case failed(String)
    /// The other side has closed it.
    case closedByPeer
    /// This side has closed it, for a reason that is not the peer's fault.
    case closed(String)

    /// Whether the connection broke, or was closed by the other side without a reason: as when a process dies.
    var isWordless: Bool {
        switch self {
        case .closedByPeer, .failed: true
        case .refused, .refusedByPeer, .violation, .timedOut, .closed: false
        }
    }

    /// What to do about it; nil where the text says so, or there is nothing.
    var remedy: String? {
        switch self {
        case .violation: "if it is a node, run the same release there; if it is none, keep it away from this port"
        case .timedOut: "see whether it is a node, of this cluster, and whether it stands still"
        case .closedByPeer: "see what the other side's log says"
        case .refused, .refusedByPeer, .failed, .closed: nil
        }
    }

    /// For the log and the owner.
    var text: String {
        switch self {
        case .refused(let refusal, _): "refused: \(refusal.text)"
        case .refusedByPeer(let refusal): "the peer refuses: \(refusal.text)"
        case .violation(let text): "the peer broke the protocol: \(text)"
        case .timedOut: "no handshake in time"
        case .failed(let text), .closed(let text): text
        case .closedByPeer: "the peer closed the connection"
        }
    }

    /// One of few words, by which repeated lines are told from others.
    var kind: String {
        switch self {
        case .refused(let refusal, _): "refused \(refusal.code.rawValue)"
        case .refusedByPeer(let refusal): "refused by peer \(refusal.code.rawValue)"
        case .violation: "violation"
        case .timedOut: "timed out"
        case .failed: "failed"
        case .closedByPeer: "closed by peer"
        case .closed: "closed"
        }
    }
}

/// One connection to or from a peer: a channel handler around a ``FrameDecoder`` and a ``Handshake``. The last handler of its
/// pipeline, behind TLS where there is any. Confined to the transport's loop.
final class Connection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How long a connection that is closing may take to get its last frame out.
    private static let farewellTimeout = TimeAmount.seconds(1)

    /// Legal transitions: opening → open; any → ended.
    private enum State { case opening, open, ended }

    private var state = State.opening
    private var handshake: Handshake
    private var decoder: FrameDecoder
    private let settings: TransportSettings
    private let isTLS: Bool
    private let authorize: Authorize
    /// Let go at the end.
    private var owner: (any ConnectionOwner)?
    private(set) var context: ChannelHandlerContext?
    private var deadline: Scheduled<Void>?

    init(
        handshake: Handshake,
        isTLS: Bool,
        settings: TransportSettings,
        authorize: @escaping Authorize,
        owner: any ConnectionOwner
    ) {
        self.handshake = handshake
        self.isTLS = isTLS
        self.settings = settings
        self.authorize = authorize
        self.owner = owner
        decoder = FrameDecoder(frameBytesMax: settings.handshakeBytesMax)
    }

    /// Who the peer is, once it has passed its handshake.
    private(set) var peer: PeerIdentity?
    /// The version that is spoken, once there is a peer.
    private(set) var version: UInt16 = 0
    /// When the peer's certificate expires, in seconds since 1970; nil without TLS.
    private(set) var peerNotAfterSeconds: Int64?
    /// Whether more can be sent now without piling up.
    var isWritable: Bool { state == .open && context?.channel.isWritable ?? false }

    /// Asks the owner again whether to talk to a peer that has passed its handshake, and ends the connection if not.
    func authorizeAgain() {
        guard state == .open, let hello = handshake.peer, let text = authorize(hello, handshake.direction) else {
            return
        }
        refuse(.unauthorized, text)
    }

    /// Ends the connection if the peer's certificate has expired.
    func endIfExpired(nowSeconds: Int64) {
        guard state == .open, let peer, let end = peerNotAfterSeconds, end < nowSeconds else { return }
        refuse(
            .certificate,
            "the certificate of \(peer.name) has expired: renew it (\"tollgate certificates renew\"), and have it reloaded"
        )
    }

    private func refuse(_ code: Refusal.Code, _ text: String) {
        let refusal = Refusal(code, text)
        end(.refused(refusal, claimed: peer?.identity), farewell: refusal)
    }

    /// Sends whole frames.
    func send(_ frames: ByteBuffer) {
        guard state == .open else { return }
        context?.writeAndFlush(wrapOutboundOut(frames), promise: nil)
    }

    /// Ends the connection; with a last word where there is one.
    func end(_ end: ConnectionEnd, farewell: Refusal? = nil) {
        guard state != .ended else { return }
        let wasOpen = state == .open
        state = .ended
        deadline?.cancel()
        deadline = nil
        let owner = self.owner
        self.owner = nil
        owner?.connection(self, ended: end)
        guard let context else { return }
        guard let farewell, wasOpen, context.channel.isActive else { return context.close(promise: nil) }
        var buffer = ByteBuffer()
        Frame.refuse(farewell.encode()).write(to: &buffer)
        let channel = context.channel
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: written)
        written.futureResult.whenComplete { _ in channel.close(promise: nil) }
        context.eventLoop.scheduleTask(in: Self.farewellTimeout) { channel.close(promise: nil) }
    }

    // MARK: The channel's events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: settings.handshakeTimeout) { [weak self] in
            self?.end(.timedOut)
        }
        if !isTLS, context.channel.isActive { open(.none) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        // Also one that has never been active.
        end(.closedByPeer)
    }

    func channelActive(context: ChannelHandlerContext) {
        if !isTLS { open(.none) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
            peerNotAfterSeconds = certificate.map { Int64($0.notValidAfter) }
            open(.certificate(names: certificate.map(CertificateNames.dnsNames(of:)) ?? []))
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state == .open else { return }
        decoder.append(unwrapInboundIn(data))
        do throws(FrameError) {
            // What is delivered may end the connection.
            while state == .open, let frame = try decoder.next() {
                perform(handshake.received(frame, authorize: authorize))
            }
        } catch {
            end(.violation(isTLS ? error.text : error.textWithoutTLS))
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if isWritable { owner?.connectionBecameWritable(self) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(.closedByPeer)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case NIOSSLError.uncleanShutdown where state == .open: end(.closedByPeer)
        case is NIOSSLError, is BoringSSLError: end(.failed("TLS: \(TLSFailure.text(error))"))
        default: end(.failed(Refusal.printable("\(error)")))
        }
    }

    private func open(_ proof: PeerProof) {
        guard state == .opening else { return }
        state = .open
        perform(handshake.opened(proof))
    }

    private func perform(_ action: Handshake.Action) {
        switch action {
        case .ignore:
            break
        case .send(let hello):
            send(hello)
        case .establish(let peer, let version, let reply):
            (self.peer, self.version) = (peer, version)
            deadline?.cancel()
            deadline = nil
            // Who was dialled has nothing long to say.
            if handshake.side == .acceptor { decoder.frameBytesMax = settings.frameBytesMax }
            if let reply { send(reply) }
            owner?.connection(self, established: peer)
        case .deliver(let payload):
            owner?.connection(self, received: payload)
        case .refuse(let refusal, let claimed):
            end(.refused(refusal, claimed: claimed), farewell: refusal)
        case .refusedByPeer(let refusal):
            end(.refusedByPeer(refusal))
        case .cutOff(let text):
            end(.violation(text))
        }
    }

    private func send(_ hello: Hello) {
        var buffer = ByteBuffer()
        Frame.hello(hello.encode()).write(to: &buffer)
        send(buffer)
    }
}
