import Ledger
import Raft
import Wire

/// What a node wants done. In order.
public enum NodeAction<Machine: StateMachine>: Sendable {
    /// Give this to the ``NodeStorage``, strictly in order; then call ``Node/completed(_:)`` with what it returns.
    case store(NodeStorageRequest<Machine>)
    /// Send this. It may be lost.
    case send(NodeMessage, to: NodeDestination)
    /// A request's answer: exactly one for each.
    case answer(RequestID, Result<ReplicaAnswer<Machine>, ReplicaFailure>)
    /// Tell the operator.
    case alarm(NodeAlarm)
    /// The node must end: nothing is answered or sent any more.
    case stop(StopReason)
    /// As ``ReplicaAction/applied(_:)``.
    case applied(AppliedReport<Machine>)
    /// As ``ReplicaAction/restored(_:digest:)``.
    case restored(LogIndex, digest: LedgerDigest)
    /// The node takes part in a cluster from now on, as this replica.
    case joined(ClusterID, ReplicaID)
}

/// Where a message goes.
public enum NodeDestination: Hashable, Sendable {
    /// A replica: a member of the group, or one that was heard from.
    case replica(ReplicaID)
    /// A node of the list of seeds, whose replica may not be known.
    case seed(FoundingSeed)
}

/// What an operator must know of a node.
public enum NodeAlarm: Hashable, Sendable {
    /// The cluster cannot be founded.
    case founding(FoundingAlarm)
    /// Something is wrong with a replica.
    case replica(ReplicaAlarm)
    /// What was on the disk is damaged: the node counts as one whose disk was lost, and takes a new replica id.
    case damaged(String)
}

/// What a node asks of its disk. Executed strictly in order.
public enum NodeStorageRequest<Machine: StateMachine>: Sendable {
    /// Make the founding record durable.
    case founding(number: UInt64, FoundingRecord)
    /// Make the log of a replica, or open the one that was meant.
    case create(FoundingOutcome, ReplicaID)
    /// Of the replica.
    case replica(StorageRequest<Machine>)
}

/// What came of a node's storage requests, in their order.
public enum NodeStorageCompletion<Machine: StateMachine>: Sendable {
    /// The founding record of this number is durable.
    case foundingPersisted(UInt64)
    /// The log is there.
    case created(RecoveredReplica<Machine>)
    /// Of the replica.
    case replica(StorageCompletion<Machine>)
    /// The disk is full: what was given is kept, for ``StorageRequest/retry``.
    case full
    /// The disk failed. Nothing after this counts.
    case failed(String)
}
