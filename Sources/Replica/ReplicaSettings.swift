import Raft

/// How a replica behaves, and its bounds. Replicas of a group may differ in all of them but ``checkpointEntries``.
public struct ReplicaSettings: Hashable, Sendable {
    /// The core's.
    public var raft = RaftSettings()
    /// What the core's time is counted in, in nanoseconds: 10 ms.
    public var tickNanoseconds: UInt64 = 10_000_000
    /// Ticks that are made up for at most, after the process stood still: beyond an election timeout more ticks say
    /// nothing new.
    public var catchUpTicksMax: UInt64 = 30
    /// How long a request waits for its answer, in nanoseconds: 2 s. A client would rather be told than wait longer, and
    /// an election takes less.
    public var decisionTimeout: UInt64 = 2_000_000_000
    /// How long a change of the membership waits, in nanoseconds: 10 s, for it is two entries and an operator's.
    public var changeTimeout: UInt64 = 10_000_000_000
    /// After so long without a result a batch is sent to the leader again, in nanoseconds: 250 ms. Ten times what a
    /// batch takes over 1,000 km on a busy disk; sending one twice costs bytes only.
    public var retryInterval: UInt64 = 250_000_000
    /// Batches of one replica that may be on their way. More would make them smaller, not sooner.
    public var batchesInFlightMax = 4
    /// Commands in one batch.
    public var batchCommandsMax = 1_024
    /// Bytes of commands in one batch; a single command may be longer. 1 MiB: 8 ms at 1 Gbit/s.
    public var batchBytesMax = 1 << 20
    /// Bytes of committed commands that are applied in one turn, the one that goes beyond it included: 128 KiB, a thousand
    /// commands or two and a few milliseconds. A replica that catches up does so in many turns, between which it hears the
    /// others, and whoever looks at the state waits for one turn and not for all of it.
    public var turnBytesMax = 128 << 10
    /// Commands that wait for their result: beyond it a request is refused as overloaded. 4 windows of a session.
    public var waitingCommandsMax = 16_384
    /// Bytes of the commands that wait: 16 MiB.
    public var waitingBytesMax = 16 << 20
    /// Requests that wait for their answer, reads included.
    public var waitingRequestsMax = 16_384
    /// Sequences of a session from the lowest unanswered one on: what the ledger keeps results of, less is slower.
    /// - Precondition: at most ``Ledger/LedgerBounds/resultsPerSession``.
    public var sessionWindow: UInt64 = 4_096
    /// A snapshot is made when the entries that were applied since the last take so many bytes of memory, where they stay
    /// until then, or fewer, down to a half, which differs between replicas and from one to the next, so that they do not
    /// write at the same time: 64 MiB, read back in a second.
    public var snapshotLogBytes: UInt64 = 64 << 20
    /// What an entry takes beside its bytes, about: the array's head, its places in the log, what the allocator rounds up.
    static let entryOverheadBytes = 192
    /// A snapshot is made when the last one is so old, or down to half as old in the same way, and something was applied
    /// since, in nanoseconds: an hour.
    public var snapshotAge: UInt64 = 3_600_000_000_000
    /// Entries that are kept below a snapshot, for followers that are a little behind: they get those and not a snapshot.
    public var entriesKept: UInt64 = 8_192
    /// Parts of snapshots that may be being read from the disk for followers.
    public var snapshotReadsMax = 16
    /// A digest is compared after each entry whose index is a multiple of this. The same at all replicas, at least 1.
    public var checkpointEntries: UInt64 = 1_024
    /// Between two records of the wall clock, in nanoseconds: 30 s. They may be old: see ``ReplicatedClock``.
    public var clockRecordInterval: UInt64 = 30_000_000_000
    /// A wall clock that has gone so much more or less than the boot-time clock has jumped, in nanoseconds: 1 s.
    public var wallJump: UInt64 = 1_000_000_000
    /// When the disk was full, it is tried again after this, in nanoseconds: 500 ms.
    public var fullDiskRetry: UInt64 = 500_000_000
    /// The latest version of commands that is taken, where it is less than the release's: tests play an earlier release.
    public var supportedVersionMax = UInt32.max
    /// Whether a leader makes a voter of each learner that has caught up, without being asked.
    public var promotesLearners = false
    /// Whether it keeps from campaigning until ``Replica/holdBack(_:)`` lets it: its folder may be another one than is meant.
    public var beginsHeldBack = false
    /// Whether ``ReplicaAction/applied(_:)`` and ``ReplicaAction/restored(_:)`` are reported: for simulation, and tests.
    public var reportsApplied = false

    /// The defaults.
    public init() {}
}
