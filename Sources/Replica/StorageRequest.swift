import Raft

/// What a replica asks of its disk. Executed strictly in order.
public enum StorageRequest<Machine: StateMachine>: Sendable {
    /// Put this on disk. Requests that wait together share one synchronization.
    case persist(PersistRequest)
    /// Put a part of a leader's snapshot into the file that is being received; after the last, see whether it is one.
    case receive(IncomingSnapshotPart)
    /// Write a snapshot of this state, in slices between the requests that follow.
    case snapshot(SnapshotPlan<Machine>)
    /// Read a part of a snapshot.
    case read(SnapshotRead)
    /// Remove what of the log is below an index.
    case removeEntries(below: LogIndex)
    /// Put the wall clock's record on disk in place of the one before. Not worth an answer.
    case recordClock(ClockRecord)
    /// The disk was full: try again what was kept.
    case retry
}

/// A snapshot to be written.
public struct SnapshotPlan<Machine: StateMachine>: Sendable {
    /// What it stands for. Its length is not yet known.
    public var description: SnapshotDescription
    /// The state: a copy.
    public var machine: Machine

    /// A value of these fields.
    public init(description: SnapshotDescription, machine: Machine) {
        self.description = description
        self.machine = machine
    }
}

/// A part of a snapshot to be read, for a follower.
public struct SnapshotRead: Hashable, Sendable {
    /// Which read: the completion repeats it.
    public var number: UInt64
    /// Which snapshot.
    public var position: LogPosition
    /// Where the part begins, in bytes.
    public var offset: UInt64
    /// How long it is, in bytes.
    public var count: Int
}

/// What came of storage requests, in their order.
public enum StorageCompletion<Machine: StateMachine>: Sendable {
    /// The persist request of this number and all before it are durable.
    case persisted(UInt64)
    /// A leader's snapshot is durable, and this is its state.
    case received(transfer: UInt64, LogPosition, Machine)
    /// What the leader sent is not a snapshot, or there is no room for it; also before all of it has come.
    case receiveRefused(transfer: UInt64, String)
    /// A leader's snapshot is of a later release: this one can never go on.
    case receiveUnsupported(LogPosition, String)
    /// A snapshot of the own state is durable.
    case snapshotted(SnapshotDescription)
    /// It could not be written; nothing is lost.
    case snapshotFailed(LogPosition, String)
    /// It was not written to its end, since another snapshot began.
    case snapshotSuperseded(LogPosition)
    /// A part of a snapshot; nil where that snapshot is no longer there, or cannot be read.
    case read(SnapshotRead, [UInt8]?)
    /// The disk is full: the worker keeps what it was given, for ``StorageRequest/retry``.
    case full
    /// It has room again, and what was kept is done.
    case room
    /// The disk failed. Nothing after this counts.
    case failed(String)
}
