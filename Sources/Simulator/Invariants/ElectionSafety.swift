import Raft
import Wire

/// At most one leader can be elected in a term (section 5.2; figure 3, "Election Safety").
struct ElectionSafety: Invariant {
    private var leaders: [Term: ReplicaID] = [:]

    mutating func stepped<View: RaftView>(
        _ step: Step,
        _ view: View,
        _ record: ClusterRecord
    ) throws(InvariantViolation) {
        guard step.becameLeader else { return }
        let term = step.after.term
        let leader = leaders[term] ?? step.id
        leaders[term] = leader
        if leader != step.id {
            throw InvariantViolation(
                invariant: "ElectionSafety",
                rule: "one leader a term, section 5.2",
                detail: "term \(term.rawValue) has two leaders",
                replicas: [step.id, leader]
            )
        }
    }
}
