import Raft

/// A leader never overwrites or deletes entries of its log (section 5.3; figure 3, "Leader Append-Only").
struct LeaderAppendOnly: Invariant {
    mutating func stepped<View: RaftView>(
        _ step: Step,
        _ view: View,
        _ record: ClusterRecord
    ) throws(InvariantViolation) {
        guard step.staysLeader, let removed = step.removedFrom else { return }
        throw InvariantViolation(
            invariant: "LeaderAppendOnly",
            rule: "a leader only appends, section 5.3",
            detail: "the leader of term \(step.after.term.rawValue) removed its entries from "
                + "\(removed.rawValue) on",
            replicas: [step.id]
        )
    }
}
