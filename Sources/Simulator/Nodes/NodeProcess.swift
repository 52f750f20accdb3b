import Ledger
import Raft
import RaftStorage
import Replica
import Wire

/// A process on a simulated machine: a node and its storage, whichever release it is of.
protocol NodeProcess: AnyObject {
    /// How it stands after its last step.
    var standing: NodeStanding { get }
    /// Nil for a node without a state.
    var ledger: Ledger? { get }
    var tallied: UInt64 { get }
    var nextWake: BootTime { get }
    /// Nothing is being written, and nothing waits to be.
    var isStorageIdle: Bool { get }
    /// How it stands, in a line.
    var summary: String { get }

    func advance(to now: BootTime, wall: WallTime)
    func receive(_ message: NodeMessage)
    func submit(_ command: LedgerCommand, request: RequestID)
    /// A command of the later release. False: this one knows none.
    func submitTally(_ amount: UInt64, request: RequestID) -> Bool
    func read(request: RequestID)
    func change(_ change: ConfigurationChange, request: RequestID)
    func transferLeadership(to target: ReplicaID)
    func compact()
    /// Buckets that refused somebody while units of them were out in slices, since the last call.
    func takeRecalls() -> [SliceRecall]

    /// What it wants done, in order. Storage requests wait within. Ends a step.
    func takeOutputs() -> [NodeOutput]
    /// Tells the invariants that it started, or did a step.
    func tellStep(_ invariants: inout Invariants) throws(InvariantViolation)
    /// Hands all that waits to the disk, and tells the invariants what became of it.
    func write(_ invariants: inout Invariants) -> WriteOutcome
    /// Hears what became of what was written.
    func completeWrites()
}

/// How a process stands.
struct NodeStanding: Hashable {
    /// The replica that it is; nil until its founding record is there.
    var replica: ReplicaID?
    /// Whether it is a replica of a cluster, admitted or not.
    var isReplica = false
    var role = Role.follower
    var term = Term.zero
    var commit = LogIndex.zero
    var applied = LogIndex.zero
    var last = LogIndex.zero
    /// Empty for one that waits to be admitted, or is not a replica yet.
    var configuration = Configuration.empty
    /// Replicated time as the replica estimates it.
    var time: LedgerTime?
}

/// What a process wants done, but for storage requests.
enum NodeOutput {
    case send(NodeMessage, to: NodeDestination)
    case answer(RequestID, Result<NodeAnswer, ReplicaFailure>)
    case alarm(NodeAlarm)
    case stop(StopReason)
    case applied(Application)
    case restored(LogIndex, LedgerDigest)
    case joined(ClusterID, ReplicaID)
}

/// What a request came to.
enum NodeAnswer {
    case applied([CommandResult])
    case readable(LogIndex)
    case changed(Configuration)
}

/// What a group of writes came to, for the trace.
struct WriteOutcome {
    var requests = 0
    var persistedThrough: UInt64 = 0
    var isFull = false
    /// Why the disk failed.
    var failure: String?
}
