import Raft
import Wire

/// A snapshot covers what is committed and nothing more, and carries the membership that was committed there
/// (section 7).
struct SnapshotSafety: Invariant {
    mutating func stepped<View: RaftView>(
        _ step: Step,
        _ view: View,
        _ record: ClusterRecord
    ) throws(InvariantViolation) {
        guard step.isStart || step.after.snapshot != step.before.snapshot else { return }
        try check(view.snapshot, of: step.id, record)
        if step.after.snapshot.index < step.before.snapshot.index {
            throw violation("a snapshot at \(step.after.snapshot.index.rawValue) replaced a later one", step.id)
        }
        if step.after.snapshot.index > step.after.commit {
            throw violation(
                "a snapshot at \(step.after.snapshot.index.rawValue) is beyond what its replica knows as committed",
                step.id
            )
        }
    }

    mutating func sent(_ message: Message, _ record: ClusterRecord) throws(InvariantViolation) {
        guard case .snapshotRequest(let part) = message.body else { return }
        try check(part.snapshot, of: message.from, record)
    }

    private func check(
        _ snapshot: SnapshotDescription,
        of replica: ReplicaID,
        _ record: ClusterRecord
    ) throws(InvariantViolation) {
        let position = snapshot.position
        guard position != .zero else { return }
        guard let entry = record.committedEntry(at: position.index), entry.entry.position == position else {
            throw violation("a snapshot at \(position.index.rawValue) covers what is not committed", replica)
        }
        if record.membership(at: position.index) != snapshot.configuration {
            throw violation(
                "a snapshot at \(position.index.rawValue) carries a membership that was not committed there",
                replica
            )
        }
    }

    private func violation(_ detail: String, _ replica: ReplicaID) -> InvariantViolation {
        InvariantViolation(
            invariant: "SnapshotSafety",
            rule: "committed entries and their membership, section 7",
            detail: detail,
            replicas: [replica]
        )
    }
}
