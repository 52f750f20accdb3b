import Raft
import Wire

/// Memberships change one at a time, and any majority of one shares a voter with any of the next (section 6): the next
/// one begins when the one before is committed, in a term in which its leader has committed something (Ongaro's
/// correction of 2015 to single-server changes), and voters change only into and out of a joint membership.
struct ConfigurationSafety: Invariant {
    mutating func stepped<View: RaftView>(
        _ step: Step,
        _ view: View,
        _ record: ClusterRecord
    ) throws(InvariantViolation) {
        let memberships = record.replicas[step.place].memberships
        guard let newest = memberships.last else { return }
        if step.removedFrom != nil || step.appended.contains(newest.index.rawValue) || step.isStart,
            newest.configuration != view.configuration
        {
            throw violation(
                "the membership in force is not the log's last one, of index \(newest.index.rawValue)",
                step
            )
        }
        guard !step.appended.isEmpty, !step.isStart else { return }
        for place in memberships.indices.dropFirst() where step.appended.contains(memberships[place].index.rawValue) {
            let before = memberships[place - 1]
            let change = memberships[place]
            if !Self.overlap(before.configuration, change.configuration) {
                throw violation(
                    "the membership of index \(change.index.rawValue) may decide without that of index "
                        + "\(before.index.rawValue)",
                    step
                )
            }
            guard step.after.role == .leader, view.term(at: change.index) == step.after.term else { continue }
            if before.index > step.after.commit {
                throw violation(
                    "the membership of index \(change.index.rawValue) came when that of index "
                        + "\(before.index.rawValue) was not committed",
                    step
                )
            }
            if record.replicas[step.place].log.term(at: step.after.commit) != step.after.term {
                throw violation(
                    "a leader of term \(step.after.term.rawValue) that had committed nothing changed the membership",
                    step
                )
            }
        }
    }

    /// Whether majorities of two memberships always share a voter, as the rules of joint consensus make it so.
    static func overlap(_ before: Configuration, _ after: Configuration) -> Bool {
        switch (before.isJoint, after.isJoint) {
        case (false, true): after.outgoing == before.voters
        case (true, false): after.voters == before.voters
        case (false, false), (true, true): after.voters == before.voters && after.outgoing == before.outgoing
        }
    }

    private func violation(_ detail: String, _ step: Step) -> InvariantViolation {
        InvariantViolation(
            invariant: "ConfigurationSafety",
            rule: "one change at a time, by joint consensus, section 6",
            detail: detail,
            replicas: [step.id]
        )
    }
}
