/// What became of a command: the case that belongs to it, or `rejected`.
public enum CommandResult: Hashable, Sendable {
    /// The id to send with every later command of this boot.
    case sessionOpened(SessionID)
    /// The revision that stands now.
    case policiesSet(revision: UInt64)
    /// Nothing of the revision was taken.
    case policiesRefused(PolicyRefusal)
    /// What became of a charge.
    case charged(ChargeOutcome)
    /// What became of a spend.
    case spent(SpendOutcome)
    /// What became of a rebind.
    case rebound(RebindOutcome)
    /// What became of a change of an override.
    case overridden(OverrideOutcome)
    /// The number of the epoch that began.
    case rotated(epoch: UInt32)
    /// The ledger's version now.
    case versionRaised(to: UInt32)
    /// What became of a loan.
    case lent(LendOutcome)
    /// What became of a return.
    case returned(ReturnOutcome)
    /// What became of a report of issued challenges.
    case recorded(IssueOutcome)
    /// What became of a change of the cluster's factors.
    case pricesSet(PriceOutcome)
    /// What became of a report of what was let through.
    case reported(ReportOutcome)
    /// What became of a reset.
    case reset(ResetOutcome)
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
    /// The ledger's version says that not all members know this command. Not remembered: once they do, the same command
    /// may come again.
    case unknownToMembers = 6
}
