import Ledger
import Raft
import Wire

/// All invariants of a simulated cluster, and what they remember.
///
/// The simulator tells it of everything in the order in which it happens, and stops at the first violation. For each
/// step of a replica: ``stepped(_:)``, then ``applied(_:by:)`` for what its state machine did, then ``sent(_:)`` for each
/// message. Of its disk: ``stored(_:by:)`` when a request is handed over, ``synchronized(_:)`` once the simulated file
/// system holds nothing unsynchronized of the log, both before the replica itself is told.
public struct Invariants: Sendable {
    /// What a linearizable read must see.
    public struct ReadExpectation: Hashable, Sendable {
        fileprivate var expectation: ReadSafety.Expectation
    }

    private var record = ClusterRecord()
    private var electionSafety = ElectionSafety()
    private var electionQuorum = ElectionQuorum()
    private var voteDurability = VoteDurability()
    private var leaderAppendOnly = LeaderAppendOnly()
    private var acceptedStays = AcceptedStays()
    private var logMatching = LogMatching()
    private var leaderCompleteness = LeaderCompleteness()
    private var stateMachineSafety = StateMachineSafety()
    private var equalDigests = EqualDigests()
    private var commitMonotonic = CommitMonotonic()
    private var commitRule = CommitRule()
    private var acknowledgedDurable = AcknowledgedDurable()
    private var durableBeforeAcknowledged = DurableBeforeAcknowledged()
    private var configurationSafety = ConfigurationSafety()
    private var snapshotSafety = SnapshotSafety()
    private var timeMonotonic = TimeMonotonic()
    private var sessionOnce = SessionOnce()
    private var boundedMemory: BoundedMemory
    private let readSafety = ReadSafety()

    /// - Parameter settings: the loosest bounds of any replica.
    public init(settings: RaftSettings) { boundedMemory = BoundedMemory(settings: settings) }

    /// The last index that is committed, as far as any replica knows.
    public var lastCommitted: LogIndex { record.lastCommitted }

    /// Memberships committed, genesis among them.
    public var membershipsCommitted: Int { record.memberships.count }

    // MARK: - Replicas

    /// A replica starts, the first time or again, with what it found on its disk.
    public mutating func started<View: RaftView>(
        _ view: View,
        restored: RestoredState
    ) throws(InvariantViolation) {
        let (step, loss) = record.started(view, restored: restored)
        timeMonotonic.started(step.id)
        try acknowledgedDurable.started(step, loss: loss)
        try check(step, view)
    }

    /// A replica is gone, with all that was in its memory.
    public mutating func crashed(_ replica: ReplicaID) { record.crashed(replica) }

    /// A replica was given something to do, and did it.
    public mutating func stepped<View: RaftView>(_ view: View) throws(InvariantViolation) {
        let step = record.stepped(view)
        try check(step, view)
    }

    private mutating func check<View: RaftView>(_ step: Step, _ view: View) throws(InvariantViolation) {
        try electionSafety.stepped(step, view, record)
        try electionQuorum.stepped(step, view, record)
        try voteDurability.stepped(step, view, record)
        try leaderAppendOnly.stepped(step, view, record)
        try commitMonotonic.stepped(step, view, record)
        try acceptedStays.stepped(step, view, record)
        try logMatching.stepped(step, view, record)
        try commitRule.stepped(step, view, record)
        try leaderCompleteness.stepped(step, view, record)
        try acknowledgedDurable.stepped(step, view, record)
        try stateMachineSafety.stepped(step, view, record)
        try configurationSafety.stepped(step, view, record)
        try snapshotSafety.stepped(step, view, record)
        try boundedMemory.stepped(step, view, record)
    }

    /// A replica sent a message.
    public mutating func sent(_ message: Message) throws(InvariantViolation) {
        try voteDurability.sent(message, record)
        try durableBeforeAcknowledged.sent(message, record)
        try acceptedStays.sent(message, record)
        try snapshotSafety.sent(message, record)
    }

    // MARK: - Disks

    /// A request is handed to a replica's disk.
    public mutating func stored(_ request: PersistRequest, by replica: ReplicaID) {
        record.stored(request, by: replica)
    }

    /// All that was handed to a replica's disk so far is durable.
    public mutating func synchronized(_ replica: ReplicaID) { record.synchronized(replica) }

    /// All of a leader's snapshot is handed to a replica's disk, where a crash may leave it or not.
    public mutating func snapshotHanded(_ position: LogPosition, by replica: ReplicaID) {
        record.snapshotHanded(position, by: replica)
    }

    /// A snapshot, of the replica's own state or a leader's, is durable on its disk, name and all.
    public mutating func snapshotStored(_ position: LogPosition, by replica: ReplicaID) {
        record.snapshotStored(position, by: replica)
    }

    // MARK: - State machines

    /// A replica's state machine applied a batch. Of each batch of a log, in order.
    public mutating func applied(
        _ application: Application,
        by replica: ReplicaID
    ) throws(InvariantViolation) {
        try stateMachineSafety.applied(application, by: replica)
        try sessionOnce.applied(application, by: replica)
        try timeMonotonic.applied(application, by: replica)
        try equalDigests.applied(application, by: replica)
    }

    /// A replica's state machine was restored from a snapshot that covers the log through `index`.
    public mutating func restored(
        _ digest: LedgerDigest,
        at index: LogIndex,
        by replica: ReplicaID
    ) throws(InvariantViolation) {
        try equalDigests.restored(digest, at: index, by: replica)
    }

    /// A replica's estimate of replicated time, after a step.
    /// - Parameter latestPossible: real time since genesis by the fastest clock, and what was counted for the times when
    ///   all were down.
    public mutating func observed(
        _ time: LedgerTime,
        by replica: ReplicaID,
        latestPossible: LedgerTime
    ) throws(InvariantViolation) {
        try timeMonotonic.observed(time, by: replica, latestPossible: latestPossible)
    }

    // MARK: - Reads

    /// A linearizable read is asked, at any replica. The result belongs to its answer.
    public func readAsked() -> ReadExpectation { ReadExpectation(expectation: readSafety.asked(record)) }

    /// The read is answered from the state after `applied`.
    public func readAnswered(
        _ expectation: ReadExpectation,
        at applied: LogIndex,
        by replica: ReplicaID
    ) throws(InvariantViolation) {
        try readSafety.answered(expectation.expectation, at: applied, by: replica)
    }
}
