import Wire

/// The consensus core: one replica of a group, as a value that turns inputs into outputs.
///
/// Everything that happens goes through `tick`, `step`, the proposals and the reports of the driver; after each, or
/// after several, the driver takes the output and carries it out. No I/O, no clock, no thread, no randomness but the
/// seed's. Use from one thread at a time.
///
///     follower ──(timeout)──▶ pre-candidate ──(could win)──▶ candidate ──(majority)──▶ leader
///        ▲                         │                             │                        │
///        └──(a leader, a higher term, a majority against it, no majority heard)───────────┘
///
/// Nothing leaves before term and vote are durable as they are, so that nothing is said in a term that a crash would
/// forget. An append is acknowledged when its entries are durable; a leader counts itself like that too, and sends at
/// once what it appends (dissertation, 10.2.1).
public struct Raft: Sendable {
    // One concern a file: Raft+Election, +Replication (a leader's side), +Append (a follower's), +Reads, +Membership,
    // +Transfer, +Snapshots, +Output. What they share is here.

    /// This replica.
    public let id: ReplicaID
    let settings: RaftSettings
    var random: Xoshiro256
    /// What this replica is in its term.
    public internal(set) var role = Role.follower
    var hardState: HardState
    /// Who leads the term, as far as is known.
    public internal(set) var leader: ReplicaID?
    var log: ReplicatedLog
    var persist: PersistTracker
    /// Messages that leave with the next output, or as soon as term and vote are durable.
    var outbox: [Message] = []
    /// Reads that are answered with the next output.
    var answeredReads: [ReadState] = []

    /// Ticks since a leader was heard, a vote granted or a campaign begun; a leader's, since it last checked its quorum.
    var electionElapsedTicks = 0
    /// Drawn anew for each election (section 5.2).
    var electionTimeoutTicks = 0
    var votes = VoteTally()

    /// Whether it is kept from campaigning, by whoever drives it. It votes for others, and follows.
    public var isHeldBack = false

    // A follower's.

    /// The entry of the last leader's that contradicts what is committed here: somebody else's disk has lost what a majority had
    /// kept. Nil where there is none, and since a leader agreed.
    public internal(set) var contradicted: LogPosition?
    /// The log is the leader's up to here, known in this term.
    var matched = LogIndex.zero
    /// An append waits for its acknowledgement.
    var isAcknowledgementDue = false
    /// The index of the last acknowledgement in this term.
    var acknowledged = LogIndex.zero
    var forwardedReads: ForwardedReads
    var incomingSnapshot: IncomingSnapshot?
    /// Since a leader was heard a candidate was refused that lacks entries and takes this replica, which has no vote as far
    /// as it knows, for a voter.
    var hasRefusedAsOther = false
    /// Snapshots that leaders have begun to send.
    var transfersBegun: UInt64 = 0
    var snapshotParts: [IncomingSnapshotPart] = []
    /// Answers to parts of a snapshot, released when a persist request made after the parts is durable: what waits for
    /// the disk stays within the leader's window.
    var partAnswers = PartAnswers()
    var pendingRestore: SnapshotDescription?

    // A leader's.

    var members = MemberTable()
    /// The first entry of this leader's term: with it committed, it knows what is (section 8).
    var termStart = LogIndex.max
    var heartbeatElapsedTicks = 0
    /// The last heartbeat round that began.
    var round: UInt64 = 0
    var reads = ReadQueue()
    var transfer: LeadershipTransfer?
    /// The cost of entries above the commit index, in bytes.
    var uncommittedBytes = 0
    /// The cost of entries handed out and not yet applied, in bytes.
    var unappliedBytes = 0

    /// A replica that starts, as a follower.
    /// - Parameters:
    ///   - id: this replica. A message to another is dropped.
    ///   - restored: what was on disk; all of it counts as durable.
    ///   - seed: of the election timeouts, and of the numbers of forwarded reads; should differ between replicas and
    ///     between starts.
    public init(id: ReplicaID, settings: RaftSettings, restored: RestoredState, seed: UInt64) {
        self.id = id
        self.settings = settings
        random = Xoshiro256(seed: seed)
        hardState = restored.hardState
        log = ReplicatedLog(restored)
        persist = PersistTracker(durable: log.last.index)
        forwardedReads = ForwardedReads(firstNumber: random.next())
        precondition(log.last.term <= hardState.term, "the term is at least that of the last entry")
        // Only the leader of this term made the entry, and its log before it is the same (log matching).
        if log.last.term == hardState.term { matched = log.last.index }
        remember()
        drawElectionTimeout()
    }

    // MARK: - State

    /// The latest term seen.
    public var term: Term { hardState.term }
    /// Who has this replica's vote in the term.
    public var vote: ReplicaID? { hardState.vote }
    /// A position that this replica has acknowledged, as the leader of that term said, and that its log does not reach any
    /// more: its disk is an older copy, or has lost what it was told to keep. Nil once its log has it again. It is on the
    /// disk with term and vote, so that a restart does not forget it as well.
    public var forgotten: LogPosition? { hardState.forgotten }
    /// Whether term, vote and what was lost are on the disk as they are now.
    public var hardStateIsDurable: Bool { persist.hardStateIsDurable }
    /// What is known to be committed.
    public var commitIndex: LogIndex { log.committed }
    /// The last entry handed out to be applied and reported by `applied`.
    public var appliedIndex: LogIndex { log.applied }
    /// The last entry that this replica knows to be on its disk.
    public var durableIndex: LogIndex { persist.durable }
    /// The last position of the log, durable or not.
    public var lastPosition: LogPosition { log.last }
    /// The first entry still in memory.
    public var firstIndex: LogIndex { log.firstIndex }
    /// The latest snapshot on disk.
    public var snapshot: SnapshotDescription { log.snapshot }
    /// The last configuration of the log, committed or not.
    public var configuration: Configuration { log.configuration }
    /// Where that one is in the log, or in the snapshot at its beginning.
    public var configurationIndex: LogIndex { log.configurationIndex }
    /// The configuration at or below the applied index: what a snapshot made now carries.
    public var appliedConfiguration: Configuration { log.configuration(at: log.applied) }
    /// Leader only, else empty: sorted by id.
    public var progress: [(id: ReplicaID, progress: Progress)] {
        role == .leader ? members.trackers.map { ($0.id, $0.progress) } : []
    }
    /// Whom leadership is being handed to.
    public var transferTarget: ReplicaID? { transfer?.target }
    /// The snapshots that a leader is sending now: a driver that keeps their files spares a member a new beginning.
    public var snapshotsBeingSent: [SnapshotDescription] {
        members.trackers.compactMap { $0.progress.recentlyActive ? $0.snapshot?.description : nil }
    }
    /// Entries from `firstIndex` on, for invariants and tests.
    public func entry(at index: LogIndex) -> Entry? { log.entry(at: index) }
    /// The term of an entry in memory, or of the one before it.
    public func term(at index: LogIndex) -> Term? { log.term(at: index) }

    /// Whether this replica has nothing yet, not even snapshot 0.
    var isBlank: Bool { log.configuration.members.isEmpty }

    mutating func drawElectionTimeout() {
        let shortest = max(settings.electionTicksMin, 1)
        electionTimeoutTicks = random.inRange(shortest...max(settings.electionTicksMax, shortest))
    }

    mutating func send(_ body: Message.Body, to addressee: ReplicaID) { send(body, to: addressee, in: term) }

    /// Says something in a term that may not be the own one yet.
    mutating func send(_ body: Message.Body, to addressee: ReplicaID, in term: Term) {
        // The disk may stand still for long. What is not held then is lost, as on a network.
        guard persist.hardStateIsDurable || outbox.count < settings.heldMessagesMax else { return }
        outbox.append(Message(from: id, to: addressee, term: term, body: body))
    }
}
