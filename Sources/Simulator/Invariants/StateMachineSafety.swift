import Raft
import Wire

/// No two replicas apply different entries at one index, and none applies what is not committed (section 5.4.3;
/// figure 3, "State Machine Safety").
struct StateMachineSafety: Invariant {
    private struct Applied {
        var application: Application
        var first: ReplicaID
    }

    private var known: [LogIndex: Applied] = [:]

    mutating func stepped<View: RaftView>(
        _ step: Step,
        _ view: View,
        _ record: ClusterRecord
    ) throws(InvariantViolation) {
        if step.after.applied > step.after.commit {
            throw violation(
                "applied through \(step.after.applied.rawValue), and committed through "
                    + "\(step.after.commit.rawValue)",
                [step.id]
            )
        }
        if !step.isStart, step.after.applied < step.before.applied {
            throw violation(
                "applied through \(step.before.applied.rawValue), then through "
                    + "\(step.after.applied.rawValue)",
                [step.id]
            )
        }
        guard step.after.applied > step.before.applied || step.isStart,
            let entry = record.committedEntry(at: step.after.applied)
        else { return }
        if !record.replicas[step.place].log.holds(entry.entry.position) {
            throw violation(
                "another entry was applied at index \(step.after.applied.rawValue) than the committed one",
                [step.id]
            )
        }
    }

    mutating func applied(_ application: Application, by replica: ReplicaID) throws(InvariantViolation) {
        let index = application.index
        guard let other = known[index] else {
            known[index] = Applied(application: application, first: replica)
            return
        }
        if other.application.batch != application.batch {
            throw violation("different batches were applied at index \(index.rawValue)", [replica, other.first])
        }
        if other.application.results != application.results {
            throw violation("one batch had different results at index \(index.rawValue)", [replica, other.first])
        }
    }

    private func violation(_ detail: String, _ replicas: [ReplicaID]) -> InvariantViolation {
        InvariantViolation(
            invariant: "StateMachineSafety",
            rule: "all apply the same entries, all of them committed, section 5.4.3",
            detail: detail,
            replicas: replicas
        )
    }
}
