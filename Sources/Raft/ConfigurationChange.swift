import Wire

/// A change of the membership, as one step of the log. One that changes who votes goes through a joint configuration,
/// which the leader leaves by itself.
public struct ConfigurationChange: Hashable, Sendable {
    /// One part of a change.
    public enum Step: Hashable, Sendable {
        /// A new member without a vote.
        case addLearner(Member)
        /// A learner becomes a voter. Refused while it is not caught up.
        case promote(ReplicaID)
        /// A voter becomes a learner.
        case demote(ReplicaID)
        /// A member leaves the group.
        case remove(ReplicaID)
        /// A member's address or name is another one from now on.
        case update(Member)
    }

    /// All of them, or none.
    public var steps: [Step]

    /// A value of these fields.
    public init(_ steps: [Step]) { self.steps = steps }
}
