import Wire

/// Who this node says that it is.
public struct NodeIdentity: Hashable, Sendable {
    /// The node's name, as in its certificate. 1 to ``Hello/nameBytesMax`` bytes of UTF-8 without control characters.
    public var name: String
    /// The replica on its disk.
    public var replica: ReplicaID
    /// The cluster that it belongs to; nil for a node that is founding one.
    public var cluster: ClusterID?

    /// A value of these fields.
    public init(name: String, replica: ReplicaID, cluster: ClusterID?) {
        self.name = name
        self.replica = replica
        self.cluster = cluster
    }
}

/// Who the other end of a connection is. Its name is proven by its certificate where there is TLS; its replica and cluster
/// are what it says.
public struct PeerIdentity: Hashable, Sendable {
    /// The node's name.
    public var name: String
    /// The replica on its disk.
    public var replica: ReplicaID
    /// The cluster that it belongs to; nil for a node that is founding one.
    public var cluster: ClusterID?
    /// What the connection carries.
    public var lane: Lane

    /// A value of these fields.
    public init(name: String, replica: ReplicaID, cluster: ClusterID?, lane: Lane) {
        self.name = name
        self.replica = replica
        self.cluster = cluster
        self.lane = lane
    }
}
