import Raft
import Wire

/// A leader commits by counting only an entry of its own term, and those before it along with it (section 5.4.2;
/// figure 8).
struct CommitRule: Invariant {
    mutating func stepped<View: RaftView>(
        _ step: Step,
        _ view: View,
        _ record: ClusterRecord
    ) throws(InvariantViolation) {
        guard step.staysLeader, step.after.commit > step.before.commit,
            let term = record.replicas[step.place].log.term(at: step.after.commit), term != step.after.term
        else { return }
        throw InvariantViolation(
            invariant: "CommitRule",
            rule: "only entries of the own term are committed by counting, section 5.4.2",
            detail: "the leader of term \(step.after.term.rawValue) committed index "
                + "\(step.after.commit.rawValue) of term \(term.rawValue)",
            replicas: [step.id]
        )
    }
}
