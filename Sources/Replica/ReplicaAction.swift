import Ledger
import Raft
import Wire

/// What a replica wants done. In order.
public enum ReplicaAction<Machine: StateMachine>: Sendable {
    /// Give this to the ``StorageWorker``, strictly in order; then call ``Replica/completed(_:)`` with what it returns.
    case store(StorageRequest<Machine>)
    /// Send this. It may be lost.
    case send(PeerMessage)
    /// A request's answer: exactly one for each.
    case answer(RequestID, Result<ReplicaAnswer<Machine>, ReplicaFailure>)
    /// Tell the operator. Once when it begins, once when it is over.
    case alarm(ReplicaAlarm)
    /// The process, or this replica of it, must end: nothing is answered or sent any more.
    case stop(StopReason)
    /// An entry was applied. Only with ``ReplicaSettings/reportsApplied``.
    case applied(AppliedReport<Machine>)
    /// The state was replaced by a leader's snapshot. Only with ``ReplicaSettings/reportsApplied``.
    case restored(LogIndex, digest: LedgerDigest)
}

/// What a request came to.
public enum ReplicaAnswer<Machine: StateMachine>: Sendable {
    /// The commands were applied, each once; their outputs, in order.
    case applied([Machine.Output])
    /// ``Replica/machine`` now shows everything that was acknowledged before the read was asked for.
    case readable(LogIndex)
    /// The change is over, and this is the membership.
    case changed(Configuration)
}

/// Why a request has no result.
public enum ReplicaFailure: Error, Hashable, Sendable {
    /// There was no result in time. What was asked may have happened, or happen yet.
    case noQuorum
    /// Too much is waiting, or the disk is full. What was asked was not done.
    case overloaded
    /// The replica has ended. What was asked may have happened.
    case stopped
    /// The session was closed while nobody looked: what was asked may have happened.
    case unknown
    /// Nothing was done: not all members know this command yet, or no batch can hold it.
    case notSupported
    /// The state of this replica differs from the majority's, or no majority agrees on one: it answers nothing until that
    /// is over. What was asked may have happened.
    case diverged
    /// Only the leader can do that; who it is, as far as known.
    case notLeader(ReplicaID?)
    /// The leader refused the change of the membership.
    case refused(ConfigurationRefusal)
}

/// One entry that was applied.
public struct AppliedReport<Machine: StateMachine>: Sendable {
    /// Its index.
    public var index: LogIndex
    /// What it said.
    public var batch: Machine.Batch
    /// What became of its commands.
    public var outputs: [Machine.Output]
    /// The state machine's digest after it.
    public var digest: LedgerDigest
}

/// What the operator must know.
public enum ReplicaAlarm: Hashable, Sendable {
    /// The disk is full, or has room again. Meanwhile nothing is accepted; it goes on by itself.
    case diskFull(Bool)
    /// The state differs from the majority's after the entry at this index, by a fault of memory, disk or program; the
    /// replica installs the majority's. False: it has.
    case diverged(Bool, at: LogIndex)
    /// Members differ in their digests after this entry and no majority agrees on one: nothing is decided until one does.
    case noAgreement(Bool, at: LogIndex)
    /// The log lacks entries that this replica has acknowledged, up to this one: its disk is an older copy, or has lost what it
    /// was told to keep. Meanwhile it answers nothing. False: it has them again.
    case forgotten(Bool, through: LogIndex)
    /// The leader's log contradicts what this replica knows to be committed, at this entry: another member's disk has lost what
    /// it had acknowledged, and a majority was counted without it. Meanwhile this replica gets no further. False: it does.
    case contradicted(Bool, at: LogIndex)
    /// A snapshot, the own or a leader's, could not be kept; the text says why. It is tried again.
    case snapshotFailed(String)
    /// After one that could not be kept, one was, or none is needed any more.
    case snapshotKept
}

/// Why a replica ended.
public enum StopReason: Error, Hashable, Sendable {
    /// The disk failed; what is on it is not known. The text says how.
    case storageFailed(String)
    /// A committed entry that this release cannot apply: a newer release wrote it.
    case undecodableEntry(LogIndex, String)
    /// The disk of a node that is alone was lost or is damaged. The text says what was found.
    case lostAlone(String)
    /// A snapshot that this release cannot read: a newer release wrote it, or it is damaged.
    case undecodableSnapshot(LogIndex, String)

    /// One sentence or two for the operator, with what to do.
    public var explanation: String {
        switch self {
        case .storageFailed(let why): why
        case .undecodableEntry(let index, let why):
            "The committed entry at index \(index.rawValue) cannot be applied by this release (\(why)): "
                + "start the release that the other nodes run."
        case .lostAlone(let what):
            "This node is the only one of its cluster that votes, as far as its seeds and its disk tell, and its log cannot "
                + "be used: \(what) `tollgate recover --data` with this node's data folder says what can still be read of "
                + "it, and goes on from that; or restore a backup into an empty folder. If other nodes were added to the "
                + "cluster since, empty the folder, name them among the seeds, start the node, and let `tollgate cluster "
                + "replace` at one of them admit it."
        case .undecodableSnapshot(let index, let why):
            "The snapshot at index \(index.rawValue) cannot be read by this release (\(why)): "
                + "start the release that the other nodes run."
        }
    }
}
