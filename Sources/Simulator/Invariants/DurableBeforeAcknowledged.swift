import Raft
import Wire

/// A replica that accepts entries through an index has them on its disk, those very ones (section 5.3; figure 2,
/// "Updated on stable storage before responding to RPCs").
struct DurableBeforeAcknowledged: Invariant {
    mutating func sent(_ message: Message, _ record: ClusterRecord) throws(InvariantViolation) {
        let index: LogIndex
        switch message.body {
        case .appendResponse(.accepted(let through)): index = through
        case .snapshotResponse(let response):
            guard case .installed(let through) = response.outcome else { return }
            index = through
        default: return
        }
        guard let place = record.place(of: message.from) else { return }
        // What is in memory now is what the leader is to believe; an index that was taken away and filled again counts
        // only with its new entry.
        guard let term = record.replicas[place].log.term(at: index) else {
            if index <= record.replicas[place].log.base.index { return }
            throw violation("it accepted entries through \(index.rawValue) and has none there", message.from)
        }
        if !record.replicas[place].durable.log.holds(LogPosition(term: term, index: index)) {
            throw violation("it accepted entries through \(index.rawValue), which is not on its disk", message.from)
        }
    }

    private func violation(_ detail: String, _ replica: ReplicaID) -> InvariantViolation {
        InvariantViolation(
            invariant: "DurableBeforeAcknowledged",
            rule: "on disk before the answer, section 5.3 and figure 2",
            detail: detail,
            replicas: [replica]
        )
    }
}
