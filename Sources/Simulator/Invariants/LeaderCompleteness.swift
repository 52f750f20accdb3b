import Raft
import Wire

/// An entry that is committed in a term is in the log of the leaders of all later terms (section 5.4; figure 3, "Leader
/// Completeness").
struct LeaderCompleteness: Invariant {
    mutating func stepped<View: RaftView>(
        _ step: Step,
        _ view: View,
        _ record: ClusterRecord
    ) throws(InvariantViolation) {
        if step.becameLeader {
            // Not always the last one: a leader of an old term may come to know of its election late.
            if let entry = record.committed.last(where: { $0.inTerm < step.after.term }) {
                try check(step.place, holds: entry, record)
            }
        }
        guard let last = step.committed.last, let entry = record.committedEntry(at: LogIndex(last)) else { return }
        for place in record.replicas.indices where record.replicas[place].isUp {
            let numbers = record.replicas[place].numbers
            if numbers.role == .leader, numbers.term > entry.inTerm { try check(place, holds: entry, record) }
        }
    }

    private func check(
        _ place: Int,
        holds entry: ClusterRecord.CommittedEntry,
        _ record: ClusterRecord
    ) throws(InvariantViolation) {
        let leader = record.replicas[place]
        let position = entry.entry.position
        guard !leader.log.holds(position) else { return }
        throw InvariantViolation(
            invariant: "LeaderCompleteness",
            rule: "a leader has all that was committed before its term, section 5.4",
            detail: "the leader of term \(leader.numbers.term.rawValue) lacks index \(position.index.rawValue) of term "
                + "\(position.term.rawValue), committed in term \(entry.inTerm.rawValue)",
            replicas: [leader.id]
        )
    }
}
