import Logging
import NIOCore
import NIOPosix

/// The connections between this node and its peers.
///
/// A node dials each peer for what it sends, one connection a lane, and accepts connections for what it receives; so two
/// that dial each other at once do not get in each other's way. Whatever is sent may be lost, and is never repeated here:
/// Raft does that.
///
/// Confined to the event loop that it is given: every call is made there, and events come there. Events that a call itself
/// brings about come after it has returned, in the order in which they happened. Between ``start()`` and ``shutdown()`` it
/// keeps itself alive.
public final class PeerTransport {
    /// The loop of all its connections.
    public let eventLoop: any EventLoop
    /// Bounds and times.
    public let settings: TransportSettings
    /// What has happened so far, for metrics.
    public internal(set) var counters = TransportCounters()
    /// Who this node says that it is.
    public internal(set) var identity: NodeIdentity

    let authorize: Authorize
    var generator: any RandomNumberGenerator
    var tls: TransportTLS?
    /// Looks names up; nil for the system's resolver.
    let resolver: (any Resolver & Sendable)?
    let wallSeconds: () -> Int64
    private let listenAddress: String
    let logger: Logger
    private let handler: (TransportEvent) -> Void
    private var state = State.created
    private var peers: [PeerAddress] = []
    private(set) var links: [LinkKey: Link] = [:]
    private var serverChannel: (any Channel)?
    /// Channels that are not closed, and attempts that are not over.
    private var openWork = 0
    var reports: ReportLimiter
    private var sweep: Scheduled<Void>?
    private var pendingEvents: [TransportEvent] = []
    private var ownerCalls = 0
    private var isTelling = false
    /// Connections of peers that dialled this node.
    var accepted: [ObjectIdentifier: Connection] = [:]
    /// Which of them have passed their handshake.
    var acceptedPeers: [ObjectIdentifier: PeerIdentity] = [:]
    var acceptedAddresses: [ObjectIdentifier: String] = [:]
    var acceptedTable: AcceptedConnections<ObjectIdentifier>

    /// Legal transitions: created → starting → running → stopping → stopped; created → stopped.
    private enum State {
        case created, starting, running
        case stopping(EventLoopPromise<Void>)
        case stopped
    }

    struct LinkKey: Hashable {
        let name: String
        let lane: Lane
    }

    /// - Parameters:
    ///   - eventLoop: the loop of the replica that it serves.
    ///   - identity: who this node is.
    ///   - listen: `host:port` to listen on; port 0 lets the system choose.
    ///   - tls: what connections are made with; nil for plain TCP, where nobody proves anything.
    ///   - generator: draws the waits before new attempts.
    ///   - resolver: looks names up, anew for each attempt; nil for the system's.
    ///   - wallSeconds: the time of day in seconds since 1970, by which certificates expire.
    ///   - authorize: decides about each peer, after the transport's own checks.
    ///   - events: takes what happens.
    public init(
        eventLoop: any EventLoop,
        identity: NodeIdentity,
        listen: String,
        tls: TransportTLS?,
        settings: TransportSettings = TransportSettings(),
        generator: any RandomNumberGenerator = SystemRandomNumberGenerator(),
        resolver: (any Resolver & Sendable)? = nil,
        wallSeconds: @escaping () -> Int64 = PeerTransport.systemWallSeconds,
        logger: Logger,
        authorize: @escaping Authorize,
        events: @escaping (TransportEvent) -> Void
    ) {
        precondition(Hello.isName(identity.name), "a node's name is 1 to 255 bytes without control characters")
        self.eventLoop = eventLoop
        self.identity = identity
        listenAddress = listen
        self.tls = tls
        self.settings = settings
        self.generator = generator
        self.resolver = resolver
        self.wallSeconds = wallSeconds
        self.logger = logger
        self.authorize = authorize
        handler = events
        reports = ReportLimiter()
        acceptedTable = AcceptedConnections(
            connectionsMax: settings.acceptedMax,
            unfinishedMax: settings.unfinishedMax
        )
    }

    // MARK: Life cycle

    /// Whether links may be made.
    var isRunning: Bool { if case .running = state { true } else { false } }

    /// Listens, and then dials the peers. Once.
    /// - Returns: the address that it listens on; or a ``TransportError``, after which it can only be shut down.
    public func start() -> EventLoopFuture<SocketAddress> {
        eventLoop.preconditionInEventLoop()
        guard case .created = state else { preconditionFailure("a transport is started once") }
        state = .starting
        let address = listenAddress
        guard let target = HostAndPort(address) else {
            return eventLoop.makeFailedFuture(
                TransportError(address: address, reason: "the address is not of the form host:port")
            )
        }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        beginWork()
        let bootstrap = ServerBootstrap(group: eventLoop, childGroup: eventLoop)
            .serverChannelOption(.backlog, value: 64)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try bound.value.accept(channel) }
            }
        return childOptions(bootstrap).bind(host: target.host, port: target.port).flatMapThrowing { channel in
            try bound.value.listening(channel)
        }.flatMapErrorThrowing { error in
            throw error is TransportError
                ? error : TransportError(address: address, reason: PeerTransport.text(ofListening: error))
        }.always { _ in
            bound.value.endWork()
        }
    }

    private func listening(_ channel: any Channel) throws -> SocketAddress {
        track(channel)
        guard case .starting = state, let local = channel.localAddress else {
            channel.close(promise: nil)
            throw TransportError(address: listenAddress, reason: "it was shut down meanwhile")
        }
        serverChannel = channel
        state = .running
        let place = "\(local.ipAddress ?? ""):\(local.port ?? 0)"
        logger.info("listening for peers", metadata: ["address": "\(place)", "tls": "\(tls != nil)"])
        scheduleSweep()
        for link in links.values { link.connectIfWanted() }
        return local
    }

    /// Closes everything. May be called again; whatever is called after it does nothing.
    /// - Returns: completes when every channel is closed: within a second or so, or the connect timeout where a name is being
    ///   looked up.
    public func shutdown() -> EventLoopFuture<Void> {
        eventLoop.preconditionInEventLoop()
        switch state {
        case .stopping(let promise): return promise.futureResult
        case .stopped: return eventLoop.makeSucceededVoidFuture()
        case .created, .starting, .running: break
        }
        let promise = eventLoop.makePromise(of: Void.self)
        state = .stopping(promise)
        ownerCall {
            sweep?.cancel()
            sweep = nil
            serverChannel?.close(promise: nil)
            serverChannel = nil
            for link in links.values { link.close("this node shuts down") }
            links = [:]
            for connection in Array(accepted.values) { connection.end(.closed("this node shuts down")) }
        }
        stopIfClosed()
        return promise.futureResult
    }

    /// Has ``shutdown()`` wait until a channel is closed.
    func track(_ channel: any Channel) {
        beginWork()
        channel.closeFuture.assumeIsolated().whenComplete { _ in self.endWork() }
    }

    /// Has ``shutdown()`` wait until as many calls of ``endWork()``.
    func beginWork() { openWork += 1 }

    func endWork() {
        openWork -= 1
        stopIfClosed()
    }

    private func stopIfClosed() {
        guard case .stopping(let promise) = state, openWork == 0 else { return }
        state = .stopped
        // After what has been told of the last ones.
        eventLoop.assumeIsolated().execute {
            self.tellPending()
            promise.succeed()
        }
    }

    // MARK: What the owner wants

    /// Takes the list of peers: links for messages to them are made and kept. This node itself may be in it. A link to a node
    /// that is no longer in it is closed when nothing has been sent on it for ``TransportSettings/idleTimeout``.
    public func update(peers: [PeerAddress]) {
        eventLoop.preconditionInEventLoop()
        guard !isOver else { return }
        ownerCall {
            self.peers = peers.filter { $0.name != identity.name }
            for link in links.values {
                let peer = self.peers.first { $0.name == link.name }
                link.isListed = peer != nil
                if let peer { link.move(to: peer.address) }
            }
            for peer in self.peers { link(to: peer, .messages)?.connectIfWanted() }
        }
    }

    /// Sends a payload, which may be lost. Never blocks, never fails: what finds no room is dropped and counted.
    /// - Parameter peer: whom to. The address counts only for a node outside of the list of peers.
    public func send(_ payload: [UInt8], to peer: PeerAddress, lane: Lane) {
        eventLoop.preconditionInEventLoop()
        guard !isOver else { return }
        guard payload.count + Frame.headBytes <= settings.frameBytesMax else {
            counters.count(peer.name) { $0.payloadsDropped += 1 }
            return report(
                "a payload is longer than a frame may be, and was dropped",
                .peer(peer.name),
                kind: "too long",
                ["bytes": "\(payload.count)", "frame_bytes_max": "\(settings.frameBytesMax)"]
            )
        }
        guard peer.name != identity.name, speaks(lane, to: peer.name), let link = link(to: peer, lane) else {
            return counters.count(peer.name) { $0.payloadsDropped += 1 }
        }
        ownerCall {
            if !link.isListed { link.move(to: peer.address) }
            link.send(payload)
        }
    }

    /// Whether a peer knows a lane, as far as it has said: of a lane that not every release has, on the connection for messages.
    func speaks(_ lane: Lane, to name: String) -> Bool {
        guard lane.leastVersion > settings.versions.lowerBound else { return true }
        let connection = links[LinkKey(name: name, lane: .messages)]?.established
        return connection.map { $0.version >= lane.leastVersion } ?? false
    }

    /// Whom payloads of a lane can be sent to now: who is at the other end of the connections for messages, and knows it.
    public func peers(speaking lane: Lane) -> [PeerIdentity] {
        eventLoop.preconditionInEventLoop()
        return links.values.compactMap { link in
            guard link.lane == .messages, let connection = link.established, connection.version >= lane.leastVersion
            else { return nil }
            return connection.peer
        }
    }

    var isOver: Bool {
        switch state {
        case .stopping, .stopped: true
        case .created, .starting, .running: false
        }
    }

    // MARK: Links

    /// What this node says on a connection of a lane.
    func hello(_ lane: Lane) -> Hello { Hello(versions: settings.versions, lane: lane, identity: identity) }

    /// The link to a peer; nil where there are too many to strangers.
    private func link(to peer: PeerAddress, _ lane: Lane) -> Link? {
        let key = LinkKey(name: peer.name, lane: lane)
        if let link = links[key] { return link }
        let listed = peers.first { $0.name == peer.name }
        if listed == nil, links.values.count(where: { !$0.isListed }) >= settings.strangerLinksMax { return nil }
        let link = Link(listed ?? peer, lane: lane, isListed: listed != nil, transport: self)
        links[key] = link
        return link
    }

    private func scheduleSweep() {
        let interval = TimeAmount.nanoseconds(max(1_000_000, settings.idleTimeout.nanoseconds / 4))
        sweep = eventLoop.assumeIsolated().scheduleTask(in: interval) { [weak self] in
            guard let self, self.isRunning else { return }
            let now = NIODeadline.now()
            for (key, link) in self.links where link.mayIdleOut && now - link.lastUse >= self.settings.idleTimeout {
                self.links[key] = nil
                link.close("nothing was sent for long")
            }
            self.endExpired()
            self.scheduleSweep()
        }
    }

    // MARK: Telling

    /// Runs what the owner has called, and tells it afterwards what came of it.
    func ownerCall(_ body: () -> Void) {
        ownerCalls += 1
        body()
        ownerCalls -= 1
        guard !pendingEvents.isEmpty else { return }
        eventLoop.assumeIsolated().execute { self.tellPending() }
    }

    func tell(_ event: TransportEvent) {
        guard ownerCalls == 0, !isTelling, pendingEvents.isEmpty else {
            pendingEvents.append(event)
            if ownerCalls == 0 { tellPending() }
            return
        }
        isTelling = true
        handler(event)
        isTelling = false
        // What the owner did about it.
        tellPending()
    }

    private func tellPending() {
        guard !isTelling, !pendingEvents.isEmpty else { return }
        isTelling = true
        defer { isTelling = false }
        // What the owner does about an event may append others.
        while !pendingEvents.isEmpty {
            let events = pendingEvents
            pendingEvents = []
            for event in events { handler(event) }
        }
    }
}
