/// What a replica is in its term.
public enum Role: Hashable, Sendable {
    /// Answers; a learner is one that is not among the voters.
    case follower
    /// Asks whether it could win an election (dissertation, 9.6).
    case preCandidate
    /// Campaigns (section 5.2).
    case candidate
    /// Leads (section 5.3).
    case leader
}
