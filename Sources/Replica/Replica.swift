import DequeModule
import Ledger
import Raft
import Wire

/// A replica of a group, as a value that is pumped.
///
/// Whoever runs it calls an input with what happened, then ``takeActions()``, and carries the actions out in their
/// order; storage requests go to a ``StorageWorker``, whose completions come back by ``completed(_:)``. The clock is told
/// by ``advance(to:wall:)`` before any other input. No I/O, no thread, no clock, no randomness but the seed's. Use from
/// one thread at a time.
///
/// **Order.** Entries go to the disk and to the others at the same time; what must wait for the disk is held back by the
/// core. What is committed is applied at once, in memory: the state is the snapshot on disk and the log after it, and is
/// never written beside them, so that state and applied index cannot part. Results are found where the own log is
/// applied, and only there.
public struct Replica<Machine: StateMachine>: Sendable {
    // One concern a file: Replica+Pump (what the core wants done), +Apply, +Proposals, +Peers, +Snapshots, +Divergence.
    // What they share is here.

    /// Who this replica is.
    public let id: ReplicaID
    /// The settings.
    public let settings: ReplicaSettings
    /// The state after ``appliedIndex``. Nil while the replica has none: it waits for a leader's snapshot.
    public internal(set) var machine: Machine?
    /// The consensus core.
    public internal(set) var raft: Raft
    /// The last entry that the state machine includes.
    public internal(set) var appliedIndex: LogIndex

    var clock: ReplicatedClock
    var submissions: Submissions<Machine>
    var reads = PendingReads()
    var change: PendingChange?
    /// Batches that others sent, to be proposed. Bounded by ``forwardsMax``.
    var forwards: Deque<[UInt8]> = []
    var peers = PeerTable()
    var snapshots: SnapshotProgress<Machine>
    var checkpoints = Checkpoints()
    var divergence: Divergence<Machine>?
    var dispute: Dispute?
    /// An alarm says that the log lacks what was acknowledged, up to here.
    var forgottenThrough: LogIndex?
    /// An alarm says that the leader contradicts what is committed, here.
    var contradictedAt: LogIndex?
    var keyRenewal: KeyRenewal
    var actions: [ReplicaAction<Machine>] = []
    /// Bytes of commands that were applied since ``takeActions()`` began.
    var bytesAppliedInTurn = 0
    /// They were as many as a turn may have: there is more to do at once.
    var isBehind = false
    /// When the core's next tick is due.
    var tickAt: BootTime
    /// Nothing is proposed before: the core said that too much waits.
    var proposalsPausedUntil = BootTime.zero
    /// The disk was full; when it is tried again.
    var fullDiskRetryAt: BootTime?
    /// Why this replica ended.
    public internal(set) var stopped: StopReason?

    /// Forwarded batches that may wait for the pump; one that is dropped is sent again.
    static var forwardsMax: Int { 1_024 }

    /// A replica that starts from what was on its disk.
    /// - Parameters:
    ///   - restored: what the log's storage recovered.
    ///   - machine: the state of the snapshot in it; nil where that is ``Raft/Configuration/empty``'s.
    ///   - clock: the last record of the wall clock; nil where there is none.
    ///   - seed: of the election timeouts, and of the number by which this boot knows its session; differs between
    ///     replicas and between starts.
    public init(
        id: ReplicaID,
        settings: ReplicaSettings,
        restored: RestoredState,
        machine: Machine?,
        clock: ClockRecord?,
        now: BootTime,
        wall: WallTime,
        seed: UInt64
    ) {
        var generator = Xoshiro256(seed: seed)
        self.id = id
        self.settings = settings
        self.machine = machine
        var core = settings.raft
        core.unappliedBytesMax = min(core.unappliedBytesMax, settings.turnBytesMax)
        raft = Raft(id: id, settings: core, restored: restored, seed: generator.next())
        appliedIndex = restored.snapshot.position.index
        // Who is alone has nobody to send what its snapshot holds.
        if raft.configuration.members.count == 1 {
            raft.compact(to: restored.snapshot, keepingFrom: restored.snapshot.position.index + 1)
        }
        keyRenewal = KeyRenewal(restored.snapshot.configuration)
        let logTime = restored.entries.reduce(machine?.time ?? .zero) { time, entry in
            max(time, Self.stamp(of: entry) ?? .zero)
        }
        self.clock = ReplicatedClock(logTime: logTime, record: clock, now: now, wall: wall)
        submissions = Submissions(owner: id, boot: generator.next(), settings: settings)
        snapshots = SnapshotProgress(now: now)
        tickAt = now.adding(nanoseconds: settings.tickNanoseconds)
        if let machine, machine.version > supportedVersion {
            stop(.undecodableSnapshot(appliedIndex, "commands of version \(machine.version)"))
            return
        }
        raft.isHeldBack = settings.beginsHeldBack
        campaignIfAlone()
    }

    /// The only voter need not wait for an election timeout: nobody else could lead.
    private mutating func campaignIfAlone() {
        if raft.configuration.voters == [id], !raft.configuration.isJoint { raft.campaign() }
    }

    // MARK: - State

    /// An estimate of replicated time; never backwards.
    public var time: LedgerTime { clock.time }
    /// Whether ``time`` is known to lack no pause of this process.
    public var isTimeKnown: Bool { clock.isRunning }
    /// Whether the disk is full.
    public var isDiskFull: Bool { fullDiskRetryAt != nil }
    /// Whether the state may be wrong: it differs from the majority's, or no majority agrees on one.
    public var isStateDoubtful: Bool { divergence != nil || dispute?.isDeclared == true }
    /// The latest version of commands that this replica takes.
    public var supportedVersion: UInt32 { min(Machine.supportedVersion, settings.supportedVersionMax) }

    /// How it stands.
    public var status: ReplicaStatus {
        ReplicaStatus(
            id: id,
            role: raft.role,
            term: raft.term,
            leader: raft.leader,
            commitIndex: raft.commitIndex,
            appliedIndex: appliedIndex,
            lastIndex: raft.lastPosition.index,
            firstIndex: raft.firstIndex,
            snapshotIndex: raft.snapshot.position.index,
            snapshotBytes: raft.snapshot.bytes,
            checkpoint: checkpoints.last,
            configuration: raft.configuration,
            appliedConfiguration: raft.appliedConfiguration,
            progress: raft.progress.map { .init(id: $0.id, progress: $0.progress) },
            ledgerVersion: machine?.version ?? 0,
            supportedVersion: supportedVersion,
            isDiskFull: isDiskFull,
            snapshotFailure: snapshots.failure,
            snapshotFailures: snapshots.failures,
            hasDiverged: divergence != nil,
            forgottenThrough: forgottenThrough,
            keysDueSince: keyRenewal.dueSince,
            renewsKeys: renewsKeys,
            waitingCommands: submissions.commandCount
        )
    }

    /// What earlier leaders have left in the log may renew them.
    private var renewsKeys: Bool {
        keyRenewal.dueSince != nil && raft.role == .leader && raft.term(at: appliedIndex) == raft.term
    }

    /// When ``advance(to:wall:)`` and ``takeActions()`` must be called at the latest.
    public var nextWake: BootTime { isBehind ? min(clock.now, tickAt) : tickAt }

    // MARK: - Inputs

    /// Keeps the replica from campaigning, or lets it. One that leads goes on. See ``ReplicaSettings/beginsHeldBack``.
    /// - Returns: whether that is new.
    public mutating func holdBack(_ isHeldBack: Bool) -> Bool {
        guard raft.isHeldBack != isHeldBack else { return false }
        raft.isHeldBack = isHeldBack
        if !isHeldBack { campaignIfAlone() }
        return true
    }

    /// Time goes on. Call it before other inputs, and at the latest at ``nextWake``.
    public mutating func advance(to now: BootTime, wall: WallTime) {
        guard stopped == nil else { return }
        clock.advance(to: now, wall: wall)
        guard clock.now >= tickAt else { return }
        let due = clock.now.nanoseconds(since: tickAt) / settings.tickNanoseconds + 1
        for _ in 0..<min(due, settings.catchUpTicksMax) { raft.tick() }
        tickAt = clock.now.adding(nanoseconds: settings.tickNanoseconds)
        ticked()
    }

    /// Asks for commands to be applied, in this order, each once. Answered by ``ReplicaAnswer/applied(_:)``; answers to
    /// submissions come in the order of the submissions, but for those that are refused at once because twice
    /// ``ReplicaSettings/waitingRequestsMax`` wait.
    public mutating func submit(_ commands: [Machine.Command], request: RequestID) {
        guard stopped == nil else { return }
        guard !submissions.isFull else {
            actions.append(.answer(request, .failure(.overloaded)))
            return
        }
        submissions.submit(
            commands,
            id: request,
            deadline: clock.now.adding(nanoseconds: settings.decisionTimeout),
            refusal: isStateDoubtful
                ? .diverged : raft.forgotten != nil ? .noQuorum : isDiskFull ? .overloaded : nil,
            version: machine?.version ?? 0
        )
    }

    /// Asks for a moment at which ``machine`` shows all that was acknowledged before. Answered by
    /// ``ReplicaAnswer/readable(_:)``; the state to read is that at the moment of the answer.
    public mutating func read(request: RequestID) {
        guard stopped == nil else { return }
        guard !isStateDoubtful else {
            actions.append(.answer(request, .failure(.diverged)))
            return
        }
        // The log does not come so far, unless another leads.
        guard raft.forgotten == nil else {
            actions.append(.answer(request, .failure(.noQuorum)))
            return
        }
        guard reads.count < settings.waitingRequestsMax else {
            actions.append(.answer(request, .failure(.overloaded)))
            return
        }
        reads.ask(request, deadline: clock.now.adding(nanoseconds: settings.decisionTimeout))
    }

    /// Changes the membership. Leader only; answered when the change is over.
    public mutating func change(_ change: ConfigurationChange, request: RequestID) {
        guard stopped == nil else { return }
        if let earlier = self.change, raft.role == .leader, earlier.position.term == raft.term {
            actions.append(.answer(request, .failure(.refused(.changeInProgress))))
            return
        }
        do {
            let position = try raft.propose(change)
            endChange(.failure(.unknown))
            self.change = PendingChange(
                request: request,
                position: position,
                deadline: clock.now.adding(nanoseconds: settings.changeTimeout)
            )
        } catch .notLeader(let leader) {
            actions.append(.answer(request, .failure(.notLeader(leader))))
        } catch {
            actions.append(.answer(request, .failure(.refused(error))))
        }
    }

    /// Hands leadership to a voter.
    public mutating func transferLeadership(to target: ReplicaID) throws(TransferRefusal) {
        guard stopped == nil else { throw .notLeader(nil) }
        try raft.transferLeadership(to: target)
    }

    /// Makes a snapshot now, unless nothing was applied since the last; also where one failed a moment ago.
    public mutating func compact() {
        snapshots.isWanted = true
        snapshots.pausedUntil = .zero
    }

    /// What is to be done. Empties it.
    public mutating func takeActions() -> [ReplicaAction<Machine>] {
        if stopped == nil { pump() }
        var taken: [ReplicaAction<Machine>] = []
        swap(&taken, &actions)
        return taken
    }

    // MARK: - The end

    /// Ends this replica: nothing but this leaves it any more.
    mutating func stop(_ reason: StopReason) {
        guard stopped == nil else { return }
        stopped = reason
        actions.append(.stop(reason))
    }

    /// The time-stamp of an entry that has one.
    static func stamp(of entry: Entry) -> LedgerTime? {
        guard case .command(let bytes) = entry.payload else { return nil }
        return Machine.time(of: bytes)
    }
}
