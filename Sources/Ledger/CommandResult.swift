/// What became of a command: the case that belongs to it, or `rejected`.
public enum CommandResult: Hashable, Sendable {
    case sessionOpened(SessionID)
    case policiesSet(revision: UInt64)
    case policiesRefused(PolicyRefusal)
    case charged(ChargeOutcome)
    case spent(SpendOutcome)
    case rebound(RebindOutcome)
    case overridden(OverrideOutcome)
    case rotated(epoch: UInt32)
    /// The ledger's version now.
    case versionRaised(to: UInt32)
    /// The command was not applied.
    case rejected(Rejection)
}

/// Why a command was not applied at all.
public enum Rejection: UInt8, Hashable, Sendable {
    /// No such session: never opened, superseded by its owner's next, or closed as the least recently used.
    case unknownSession = 0
    /// The sequence is below the session's floor: its result was acknowledged and is forgotten.
    case belowFloor = 1
    /// The sequence is ``LedgerBounds/resultsPerSession`` or more above the floor. Not remembered: once earlier results
    /// are acknowledged the same command may come again.
    case tooManyUnacknowledged = 2
    /// A second `openSession` in one batch: a session is named by its entry.
    case secondSession = 3
    /// A secret of the wrong length.
    case badSecret = 4
    /// 2³² epochs have been since genesis.
    case epochsExhausted = 5
}
