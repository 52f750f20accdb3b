import Logging
import NIOCore
import NIOPosix
import TestSupport
import Wire

@testable import RaftTransport

/// A transport on a loop of its own, and what its owner learned.
final class TestNode: Sendable {
    let name: String
    let loop: any EventLoop
    let events = Journal<TransportEvent>()
    let lines = Journal<String>()
    let port: Int
    private let transport: NIOLoopBound<PeerTransport>

    var peer: PeerAddress { PeerAddress(name: name, address: "127.0.0.1:\(port)") }

    /// Starts a node on loopback. The replica's id is made of the name.
    /// - Parameter port: where it listens; nil for a free one, which stays its own when it is stopped.
    init(
        _ name: String,
        cluster: UInt64? = 1,
        host: String = "127.0.0.1",
        port: Int? = nil,
        tls: TransportTLS? = nil,
        settings: TransportSettings = .patient,
        authorize: @escaping @Sendable (Hello, Direction) -> String? = { _, _ in nil },
        reacting react: @escaping @Sendable (PeerTransport, TransportEvent) -> Void = { _, _ in },
        resolver: @escaping @Sendable (any EventLoop) -> (any Resolver & Sendable)? = { _ in nil },
        wallSeconds: @escaping @Sendable () -> Int64 = { PeerTransport.systemWallSeconds() }
    ) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let (events, lines) = (events, lines)
        let port = if let port { port } else { try LoopbackPorts.port() }
        let bound = try await loop.submit {
            let holder = Holder()
            let transport = PeerTransport(
                eventLoop: loop,
                identity: Self.identity(name, cluster: cluster),
                listen: "\(host):\(port)",
                tls: tls,
                settings: settings,
                resolver: resolver(loop),
                wallSeconds: wallSeconds,
                logger: Logger(label: name) { _ in LineRecorder(lines: lines) },
                authorize: authorize,
                events: { event in
                    events.append(event)
                    if let transport = holder.transport { react(transport, event) }
                }
            )
            holder.transport = transport
            return NIOLoopBound(transport, eventLoop: loop)
        }.get()
        _ = try await loop.flatSubmit { bound.value.start() }.get()
        self.name = name
        self.loop = loop
        transport = bound
        self.port = port
    }

    private final class Holder {
        weak var transport: PeerTransport?
    }

    static func identity(_ name: String, cluster: UInt64?) -> NodeIdentity {
        NodeIdentity(
            name: name,
            replica: ReplicaID(high: 7, low: UInt64(name.utf8.first ?? 0)),
            cluster: cluster.map { ClusterID(high: 0, low: $0) }
        )
    }

    /// Runs on the transport's loop.
    @discardableResult
    func on<Result: Sendable>(_ body: @escaping @Sendable (PeerTransport) -> Result) async throws -> Result {
        let transport = transport
        return try await loop.submit { body(transport.value) }.get()
    }

    func update(peers: [PeerAddress]) async throws { try await on { $0.update(peers: peers) } }

    func send(_ text: String, to peer: PeerAddress, _ lane: Lane = .messages) async throws {
        try await on { $0.send(Array(text.utf8), to: peer, lane: lane) }
    }

    func stop() async throws {
        let transport = transport
        try await loop.flatSubmit { transport.value.shutdown() }.get()
    }

    func counters(_ peer: String) async throws -> PeerCounters {
        try await on { $0.counters.peers[peer] ?? PeerCounters() }
    }

    // MARK: What happened

    /// Waits until the peer is connected so many times in all.
    func connected(_ peer: String, _ direction: Direction = .outbound, _ lane: Lane = .messages, times: Int = 1)
        async throws
    {
        try await events.wait(for: "\(name) connected \(peer) \(direction) \(lane)") { events in
            events.count { event in
                if case .connected(let found, direction) = event {
                    found.name == peer && found.lane == lane
                } else {
                    false
                }
            } >= times
        }
    }

    /// Waits for a text from a peer.
    @discardableResult
    func received(_ text: String, from peer: String) async throws -> PeerIdentity {
        let bytes = Array(text.utf8)
        let found = try await events.wait(for: "\(name) received \(text)") { events in
            events.contains { if case .received(bytes, let from) = $0 { from.name == peer } else { false } }
        }
        for case .received(bytes, let from) in found where from.name == peer { return from }
        throw Journal<String>.TimedOut(description: "cannot be")
    }

    /// Waits for a refusal, and returns it with the peer's name.
    func refused(_ direction: Direction, byPeer: Bool) async throws -> (peer: String, refusal: Refusal) {
        func matches(_ event: TransportEvent) -> (String, Refusal)? {
            if case .refused(let peer, direction, let refusal, byPeer, _) = event { (peer, refusal) } else { nil }
        }
        let found = try await events.wait(for: "\(name) refused") {
            $0.contains { event in
                if case .refused(_, direction, _, byPeer, _) = event { true } else { false }
            }
        }
        return found.lazy.compactMap(matches).first!
    }

    /// Waits for a line of the log that contains this.
    func logged(_ text: String) async throws {
        try await lines.wait(for: "\(name) logged \(text)") { $0.contains { $0.contains(text) } }
    }

    func lineCount(_ text: String) -> Int { lines.elements.count { $0.contains(text) } }
}

/// Keeps lines.
private struct LineRecorder: LogHandler {
    let lines: Journal<String>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        lines.append("\(event.level) \(event.message) \(fields.joined(separator: " "))")
    }
}

extension TransportSettings {
    /// The defaults, except that nobody is cut off for being slow: the tests share few cores with each other.
    static var patient: TransportSettings {
        var settings = TransportSettings()
        settings.handshakeTimeout = .minutes(5)
        return settings
    }
}
