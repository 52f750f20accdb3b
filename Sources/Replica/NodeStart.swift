import Raft
import RaftStorage
import Wire

/// What a node finds on its disk when it starts.
public struct NodeStart<Machine: StateMachine>: Sendable {
    /// The founding record; nil where nothing is.
    public var record: FoundingRecord?
    /// The replica whose log is there; nil where there is none, or a damaged one.
    public var replica: RecoveredReplica<Machine>?
    /// What is wrong with the log, where it cannot be used.
    public var damage: String?
    /// What can still be read of a damaged log says that nobody else has a vote: nobody else could admit this node again.
    public var isAlone = false
}

/// A replica's log as it was found.
public struct RecoveredReplica<Machine: StateMachine>: Sendable {
    /// Whose it is.
    public var identity: StorageIdentity
    /// What the core starts from.
    public var restored: RestoredState
    /// The state of its snapshot; nil for a replica that has nothing yet.
    public var machine: Machine?
    /// The last record of the wall clock.
    public var clock: ClockRecord?
}
