import Wire

/// What an operation came to.
public struct OperationOutcome: Hashable, Sendable {
    /// How the node stands afterwards.
    public enum State: String, Hashable, Sendable {
        /// It has a vote.
        case voter
        /// It is a member, and gets a vote by itself as soon as it has caught up.
        case learner
        /// It is no member.
        case removed
        /// It leads.
        case leader
    }

    /// The node's name.
    public var name: String
    /// Its replica.
    public var replica: ReplicaID
    /// How it stands.
    public var state: State
    /// What keeps it from being a voter, where that is known.
    public var detail: String?
}
