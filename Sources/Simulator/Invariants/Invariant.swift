import Ledger
import Raft
import Wire

/// A rule that holds after every step. Each is a type of its own that keeps what it must remember, and throws where the
/// rule is broken.
///
/// All of these are called with what has just happened, after the record was brought up to date. An invariant has the
/// ones that concern it; the others do nothing. What happens at every step takes constant time, but for new entries.
protocol Invariant: Sendable {
    /// A replica started, or did something.
    mutating func stepped<View: RaftView>(
        _ step: Step,
        _ view: View,
        _ record: ClusterRecord
    ) throws(InvariantViolation)

    /// A replica sent a message. Its step was told before.
    mutating func sent(_ message: Message, _ record: ClusterRecord) throws(InvariantViolation)

    /// A replica applied an entry to its state machine.
    mutating func applied(_ application: Application, by replica: ReplicaID) throws(InvariantViolation)
}

extension Invariant {
    mutating func stepped<View: RaftView>(
        _ step: Step,
        _ view: View,
        _ record: ClusterRecord
    ) throws(InvariantViolation) {}

    mutating func sent(_ message: Message, _ record: ClusterRecord) throws(InvariantViolation) {}

    mutating func applied(_ application: Application, by replica: ReplicaID) throws(InvariantViolation) {}
}

/// An entry as it was applied by one replica's state machine.
public struct Application: Sendable {
    /// The entry's index.
    public var index: LogIndex
    /// What it said.
    public var batch: Batch
    /// What the state machine answered, in the order of the commands.
    public var results: [CommandResult]
    /// The state machine's digest after it.
    public var digest: LedgerDigest

    /// A value of these fields.
    public init(index: LogIndex, batch: Batch, results: [CommandResult], digest: LedgerDigest) {
        self.index = index
        self.batch = batch
        self.results = results
        self.digest = digest
    }
}
