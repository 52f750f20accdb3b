import Raft
import RaftStorage
import RaftTransport
import Replica

/// What a node must know to take part in a cluster.
public struct ClusterSettings: Sendable {
    /// Where peers meet this node.
    public struct Peers: Sendable {
        /// `host:port` to listen on; port 0 lets the system choose.
        public var listen: String
        /// What connections are made with; nil for plain TCP, on loopback.
        public var tls: TransportTLS?

        /// A value of these fields.
        public init(listen: String, tls: TransportTLS?) {
            self.listen = listen
            self.tls = tls
        }
    }

    /// This node's name.
    public var name: String
    /// The data folder. Made where it is not there.
    public var directory: String
    /// Who founds the cluster, this node among them.
    public var seeds: FoundingSeeds
    /// Nil for a node that is alone and listens for nobody.
    public var peers: Peers?
    /// Commands of one event loop that may wait for their results: 16,384, what a replica takes of all. Beyond it they are
    /// refused as overloaded.
    public var clientCommandsMax = 16_384
    /// Where peers reach this node, `host:port`: a member that is known by another address says so. Nil: it stays.
    public var advertise: String?
    /// How long a node listens, in nanoseconds, for others that belong to another cluster: before it founds one as its only
    /// seed, where ``founding`` says so; and before it leads as the only member.
    public var listeningPause = Self.listeningPauseDefault
    /// How a replica behaves.
    public var replica = ReplicaSettings()
    /// How fast a cluster is founded.
    public var founding = FoundingSettings()
    /// Sizes of files.
    public var storage = StorageSettings()

    /// Longer than a member takes at most to dial a node again that was away, 2 s: TCP asks again after a second (RFC 6298,
    /// section 2.1), the next attempt comes within half a second
    /// (``RaftTransport/TransportSettings/unreachableMaximum``), and as much is for the handshake.
    public static let listeningPauseDefault: UInt64 =
        1_000_000_000 + UInt64(TransportSettings().unreachableMaximum.nanoseconds) + 500_000_000

    /// A value of these fields, and of defaults.
    public init(name: String, directory: String, seeds: FoundingSeeds, peers: Peers?) {
        self.name = name
        self.directory = directory
        self.seeds = seeds
        self.peers = peers
        replica.promotesLearners = true
    }

    /// Most files that a node has open at one time: the lock, the log, its clock, snapshots that are written, received and
    /// read, and folders that are made durable. There are fewer.
    private static let filesMax = 32

    /// Most file descriptors that a node's part in a cluster takes at one time, beside its event loop's.
    /// - Parameter hasPeers: it listens for peers and dials them. Theirs are counted with as if there were as many members as
    ///   there may be.
    public static func descriptorsMax(hasPeers: Bool) -> Int {
        guard hasPeers else { return filesMax }
        return filesMax + Cluster.transportSettings.descriptorsMax(peers: Configuration.membersMax - 1)
    }

    /// Of a node that is alone.
    public static func alone(name: String, directory: String) throws(FoundingRefusal) -> ClusterSettings {
        let seeds = try FoundingSeeds([FoundingSeed(name: name, address: "localhost:0")])
        return ClusterSettings(name: name, directory: directory, seeds: seeds, peers: nil)
    }
}
