import NIOCore
import NIOPosix
import NIOSSL

/// What this node sends to one peer on one lane: the queue, and the connection that is made for it again and again.
/// Confined to the transport's loop.
final class Link: ConnectionOwner {
    /// Bytes that are handed to the channel at once.
    private static let batchBytes = 256 << 10
    /// Bytes that are handed to it in one turn of the loop, so that one link does not keep the others waiting.
    private static let turnBytes = 1 << 20
    /// Between the beginnings of two attempts, also where the peer has shown that it is there: two that close each other's
    /// connections without a word must not dial each other for ever as fast as they can.
    private static let attemptInterval = TimeAmount.milliseconds(100)

    /// A connection that is being made.
    private final class Attempt {
        /// One for each address of the name, of which one wins.
        var channels: [any Channel] = []
        var isCancelled = false
    }

    /// Legal transitions: idle → connecting → shakingHands → established → waiting → connecting; any → idle, closed.
    private enum State {
        /// Nothing is wanted of the link.
        case idle
        /// Until the next attempt.
        case waiting(Scheduled<Void>)
        case connecting(Attempt)
        case shakingHands(Connection)
        case established(Connection, PeerIdentity, since: NIODeadline)
        case closed
    }

    let name: String
    let lane: Lane
    private(set) var address: String
    /// Whether the peer is in the owner's list.
    var isListed: Bool
    /// When something was last given to it or sent, or the link was made.
    private(set) var lastUse: NIODeadline
    private let transport: PeerTransport
    private var state = State.idle
    private var queue: LinkQueue
    private var backOff: ReconnectBackOff
    private var isFlushScheduled = false
    private var wasEstablished = false
    /// Nobody answered the last attempt, or who did has gone without a word.
    private var isPeerGone = false
    private var attemptedAt: NIODeadline?

    init(_ peer: PeerAddress, lane: Lane, isListed: Bool, transport: PeerTransport) {
        let settings = transport.settings
        name = peer.name
        address = peer.address
        self.lane = lane
        self.isListed = isListed
        self.transport = transport
        lastUse = .now()
        queue = LinkQueue(
            bytesMax: settings.queueBytesMax(lane),
            disconnectedBytesMax: settings.disconnectedQueueBytesMax
        )
        backOff = ReconnectBackOff(
            minimum: UInt64(max(0, settings.reconnectMinimum.nanoseconds)),
            maximum: UInt64(max(0, settings.reconnectMaximum.nanoseconds)),
            successful: UInt64(max(0, settings.reconnectReset.nanoseconds))
        )
    }

    // MARK: What the transport wants

    /// Whether it is kept connected although nothing waits.
    private var isEager: Bool { isListed && lane == .messages }

    /// Whether it is given up when nothing has been sent for long.
    var mayIdleOut: Bool { !isEager }

    /// Takes a payload, or drops it.
    func send(_ payload: [UInt8]) {
        lastUse = .now()
        let before = queue.dropped
        queue.enqueue(payload)
        noteDropped(since: before)
        switch state {
        case .established: scheduleFlush()
        case .idle: connectIfWanted()
        case .waiting, .connecting, .shakingHands, .closed: break
        }
    }

    /// Connects where nothing is under way.
    func connectIfWanted() {
        guard case .idle = state, transport.isRunning, isEager || !queue.isEmpty else { return }
        guard transport.speaks(lane, to: name) else { return drop() }
        connect()
    }

    /// The peer may be of an earlier release by now: what waits is not for it.
    private func drop() {
        let before = queue.dropped
        queue.clear()
        noteDropped(since: before)
    }

    /// The peer has just dialled this node: where it was gone, the next attempt need not wait. Where it is there and says
    /// that it does not talk to this node, it does: two that refuse each other would never rest.
    func peerIsThere() {
        guard isPeerGone, case .waiting(let task) = state else { return }
        task.cancel()
        state = .idle
        let next = attemptedAt.map { $0 + Self.attemptInterval } ?? .now()
        if next <= .now() { connectIfWanted() } else { wait(until: next) }
    }

    /// Takes another address; where it differs, the next connection is made at once.
    func move(to address: String) {
        guard address != self.address else { return }
        self.address = address
        reconnect("the peer's address has changed", farewell: nil)
    }

    /// Makes another connection at once in place of one on which this node has said what is no longer so.
    func renew(_ reason: String, farewell: Refusal) {
        switch state {
        case .established, .shakingHands: reconnect(reason, farewell: farewell)
        case .idle, .waiting, .connecting, .closed: break
        }
    }

    /// The connection that has passed its handshake, if there is one.
    var established: Connection? { if case .established(let connection, _, _) = state { connection } else { nil } }

    /// Gives everything up.
    func close(_ reason: String) {
        let before = queue.dropped
        queue.clear()
        noteDropped(since: before)
        let state = self.state
        self.state = .closed
        abandon(state, reason, farewell: nil)
    }

    private func reconnect(_ reason: String, farewell: Refusal?) {
        let state = self.state
        if case .closed = state { return }
        self.state = .idle
        abandon(state, reason, farewell: farewell)
        connectIfWanted()
    }

    /// Ends what a state holds. The state is another one already.
    private func abandon(_ state: State, _ reason: String, farewell: Refusal?) {
        switch state {
        case .idle, .closed:
            break
        case .waiting(let task):
            task.cancel()
        case .connecting(let attempt):
            attempt.isCancelled = true
            for channel in attempt.channels { channel.close(promise: nil) }
        case .shakingHands(let connection):
            connection.end(.closed(reason), farewell: farewell)
        case .established(let connection, let peer, _):
            queue.disconnected()
            transport.lost(peer, .outbound, .closed(reason))
            connection.end(.closed(reason), farewell: farewell)
        }
    }

    // MARK: Connecting

    private func connect() {
        let attempt = Attempt()
        state = .connecting(attempt)
        attemptedAt = .now()
        guard let target = HostAndPort(address) else {
            return attemptFailed(attempt, "the address is not of the form host:port")
        }
        let bound = NIOLoopBound((self, attempt), eventLoop: transport.eventLoop)
        let bootstrap = transport.options(ClientBootstrap(group: transport.eventLoop))
            .resolver(transport.resolver)
            .connectTimeout(transport.settings.connectTimeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let (link, attempt) = bound.value
                    guard !attempt.isCancelled else { throw ChannelError.operationUnsupported }
                    attempt.channels.append(channel)
                    link.transport.track(channel)
                }
            }
        let future: EventLoopFuture<any Channel>
        if let numeric = try? SocketAddress(ipAddress: target.host, port: target.port) {
            future = bootstrap.connect(to: numeric)
        } else {
            // Looked up anew each time.
            future = bootstrap.connect(host: target.host, port: target.port)
        }
        transport.beginWork()
        future.assumeIsolated().whenComplete { result in
            defer { self.transport.endWork() }
            guard case .connecting(let current) = self.state, current === attempt else {
                if case .success(let channel) = result { channel.close(promise: nil) }
                return
            }
            switch result {
            case .success(let channel): self.shakeHands(channel, attempt)
            case .failure(let error): self.attemptFailed(attempt, PeerTransport.text(ofConnecting: error))
            }
        }
    }

    private func shakeHands(_ channel: any Channel, _ attempt: Attempt) {
        let connection = Connection(
            handshake: Handshake(own: transport.hello(lane), side: .dialer(expecting: name)),
            isTLS: transport.tls != nil,
            settings: transport.settings,
            authorize: transport.authorize,
            owner: self
        )
        // Before the handlers: what they do may already end the connection.
        state = .shakingHands(connection)
        isPeerGone = false
        do {
            let pipeline = channel.pipeline.syncOperations
            if let tls = transport.tls {
                try pipeline.addHandler(NIOSSLClientHandler(context: tls.client, serverHostname: nil))
            }
            try pipeline.addHandler(connection)
        } catch {
            channel.close(promise: nil)
            connection.end(.failed("the connection closed at once"))
        }
    }

    private func attemptFailed(_ attempt: Attempt, _ reason: String) {
        guard case .connecting(let current) = state, current === attempt else { return }
        transport.report(
            "cannot reach a peer",
            .peer(name),
            kind: "unreachable",
            ["address": "\(address)", "reason": "\(reason)"]
        )
        isPeerGone = true
        backOff.failed()
        wait()
    }

    private func wait() {
        state = .idle
        guard transport.isRunning else { return }
        // Also where nothing waits: what is sent next must not dial at once who has just gone.
        let widest = isPeerGone ? UInt64(max(0, transport.settings.unreachableMaximum.nanoseconds)) : .max
        let delay = backOff.delay(within: widest, using: &transport.generator)
        wait(until: .now() + .nanoseconds(Int64(clamping: delay)))
    }

    private func wait(until deadline: NIODeadline) {
        let task = transport.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self, case .waiting = self.state else { return }
            self.state = .idle
            self.connectIfWanted()
        }
        state = .waiting(task)
    }

    // MARK: The connection

    func connection(_ connection: Connection, established peer: PeerIdentity) {
        guard case .shakingHands(let current) = state, current === connection else { return }
        state = .established(connection, peer, since: .now())
        if wasEstablished { transport.counters.count(name) { $0.reconnects += 1 } }
        wasEstablished = true
        queue.connected()
        transport.found(peer, .outbound)
        scheduleFlush()
    }

    func connection(_ connection: Connection, received payload: [UInt8]) {
        preconditionFailure("the handshake delivers nothing to who dialled")
    }

    func connectionBecameWritable(_ connection: Connection) {
        flush()
    }

    func connection(_ connection: Connection, ended end: ConnectionEnd) {
        switch state {
        case .shakingHands(let current) where current === connection:
            transport.counters.count(name) { $0.handshakeFailures += 1 }
            transport.handshakeFailed(.peer(name), .outbound, end)
            backOff.failed()
            wait()
        case .established(let current, let peer, let since) where current === connection:
            queue.disconnected()
            backOff.ended(lived: UInt64(max(0, (NIODeadline.now() - since).nanoseconds)))
            isPeerGone = end.isWordless
            wait()
            transport.lost(peer, .outbound, end)
        default:
            // This side has given it up.
            break
        }
    }

    // MARK: Sending

    private func scheduleFlush() {
        guard !isFlushScheduled, !queue.isEmpty else { return }
        isFlushScheduled = true
        transport.eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            self.flush()
        }
    }

    private func flush() {
        guard case .established(let connection, _, _) = state else { return }
        var turn = 0
        while !queue.isEmpty, connection.isWritable {
            guard turn < Self.turnBytes else { return scheduleFlush() }
            var buffer = ByteBuffer()
            let payloads = queue.take(into: &buffer, bytes: Self.batchBytes)
            turn += buffer.readableBytes
            let bytes = UInt64(buffer.readableBytes)
            transport.counters.count(name) {
                $0.payloadsSent += UInt64(payloads)
                $0.bytesSent += bytes
            }
            connection.send(buffer)
            lastUse = .now()
        }
    }

    private func noteDropped(since before: UInt64) {
        let dropped = queue.dropped - before
        if dropped > 0 { transport.counters.count(name) { $0.payloadsDropped += dropped } }
    }
}
