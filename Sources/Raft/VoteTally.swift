import Wire

/// The votes of one election, or of the question before it. The first answer of a voter counts; a repeated one changes
/// nothing.
struct VoteTally: Sendable {
    private var answers: [(voter: ReplicaID, granted: Bool)] = []

    /// Nobody has answered.
    init() {}

    /// A voter has answered.
    mutating func record(_ voter: ReplicaID, granted: Bool) {
        guard !answers.contains(where: { $0.voter == voter }), answers.count < 2 * Configuration.membersMax else {
            return
        }
        answers.append((voter, granted))
    }

    /// What it comes to so far.
    func outcome(in configuration: Configuration) -> VoteOutcome {
        Quorum.outcome(in: configuration) { voter in answers.first { $0.voter == voter }?.granted }
    }
}
