/// What a connection carries. Each lane to a peer is a connection of its own, so that what is short and urgent never
/// waits behind what is long.
public enum Lane: UInt8, Hashable, Sendable, CaseIterable {
    /// Raft's and the founding's messages, heartbeats among them.
    case messages = 1
    /// Parts of snapshots. Connected when first used.
    case snapshots = 2
    /// What gateways tell each other of quotas. Connected when first used, and only with a peer that speaks the version of the
    /// protocol from which on there is this lane.
    case quotas = 3

    /// The version of the protocol from which on there is this lane.
    var leastVersion: UInt16 {
        switch self {
        case .messages, .snapshots: 1
        case .quotas: 2
        }
    }
}

/// Who opened a connection.
public enum Direction: Hashable, Sendable {
    /// The peer: it sends, and this node receives.
    case inbound
    /// This node: it sends, and the peer receives.
    case outbound
}
