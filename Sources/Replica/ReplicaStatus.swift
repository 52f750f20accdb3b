import Ledger
import Raft
import Wire

/// How a replica stands, for operators and metrics.
public struct ReplicaStatus: Hashable, Sendable {
    /// Which replica.
    public var id: ReplicaID
    /// Its role in its term.
    public var role: Role
    /// The latest term seen.
    public var term: Term
    /// Who leads, as far as known.
    public var leader: ReplicaID?
    /// The last entry known to be committed.
    public var commitIndex: LogIndex
    /// The last entry that the state machine includes.
    public var appliedIndex: LogIndex
    /// The last entry of the log.
    public var lastIndex: LogIndex
    /// The first entry still in memory.
    public var firstIndex: LogIndex
    /// The last snapshot.
    public var snapshotIndex: LogIndex
    /// Its length in bytes.
    public var snapshotBytes: UInt64
    /// The last checkpoint's index and digest.
    public var checkpoint: Checkpoint?
    /// The last membership of the log.
    public var configuration: Configuration
    /// The last membership that was applied: it is decided.
    public var appliedConfiguration: Configuration
    /// Of a leader: what it knows of each member's log, sorted by id.
    public var progress: [MemberProgress]
    /// The version of commands that may be used.
    public var ledgerVersion: UInt32
    /// The latest version that this release can apply.
    public var supportedVersion: UInt32
    /// The disk is full.
    public var isDiskFull: Bool
    /// Why the last snapshot, the own or a leader's, could not be kept. Nil since one was.
    public var snapshotFailure: String?
    /// Own snapshots that could not be kept, since this process started.
    public var snapshotFailures: UInt64
    /// The state differs from the majority's.
    public var hasDiverged: Bool
    /// The log lacks entries that this replica has acknowledged, up to this one: its disk is an older copy. Nil where it lacks
    /// none, as far as is known.
    public var forgottenThrough: LogIndex?
    /// The entry by which the last member left that knows the newest keys; nil where nobody has left since they began.
    public var keysDueSince: LogIndex?
    /// Such a member is there, and it is this replica's turn to begin a new key epoch: it leads, and knows all that earlier
    /// leaders have decided.
    public var renewsKeys: Bool
    /// Commands that wait for their result.
    public var waitingCommands: Int

    /// A digest at an index.
    public struct Checkpoint: Hashable, Sendable {
        /// The entry after which it was taken.
        public var index: LogIndex
        /// The digest.
        public var digest: LedgerDigest
    }

    /// A member as its leader sees it.
    public struct MemberProgress: Hashable, Sendable {
        /// Which member.
        public var id: ReplicaID
        /// What is known.
        public var progress: Progress
    }
}
