/// What the owner of a transport learns, on the transport's loop.
public enum TransportEvent: Sendable {
    /// A payload has come. Payloads of one connection come in the order in which they were sent, some at the end may be
    /// missing.
    case received([UInt8], from: PeerIdentity)
    /// A connection has passed its handshake.
    case connected(PeerIdentity, Direction)
    /// A connection that had passed its handshake is gone.
    case disconnected(PeerIdentity, Direction, reason: String)
    /// One side does not talk to the other.
    /// - Parameters:
    ///   - peer: the name that was dialled; of an inbound connection the name that it claimed, or its address.
    ///   - byPeer: the peer refused this node, and not this node the peer.
    ///   - claimed: who a peer says that it is which this node refused; nil where it has not come to say so.
    case refused(peer: String, Direction, Refusal, byPeer: Bool, claimed: NodeIdentity?)
}

/// Why a transport could not be started.
public struct TransportError: Error, Hashable, CustomStringConvertible {
    /// The address as it was given.
    public let address: String
    /// Why not, for people.
    public let reason: String

    /// One line for people.
    public var description: String { "cannot listen for peers on \(address): \(reason)" }
}
