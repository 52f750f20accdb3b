import Wire

/// Whose files these are. In the head of every segment and of every snapshot, so that a file of another node, or of the
/// node that this one was before its disk was lost, is never taken for one of its own.
public struct StorageIdentity: Hashable, Sendable {
    /// Bytes of a node's name, as UTF-8.
    public static let nodeBytesMax = 255

    /// The cluster, agreed on at genesis.
    public var cluster: ClusterID
    /// The node's name, as in its certificate. At most ``nodeBytesMax`` bytes of UTF-8.
    public var node: String
    /// The replica that the node is while it has this disk.
    public var replica: ReplicaID

    /// A value of these fields.
    public init(cluster: ClusterID, node: String, replica: ReplicaID) {
        self.cluster = cluster
        self.node = node
        self.replica = replica
    }
}
