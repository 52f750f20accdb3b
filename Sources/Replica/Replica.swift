import Ledger
import Raft
import RaftStorage
import Wire

/// A replica of a group, as a value that is pumped.
///
/// Whoever runs it calls an input with what happened, then ``takeActions()``, and carries the actions out in their
/// order; storage requests go to a ``StorageWorker``, whose completions come back by ``completed(_:)``. The clock is told
/// by ``advance(to:wall:)`` before any other input. No I/O, no thread, no clock, no randomness but the seed's. Use from
/// one thread at a time.
public struct Replica<Machine: StateMachine>: Sendable {
    /// Who this replica is.
    public let id: ReplicaID
    /// The state after ``appliedIndex``. Nil while the replica has none: it waits for a leader's snapshot.
    public private(set) var machine: Machine?
    /// The consensus core.
    public private(set) var raft: Raft
    /// The settings.
    public let settings: ReplicaSettings

    /// A replica that starts from what was on its disk.
    /// - Parameters:
    ///   - restored: what the log's storage recovered.
    ///   - machine: the state of the snapshot in it; nil where that is ``Raft/Configuration/empty``'s.
    ///   - clock: the last record of the wall clock; nil where there is none.
    ///   - seed: of the election timeouts.
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
        fatalError()
    }

    // MARK: - State

    /// The last entry that the state machine includes.
    public var appliedIndex: LogIndex { fatalError() }
    /// An estimate of replicated time; never backwards.
    public var time: LedgerTime { fatalError() }
    /// Whether it leads and can propose.
    public var status: ReplicaStatus { fatalError() }

    // MARK: - Inputs

    /// Time goes on. Call it before other inputs, and at the latest at ``nextWake``.
    public mutating func advance(to now: BootTime, wall: WallTime) { fatalError() }
    /// When ``advance(to:wall:)`` must be called at the latest.
    public var nextWake: BootTime { fatalError() }
    /// A message came.
    public mutating func receive(_ message: PeerMessage) { fatalError() }
    /// Asks for commands to be applied, in this order, each once. Answered by ``ReplicaAnswer/applied(_:)``; answers to
    /// submissions come in the order of the submissions.
    public mutating func submit(_ commands: [Machine.Command], request: RequestID) { fatalError() }
    /// Asks for a moment at which ``machine`` shows all that was acknowledged before. Answered by
    /// ``ReplicaAnswer/readable(_:)``.
    public mutating func read(request: RequestID) { fatalError() }
    /// Changes the membership. Leader only; answered when the change is over.
    public mutating func change(_ change: ConfigurationChange, request: RequestID) { fatalError() }
    /// Hands leadership to a voter.
    public mutating func transferLeadership(to target: ReplicaID) throws(TransferRefusal) { fatalError() }
    /// Makes a snapshot now, unless nothing was applied since the last.
    public mutating func compact() { fatalError() }
    /// The storage worker did something.
    public mutating func completed(_ completion: StorageCompletion<Machine>) { fatalError() }
    /// What is to be done. Empties it.
    public mutating func takeActions() -> [ReplicaAction<Machine>] { fatalError() }
}
