import Raft
import Wire

/// A replica votes once in a term, also across restarts, and its vote is on disk before it is told (section 5.2;
/// figure 2, "Persistent state on all servers").
struct VoteDurability: Invariant {
    /// Votes that others were told.
    private var told: [ClusterRecord.VoteKey: ReplicaID] = [:]

    mutating func stepped<View: RaftView>(
        _ step: Step,
        _ view: View,
        _ record: ClusterRecord
    ) throws(InvariantViolation) {
        if let vote = step.before.vote, step.before.term == step.after.term, step.after.vote != vote {
            throw violation("its vote of term \(step.after.term.rawValue) changed", [step.id, vote])
        }
        if step.after.term < step.before.term {
            throw violation("its term went back to \(step.after.term.rawValue)", [step.id])
        }
        if let double = record.doubleVote {
            throw violation(
                "two votes of term \(double.key.term.rawValue) became durable",
                [double.key.voter, double.first, double.second]
            )
        }
    }

    mutating func sent(_ message: Message, _ record: ClusterRecord) throws(InvariantViolation) {
        guard case .voteResponse(let response) = message.body, response.granted, !response.isPreVote else { return }
        let key = ClusterRecord.VoteKey(voter: message.from, term: message.term)
        let first = told.updateValue(message.to, forKey: key)
        if let first, first != message.to {
            throw violation(
                "two candidates of term \(message.term.rawValue) have its vote",
                [message.from, first, message.to]
            )
        }
        if record.votes[key] != message.to {
            throw violation(
                "its vote of term \(message.term.rawValue) was told before it was durable",
                [message.from, message.to]
            )
        }
    }

    private func violation(_ detail: String, _ replicas: [ReplicaID]) -> InvariantViolation {
        InvariantViolation(
            invariant: "VoteDurability",
            rule: "one vote a term, on disk before the answer, section 5.2 and figure 2",
            detail: detail,
            replicas: replicas
        )
    }
}
