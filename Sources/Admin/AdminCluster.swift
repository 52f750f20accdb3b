import Cluster

/// What the admin interface tells and changes of a cluster.
public struct AdminCluster: Sendable {
    /// This node's part in it.
    public var cluster: Cluster
    /// Of the program.
    public var version: String
    /// Of the configuration that holds; asked on any thread.
    public var configurationHash: @Sendable () -> String

    /// A value of these fields.
    public init(cluster: Cluster, version: String, configurationHash: @escaping @Sendable () -> String) {
        self.cluster = cluster
        self.version = version
        self.configurationHash = configurationHash
    }
}
