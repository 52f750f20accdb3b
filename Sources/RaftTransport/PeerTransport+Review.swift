import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Connections that have passed their handshake: who is on them, and whether they may go on.
extension PeerTransport {
    /// Asks the owner's ``Authorize`` about every connected peer again: what it has authorized may be so no more. Who is
    /// refused now is told why, and its connection ends.
    public func reauthorize() {
        eventLoop.preconditionInEventLoop()
        guard !isOver else { return }
        ownerCall { for (connection, _) in established { connection.authorizeAgain() } }
    }

    /// A certificate that has expired ends the connection that was made with it. With another one the peer gets a new one.
    func endExpired() {
        let now = wallSeconds()
        for (connection, _) in established { connection.endIfExpired(nowSeconds: now) }
    }

    /// How the connections stand, for status and metrics.
    public var report: TransportReport {
        eventLoop.preconditionInEventLoop()
        let connections = established.compactMap { connection, direction in
            connection.peer.map {
                TransportReport.Connection(
                    peer: $0,
                    direction: direction,
                    version: connection.version,
                    certificateNotAfterSeconds: connection.peerNotAfterSeconds
                )
            }
        }
        return TransportReport(
            connections: connections.sorted { ($0.peer.name, $0.place) < ($1.peer.name, $1.place) },
            counters: counters,
            certificateNotAfterSeconds: tls?.notAfterSeconds
        )
    }

    private var established: [(Connection, Direction)] {
        let inbound = accepted.values.filter { $0.peer != nil }.map { ($0, Direction.inbound) }
        return links.values.compactMap { $0.established.map { ($0, Direction.outbound) } } + inbound
    }

    /// The system's time of day, in seconds since 1970. Any thread.
    public static func systemWallSeconds() -> Int64 { Int64(time(nil)) }
}

/// How a transport's connections stand, at one moment.
public struct TransportReport: Hashable, Sendable {
    /// A connection that has passed its handshake.
    public struct Connection: Hashable, Sendable {
        /// Who is at the other end.
        public var peer: PeerIdentity
        /// Who dialled.
        public var direction: Direction
        /// The version of the protocol between nodes that is spoken on it.
        public var version: UInt16
        /// When the peer's certificate expires, in seconds since 1970; nil without TLS.
        public var certificateNotAfterSeconds: Int64?

        fileprivate var place: UInt8 { peer.lane.rawValue * 2 + (direction == .inbound ? 0 : 1) }
    }

    /// Sorted by the peer's name.
    public var connections: [Connection]
    /// What has happened since the start.
    public var counters: TransportCounters
    /// When this node's own certificate expires, in seconds since 1970; nil without TLS.
    public var certificateNotAfterSeconds: Int64?
}
