import Wire

/// What can be asked of the ledger.
public enum Command: Hashable, Sendable {
    /// A boot begins. Answered by ``CommandResult/sessionOpened(_:)``; closes the owner's earlier session.
    case openSession(owner: ReplicaID)
    /// All policies and limits, in place of those of `expectedRevision`. Genesis is revision 0, without policies.
    case setPolicies(expectedRevision: UInt64, policies: [PolicyDefinition])
    /// Answered by ``CommandResult/charged(_:)``.
    case charge(Charge)
    /// Answered by ``CommandResult/spent(_:)``. With ``Spend/pricing`` from ``Ledger/lendingVersion`` on.
    case spend(Spend)
    /// Answered by ``CommandResult/rebound(_:)``.
    case rebind(Rebind)
    /// Answered by ``CommandResult/overridden(_:)``. With ``OverrideChange/label`` from ``Ledger/lendingVersion`` on.
    case override(OverrideChange)
    /// Answered by ``CommandResult/reset(_:)``. From ``Ledger/lendingVersion`` on.
    case reset(QuotaReset)
    /// A new key epoch. The secret is ``LedgerBounds/secretBytes`` of fresh randomness.
    case rotate(secret: [UInt8])
    /// All members know this version of the ledger's commands. Never lowers it.
    case raiseVersion(to: UInt32)
    /// Answered by ``CommandResult/lent(_:)``. From ``Ledger/lendingVersion`` on.
    case lend(Lend)
    /// Answered by ``CommandResult/returned(_:)``. From ``Ledger/lendingVersion`` on.
    case returnUnits(SliceReturn)
    /// Answered by ``CommandResult/recorded(_:)``. From ``Ledger/lendingVersion`` on.
    case record(IssueReport)
    /// Answered by ``CommandResult/pricesSet(_:)``. From ``Ledger/lendingVersion`` on.
    case setPrices(PriceChange)
    /// Answered by ``CommandResult/reported(_:)``. From ``Ledger/lendingVersion`` on.
    case report(AdmissionReport)
}

/// A command, and what makes it happen once.
public struct SequencedCommand: Hashable, Sendable {
    /// The session of the boot that proposes. Ignored for `openSession`, as are the next two.
    public var session: SessionID
    /// Grows by one with each command of the session. The same number again is the same command again, and is answered
    /// with the first result.
    public var sequence: UInt64
    /// Every result below this sequence has arrived; the ledger forgets them.
    public var floor: UInt64
    /// What is asked.
    public var command: Command

    /// A value of these fields.
    public init(session: SessionID, sequence: UInt64, floor: UInt64, command: Command) {
        self.session = session
        self.sequence = sequence
        self.floor = floor
        self.command = command
    }
}

/// One log entry: commands, and the time of all of them.
public struct Batch: Hashable, Sendable {
    /// The proposer's estimate of replicated time. An earlier one than the ledger's own does nothing.
    public var time: LedgerTime
    /// At most ``LedgerBounds/batchCommands``, at most one of them an `openSession`.
    public var commands: [SequencedCommand]

    /// A value of these fields.
    public init(time: LedgerTime, commands: [SequencedCommand]) {
        self.time = time
        self.commands = commands
    }
}
