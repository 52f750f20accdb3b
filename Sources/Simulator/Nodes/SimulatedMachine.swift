import Ledger
import Raft
import Replica

/// The ledger's own types, where a state machine's have the same names.
typealias LedgerCommand = Command
typealias LedgerBatch = Batch

/// A state machine that the simulation can look into: the ledger, and a later release's, which exists here alone.
protocol SimulatedMachine: StateMachine {
    /// The ledger in it.
    var ledger: Ledger { get }
    /// Sums of tallies; 0 in a machine that knows none.
    var tallied: UInt64 { get }
    /// The state of a new cluster, or of a replica that waits to be admitted to one.
    init(genesis: Genesis)
    /// A command of this release.
    static func command(_ command: LedgerCommand) -> Command
    /// A tally; nil for a machine that knows none.
    static func tally(_ amount: UInt64) -> Command?
    /// What became of a command, as the ledger tells it.
    static func result(_ output: Output) -> CommandResult
    /// The ledger's part of a batch.
    static func ledgerBatch(_ batch: Batch) -> LedgerBatch
}

extension Ledger: SimulatedMachine {
    var ledger: Ledger { self }
    var tallied: UInt64 { 0 }
    static func command(_ command: LedgerCommand) -> LedgerCommand { command }
    static func tally(_ amount: UInt64) -> LedgerCommand? { nil }
    static func result(_ output: CommandResult) -> CommandResult { output }
    static func ledgerBatch(_ batch: LedgerBatch) -> LedgerBatch { batch }
}
