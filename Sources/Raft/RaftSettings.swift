/// Every bound of the core, in one place. Times are in ticks; a tick is what the driver makes it, 10 ms by default.
///
/// Replicas of one group may have different settings: none is part of the replicated behaviour.
public struct RaftSettings: Hashable, Sendable {
    /// The shortest election timeout, in ticks: 150 ms. Three heartbeats: one that is lost, and one that is late, depose
    /// nobody.
    public var electionTicksMin = 15
    /// The longest election timeout, in ticks: 300 ms. Twice the shortest, so that two timeouts of five nodes are
    /// usually further apart than a round trip and its fsync (section 9.3 of the paper).
    public var electionTicksMax = 30
    /// A leader's sign of life, in ticks: 50 ms.
    public var heartbeatTicks = 5
    /// Asks before it campaigns whether it could win (dissertation, 9.6). Off only to show in a test what it is for.
    public var preVote = true
    /// A leader that hears no majority for an election timeout steps down, and a follower that hears a leader does not
    /// vote (dissertation, 4.2.3 and 6.2). Off only to show in a test what it is for.
    public var checkQuorum = true
    /// Bytes of entries in one message; a single entry may be longer. 256 KiB: at 1 Gbit/s 2 ms, so that a heartbeat
    /// behind it is in time.
    public var appendBytesMax = 256 << 10
    /// Entries in one message, so that an answer is bounded in time too.
    public var appendEntriesMax = 4_096
    /// Messages with entries that a follower may have unanswered. With 256 KiB each, more than a path of 100 ms at
    /// 1 Gbit/s holds.
    public var inflightMessagesMax = 64
    /// Bytes of entries that a follower may have unanswered: 8 MiB.
    public var inflightBytesMax = 8 << 20
    /// Bytes of entries that a leader has proposed and not seen committed: 32 MiB. Beyond it a proposal is refused, so
    /// that a leader without a quorum does not fill its memory.
    public var uncommittedBytesMax = 32 << 20
    /// Bytes of entries given to the disk and not yet durable: 32 MiB. Beyond it a follower drops appends and a leader
    /// refuses proposals.
    public var unpersistedBytesMax = 32 << 20
    /// Ticks without a sign of the disk, while something waits for it, after which a leader with other voters steps down:
    /// 2 s, as long as a client waits. Heartbeats need no disk, so nobody else would see that it stands still; and it is
    /// not elected again before it moves, since its own vote must be durable.
    public var persistTicksMax = 200
    /// Messages that wait until term and vote are durable. 4,096: more than a group says in the time that a disk usually
    /// takes; beyond it they are lost, so that a disk that stands still costs no memory.
    public var heldMessagesMax = 4_096
    /// Bytes of committed entries handed out to be applied and not yet reported as applied: 16 MiB. At least one entry.
    public var unappliedBytesMax = 16 << 20
    /// Bytes of entries that are kept in memory though a snapshot holds them, and bytes of those that a leader keeps for a
    /// member that is being sent the snapshot before them: 64 MiB each, what 1 Gbit/s brings in half a second. Beyond it
    /// the member needs a snapshot, or another one.
    public var retainedBytesMax = 64 << 20
    /// Bytes in one part of a snapshot: 256 KiB, as `appendBytesMax`.
    public var snapshotChunkBytes = 256 << 10
    /// Parts of a snapshot that may be unanswered.
    public var snapshotChunksInflightMax = 4
    /// Ticks without an answer after which a follower's state is probed, or a part of a snapshot is sent, again: an
    /// election timeout.
    public var retryTicks = 15
    /// Reads that wait for their round: a bound on memory; beyond it a read is refused.
    public var pendingReadsMax = 4_096
    /// A learner may be promoted when it lacks at most this many entries.
    public var promotionLagEntriesMax: UInt64 = 1_024

    /// The defaults.
    public init() {}
}
