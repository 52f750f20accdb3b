import Wire

// What connections to other nodes say, beside their messages.
extension Node {
    /// Another node belongs to a cluster, as its connection says. It ends a founding here: see
    /// ``Founding/clusterHeard(_:members:)``.
    public func clusterHeard(_ cluster: ClusterID) {
        guard stopped == nil else { return }
        founding?.clusterHeard(cluster, members: [])
    }
}
