import Raft
import Wire

/// If two logs have an entry with the same index and term, they are the same in all entries up to it (section 5.3;
/// figure 3, "Log Matching").
///
/// For each position it keeps what the first log had there, and the term before. That two logs agree below follows by
/// induction, so each new entry costs one comparison.
struct LogMatching: Invariant {
    private struct Known {
        var entry: Entry
        /// The term of the entry before.
        var previous: Term
        var first: ReplicaID
    }

    /// For each index, what is known of each term.
    private var known: ContiguousArray<ContiguousArray<Known>> = []

    mutating func stepped<View: RaftView>(
        _ step: Step,
        _ view: View,
        _ record: ClusterRecord
    ) throws(InvariantViolation) {
        for number in step.appended {
            let index = LogIndex(number)
            guard let entry = view.entry(at: index),
                let previous = record.replicas[step.place].log.term(at: LogIndex(number - 1))
            else { continue }
            if entry.position.index != index || entry.position.term < previous || entry.position.term > step.after.term
            {
                throw violation(
                    "an entry of term \(entry.position.term.rawValue) follows one of term "
                        + "\(previous.rawValue) at index \(number)",
                    [step.id]
                )
            }
            let place = Int(number) - 1
            while known.count <= place { known.append([]) }
            guard let at = known[place].firstIndex(where: { $0.entry.position == entry.position }) else {
                known[place].append(Known(entry: entry, previous: previous, first: step.id))
                continue
            }
            let other = known[place][at]
            if other.previous != previous || other.entry != entry {
                throw violation(
                    "the entries at index \(number), term \(entry.position.term.rawValue), "
                        + (other.entry == entry ? "follow different ones" : "differ"),
                    [step.id, other.first]
                )
            }
        }
    }

    private func violation(_ detail: String, _ replicas: [ReplicaID]) -> InvariantViolation {
        InvariantViolation(
            invariant: "LogMatching",
            rule: "logs that share a position are the same up to it, section 5.3",
            detail: detail,
            replicas: replicas
        )
    }
}
