/// What happened with one peer, since the transport was started. Counts only grow.
public struct PeerCounters: Hashable, Sendable {
    /// Bytes of frames handed to connections to it.
    public var bytesSent: UInt64 = 0
    /// Bytes of payloads' frames that came from it.
    public var bytesReceived: UInt64 = 0
    /// Payloads handed to connections to it. They may yet be lost.
    public var payloadsSent: UInt64 = 0
    /// Payloads that came from it.
    public var payloadsReceived: UInt64 = 0
    /// Payloads for it that were dropped: no room, no connection, too long.
    public var payloadsDropped: UInt64 = 0
    /// Connections to it that were made after one had ended.
    public var reconnects: UInt64 = 0
    /// Attempts that reached something and passed no handshake.
    public var handshakeFailures: UInt64 = 0

    /// Nothing has happened.
    public init() {}
}

/// What happened with all peers.
public struct TransportCounters: Hashable, Sendable {
    /// Most peers that are counted each by itself. Names come from the owner, and from peers that it has let in.
    static let peersMax = 256

    /// By the peer's name.
    public internal(set) var peers: [String: PeerCounters] = [:]
    /// Inbound connections that passed no handshake, and what belongs to peers beyond the first 256.
    public internal(set) var others = PeerCounters()
    /// Connections that this node refused, for what the peer is or says.
    public internal(set) var refused: UInt64 = 0
    /// Connections on which a peer refused this node.
    public internal(set) var refusedByPeers: UInt64 = 0

    mutating func count(_ peer: String, _ change: (inout PeerCounters) -> Void) {
        if peers[peer] != nil || peers.count < Self.peersMax {
            change(&peers[peer, default: PeerCounters()])
        } else {
            change(&others)
        }
    }
}
