/// What a node is told about itself.
public struct NodeConfiguration: Sendable {
    /// The node's name, one of the seeds.
    public var name: String
    /// Who founds the cluster.
    public var seeds: FoundingSeeds
    /// How fast founding goes.
    public var founding: FoundingSettings
    /// How a replica behaves.
    public var replica: ReplicaSettings

    /// A value of these fields.
    public init(name: String, seeds: FoundingSeeds, founding: FoundingSettings, replica: ReplicaSettings) {
        self.name = name
        self.seeds = seeds
        self.founding = founding
        self.replica = replica
    }
}
