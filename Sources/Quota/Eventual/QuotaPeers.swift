import Wire

/// The port by which a node's quota side talks with the other gateways: directly, and not through the log.
///
/// Confined to the loop that made it. Whatever is sent may be lost, and nothing waits: the exchange repeats itself.
public protocol QuotaPeers: AnyObject {
    /// This node's replica.
    var replica: ReplicaID { get }

    /// Sends bytes to a peer that was told of as connected; what cannot be sent is dropped.
    func send(_ bytes: [UInt8], to peer: ReplicaID)

    /// Runs on the loop for what happens. What stands when it is set is told soon after.
    var onEvent: ((QuotaPeerEvent) -> Void)? { get set }

    /// Has the operator told of a member that is told of nothing, since there are too many.
    func reportUntold(_ peer: ReplicaID)

    /// Has the operator told of a message that cannot be read, once in a while.
    func reportUnreadable(_ error: String, from peer: ReplicaID)
}

/// What happens with the peers of a node's quota side.
public enum QuotaPeerEvent: Hashable, Sendable {
    /// There is a way to a member that understands what is sent.
    case connected(ReplicaID)
    /// There is none any more.
    case disconnected(ReplicaID)
    /// It is no member any more.
    case removed(ReplicaID)
    /// A member has sent this. The transport made sure of the member, and of nothing else.
    case received([UInt8], from: ReplicaID)
}
