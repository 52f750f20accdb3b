import Wire

/// Why a proposal was not taken. Nothing of it was put into the log.
public enum ProposalRefusal: Error, Hashable, Sendable {
    /// Only a leader proposes. Who that is, as far as is known.
    case notLeader(ReplicaID?)
    /// Leadership is being handed over.
    case transferring
    /// ``RaftSettings/uncommittedBytesMax`` or ``RaftSettings/unpersistedBytesMax`` is reached.
    case tooMuchWaiting
    /// A command above ``Entry/commandBytesMax``: it can never be taken.
    case commandTooLong
}

/// Why a change of the membership was not taken.
public enum ConfigurationRefusal: Error, Hashable, Sendable {
    /// Only a leader proposes.
    case notLeader(ReplicaID?)
    /// Leadership is being handed over.
    case transferring
    /// An earlier change is not yet committed, or a joint configuration not yet left.
    case changeInProgress
    /// This leader has not yet committed an entry of its own term: it cannot know which configuration is committed.
    case leaderNotEstablished
    /// No such member.
    case unknownMember(ReplicaID)
    /// Already a member, or another member has the name.
    case alreadyMember(ReplicaID)
    /// Not in the role that the step is for.
    case wrongRole(ReplicaID)
    /// The learner lacks more than ``RaftSettings/promotionLagEntriesMax`` entries.
    case notCaughtUp(ReplicaID, lagEntries: UInt64)
    /// Nobody would be left to vote.
    case noVoterLeft
    /// More than ``Configuration/membersMax`` members, or a name above ``Configuration/nameBytesMax``.
    case tooLarge
    /// A step without effect, or no step at all.
    case nothingToDo
}

/// Why leadership was not handed over.
public enum TransferRefusal: Error, Hashable, Sendable {
    /// Only a leader hands over.
    case notLeader(ReplicaID?)
    /// Not a voter, or this replica itself.
    case badTarget(ReplicaID)
    /// Under way already, to another.
    case transferring
}
