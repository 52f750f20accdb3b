import Ledger
import Raft
import Wire

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

/// A node from its start on: it founds a cluster, or waits to be admitted to one, and then is a replica of it.
///
/// Pumped as ``Replica`` is. Use from one thread at a time.
public struct Node<Machine: StateMachine>: Sendable {
    /// The replica, once there is one.
    public private(set) var replica: Replica<Machine>?
    /// Founding, until it is over.
    public private(set) var founding: Founding?

    /// - Parameters:
    ///   - start: what ``NodeStorage`` found on the disk.
    ///   - candidate: what a founder proposes; drawn anew at each start.
    ///   - drawn: a replica id in case one is needed; drawn anew at each start.
    ///   - seed: of elections and waits; differs between nodes and starts.
    /// - Throws: what the operator must put right first.
    public init(
        configuration: NodeConfiguration,
        start: NodeStart<Machine>,
        candidate: FoundingCandidate,
        drawn: ReplicaID,
        now: BootTime,
        wall: WallTime,
        seed: UInt64
    ) throws(FoundingRefusal) {
        fatalError()
    }

    /// Time goes on. Call it before other inputs, and at the latest at ``nextWake``.
    public mutating func advance(to now: BootTime, wall: WallTime) { fatalError() }
    /// When ``advance(to:wall:)`` must be called at the latest.
    public var nextWake: BootTime { fatalError() }
    /// A message came.
    public mutating func receive(_ message: NodeMessage) { fatalError() }
    /// As ``Replica/submit(_:request:)``. Without a replica it is answered at once, by ``ReplicaFailure/noQuorum``.
    public mutating func submit(_ commands: [Machine.Command], request: RequestID) { fatalError() }
    /// As ``Replica/read(request:)``.
    public mutating func read(request: RequestID) { fatalError() }
    /// As ``Replica/change(_:request:)``.
    public mutating func change(_ change: ConfigurationChange, request: RequestID) { fatalError() }
    /// As ``Replica/transferLeadership(to:)``.
    public mutating func transferLeadership(to target: ReplicaID) throws(TransferRefusal) { fatalError() }
    /// As ``Replica/compact()``.
    public mutating func compact() { fatalError() }
    /// The storage did something.
    public mutating func completed(_ completion: NodeStorageCompletion<Machine>) { fatalError() }
    /// What is to be done. Empties it.
    public mutating func takeActions() -> [NodeAction<Machine>] { fatalError() }
}
