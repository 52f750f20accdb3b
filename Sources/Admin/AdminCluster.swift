import Cluster
import Settings

/// What the admin interface tells and changes of a cluster.
public struct AdminCluster: Sendable {
    /// This node's part in it.
    public var cluster: Cluster
    /// Of the program.
    public var version: String
    /// The configuration that holds; asked on any thread.
    public var configuration: @Sendable () -> Configuration

    /// A value of these fields.
    public init(cluster: Cluster, version: String, configuration: @escaping @Sendable () -> Configuration) {
        self.cluster = cluster
        self.version = version
        self.configuration = configuration
    }
}
