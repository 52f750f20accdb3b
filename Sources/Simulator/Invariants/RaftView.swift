import Raft
import Wire

/// What the invariants look at in a replica after each of its steps: ``Raft`` itself, or what a test makes up.
///
/// A view is only borrowed for the time of a call, so that the core's storage is never copied.
public protocol RaftView {
    var id: ReplicaID { get }
    var role: Role { get }
    var term: Term { get }
    var vote: ReplicaID? { get }
    var commitIndex: LogIndex { get }
    var appliedIndex: LogIndex { get }
    var lastPosition: LogPosition { get }
    var firstIndex: LogIndex { get }
    var snapshot: SnapshotDescription { get }
    var configuration: Configuration { get }
    var progress: [(id: ReplicaID, progress: Progress)] { get }
    func entry(at index: LogIndex) -> Entry?
    func term(at index: LogIndex) -> Term?
}

extension Raft: RaftView {}
