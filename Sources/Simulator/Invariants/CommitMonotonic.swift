import Raft
import Wire

/// What a replica knows to be committed only grows, and a committed index never gets another entry, at any replica
/// (sections 5.3 and 5.4: "committed" is durable and will be executed by all).
struct CommitMonotonic: Invariant {
    mutating func stepped<View: RaftView>(
        _ step: Step,
        _ view: View,
        _ record: ClusterRecord
    ) throws(InvariantViolation) {
        if !step.isStart, step.after.commit < step.before.commit {
            throw violation(
                "the commit index went from \(step.before.commit.rawValue) back to "
                    + "\(step.after.commit.rawValue)",
                step
            )
        }
        if let removed = step.removedFrom, removed <= step.before.commit {
            throw violation(
                "entries from \(removed.rawValue) on were removed, and \(step.before.commit.rawValue) is "
                    + "committed",
                step
            )
        }
        if step.after.commit > view.lastPosition.index {
            throw violation(
                "\(step.after.commit.rawValue) is committed in a log that ends at "
                    + "\(view.lastPosition.index.rawValue)",
                step
            )
        }
        guard step.isStart || step.after.commit > step.before.commit,
            let entry = record.committedEntry(at: step.after.commit)
        else { return }
        // That those below are the same follows from log matching.
        if !record.replicas[step.place].log.holds(entry.entry.position) {
            throw violation("index \(step.after.commit.rawValue) is committed with another entry elsewhere", step)
        }
    }

    private func violation(_ detail: String, _ step: Step) -> InvariantViolation {
        InvariantViolation(
            invariant: "CommitMonotonic",
            rule: "committed is for ever, sections 5.3 and 5.4",
            detail: detail,
            replicas: [step.id]
        )
    }
}
