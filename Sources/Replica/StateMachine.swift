import Ledger
import Raft
import Wire

/// What a replica applies its log to. ``Ledger/Ledger`` is the one there is; tests bring a later version of it.
///
/// A value with copies in constant time: a snapshot is written from a copy while the original goes on. Deterministic:
/// the same batches at the same indices make the same state and the same outputs at every replica. It keeps the results
/// of sessions, so that a command that stands in the log twice is applied once and answered with its first result.
public protocol StateMachine: Sendable {
    /// What can be asked.
    associatedtype Command: Sendable
    /// What becomes of a command.
    associatedtype Output: Sendable
    /// The content of one log entry.
    associatedtype Batch: Sendable
    /// Writes a snapshot.
    associatedtype SnapshotEncoder: StateEncoder
    /// Reads a snapshot.
    associatedtype SnapshotDecoder: StateDecoder where SnapshotDecoder.Machine == Self

    /// The latest version of commands that this release can apply.
    static var supportedVersion: UInt32 { get }

    /// The version from which on a command may be used: every member knows it then.
    static func requiredVersion(of command: Command) -> UInt32

    /// The command that opens a session for an owner, and closes the owner's earlier one. Its number is the entry's index.
    static func openSession(owner: ReplicaID) -> Command

    /// The command that says that all members know a version.
    static func raiseVersion(to version: UInt32) -> Command

    /// About how many bytes a command takes in a batch, rather too many; nil for one that no batch can hold, and for one
    /// that opens a session.
    static func bytes(of command: Command) -> Int?

    /// A batch in bytes, of commands whose sequences follow one another. Its time is not yet known. Of the command that
    /// opens a session the sequence is the opener's own number for it, of no meaning to the state machine.
    static func encode(_ commands: [Command], session: SessionID, sequence: UInt64, floor: UInt64) -> [UInt8]

    /// The time-stamp of a batch in bytes; nil where they cannot be a batch.
    static func time(of bytes: [UInt8]) -> LedgerTime?

    /// Puts the time-stamp into a batch in bytes.
    /// - Precondition: ``time(of:)`` is not nil.
    static func stamp(_ bytes: inout [UInt8], with time: LedgerTime)

    /// Reads a batch.
    /// - Parameter supportedVersion: commands that require a later version are refused, though this release knows them:
    ///   less than ``supportedVersion`` where tests play an earlier release.
    static func decode(_ bytes: [UInt8], supportedVersion: UInt32) throws(StateMachineError) -> Batch

    /// How many commands a batch has.
    static func count(of batch: Batch) -> Int

    /// Where the command at a place of a batch comes from.
    static func origin(of place: Int, in batch: Batch) -> CommandOrigin

    /// The session that a command opened.
    static func openedSession(_ output: Output) -> SessionID?

    /// Why a command was not applied; nil where it was.
    static func rejection(_ output: Output) -> Rejection?

    /// Writes a snapshot of the state as it is now, whatever becomes of the original. Takes constant time: the work is in
    /// the slices.
    func snapshotEncoder() -> SnapshotEncoder

    /// Reads a snapshot of that length, in bytes.
    static func snapshotDecoder(bytes: Int) -> SnapshotDecoder

    /// Applies a batch. Outputs are in the order of the commands.
    /// - Precondition: the index is greater than that of every batch before.
    mutating func apply(_ batch: Batch, index: LogIndex) -> [Output]

    /// The index of the last batch applied; 0 before the first.
    var lastBatchIndex: LogIndex { get }

    /// The latest time-stamp applied.
    var time: LedgerTime { get }

    /// The version of commands that may be used.
    var version: UInt32 { get }

    /// The number of the newest key epoch.
    var keyEpoch: UInt32 { get }

    /// A summary of all state: equal states have equal digests.
    var digest: LedgerDigest { get }

    /// An owner's open session.
    func session(of owner: ReplicaID) -> SessionID?
}

/// Writes a snapshot in slices, from a copy of the state.
public protocol StateEncoder: Sendable {
    /// The next slice: so many bytes, fewer only at the end; nil after that. Takes time in proportion to them, but for a
    /// bounded amount.
    /// - Precondition: at least one byte is asked for.
    mutating func next(bytes: Int) -> [UInt8]?
}

/// Reads a snapshot as its bytes come, in pieces of any size.
public protocol StateDecoder: Sendable {
    /// Whose snapshot it is.
    associatedtype Machine
    /// Takes the next bytes, in time in proportion to them. Nothing more is to be asked after an error.
    mutating func take(_ bytes: [UInt8]) throws(StateMachineError)
    /// The state, once all bytes have come.
    func finish() throws(StateMachineError) -> Machine
}

/// Where a command of a batch comes from.
public enum CommandOrigin: Hashable, Sendable {
    /// It opens a session of this owner; the number tells the opener that it is its own.
    case opening(owner: ReplicaID, number: UInt64)
    /// It belongs to a session.
    case session(SessionID, sequence: UInt64)
}

/// Why a state machine cannot go on with what it was given: another release wrote it, or it is damaged.
public struct StateMachineError: Error, Hashable, Sendable {
    /// What is wrong, in words.
    public var explanation: String

    /// A value of these fields.
    public init(_ explanation: String) { self.explanation = explanation }
}
