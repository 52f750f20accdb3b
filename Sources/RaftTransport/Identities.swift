import Wire

/// Who this node says that it is.
public struct NodeIdentity: Hashable, Sendable {
    /// The node's name, as in its certificate. 1 to ``Hello/nameBytesMax`` bytes of UTF-8 without control characters.
    public var name: String
    /// The replica on its disk.
    public var replica: ReplicaID
    /// The cluster that it belongs to; nil for a node that is founding one.
    public var cluster: ClusterID?
    /// For a node that takes itself for a member: the log index up to which it knows who is one. Nil for a node that
    /// founds, waits to be admitted, or knows that it was removed. The later one of two nodes knows better.
    /// ``undecided`` for a member by an entry that it does not know to be decided.
    public var membership: UInt64?

    /// Later than every index: nobody knows better whether such a node is to be a member. Until it knows, it is none.
    public static let undecided = UInt64.max

    /// Whether it takes itself for a member.
    var isMember: Bool { membership.map { $0 != Self.undecided } ?? false }

    /// Where it says that it is reached, `host:port`; empty where it does not say. At most ``Hello/nameBytesMax`` bytes of
    /// UTF-8 without control characters. Who has never heard of it can answer it by this.
    public var address: String

    /// A value of these fields.
    public init(
        name: String,
        replica: ReplicaID,
        cluster: ClusterID?,
        membership: UInt64? = nil,
        address: String = ""
    ) {
        self.name = name
        self.replica = replica
        self.cluster = cluster
        self.membership = membership
        self.address = address
    }

    /// Whether a connection on which one was said may go on when the other is so: who is a member is one in both, and only
    /// the index differs.
    func saysTheSame(as other: NodeIdentity) -> Bool {
        name == other.name && replica == other.replica && cluster == other.cluster && address == other.address
            && isMember == other.isMember
    }
}

/// Who the other end of a connection is. Its name is proven by its certificate where there is TLS; the rest is what it says.
public struct PeerIdentity: Hashable, Sendable {
    /// The node's name.
    public var name: String
    /// The replica on its disk.
    public var replica: ReplicaID
    /// The cluster that it belongs to; nil for a node that is founding one.
    public var cluster: ClusterID?
    /// As in ``NodeIdentity/membership``, at the time of the handshake.
    public var membership: UInt64?
    /// Whether it takes itself for a member.
    public var isMember: Bool { membership.map { $0 != NodeIdentity.undecided } ?? false }
    /// As in ``NodeIdentity/address``.
    public var address: String
    /// What the connection carries.
    public var lane: Lane

    /// A value of these fields.
    public init(
        name: String,
        replica: ReplicaID,
        cluster: ClusterID?,
        membership: UInt64? = nil,
        address: String = "",
        lane: Lane
    ) {
        self.name = name
        self.replica = replica
        self.cluster = cluster
        self.membership = membership
        self.address = address
        self.lane = lane
    }

    /// The same without the connection.
    var identity: NodeIdentity {
        NodeIdentity(name: name, replica: replica, cluster: cluster, membership: membership, address: address)
    }
}
