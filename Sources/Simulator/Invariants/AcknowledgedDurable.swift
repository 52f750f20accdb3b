import Raft
import Wire

/// What is committed is on the disks of a majority, of both sets of voters in a joint membership, before the leader
/// says so; and a disk that comes back has all that was durable on it (sections 5.3, 5.4.2 and 6; figure 2, "Updated on
/// stable storage before responding").
///
/// The leader's own disk counts like any other: alone, it must be durable there.
struct AcknowledgedDurable: Invariant {
    mutating func stepped<View: RaftView>(
        _ step: Step,
        _ view: View,
        _ record: ClusterRecord
    ) throws(InvariantViolation) {
        guard !step.isStart, step.after.role == .leader, step.after.commit > step.before.commit,
            let entry = record.committedEntry(at: step.after.commit)
        else { return }
        let position = entry.entry.position
        let isOnDisk = { (voter: ReplicaID) -> Bool in
            guard let place = record.place(of: voter) else { return false }
            return record.replicas[place].durable.log.holds(position)
        }
        // The membership may have changed with the same step, before or after.
        let memberships = record.replicas[step.place].configurations
        guard !record.isQuorum(of: memberships.before, where: isOnDisk),
            !record.isQuorum(of: memberships.after, where: isOnDisk)
        else { return }
        throw violation("index \(position.index.rawValue) is committed and not on the disks of a majority", step.id)
    }

    /// A disk came back.
    func started(_ step: Step, loss: String?) throws(InvariantViolation) {
        if let loss { throw violation(loss, step.id) }
    }

    private func violation(_ detail: String, _ replica: ReplicaID) -> InvariantViolation {
        InvariantViolation(
            invariant: "AcknowledgedDurable",
            rule: "a majority's disks, before anyone is told, sections 5.3 and 6",
            detail: detail,
            replicas: [replica]
        )
    }
}
