import Raft
import Wire

/// What a follower accepted from the leader of a term it never removes in that term, whatever old message comes
/// (section 5.3: it removes only what conflicts, and the leader's log only grows).
///
/// Said at once, where it would else take a crash of others until something committed is lost.
struct AcceptedStays: Invariant {
    private struct Accepted {
        var term: Term
        var through: LogIndex
    }

    private var accepted: [ReplicaID: Accepted] = [:]

    mutating func stepped<View: RaftView>(
        _ step: Step,
        _ view: View,
        _ record: ClusterRecord
    ) throws(InvariantViolation) {
        guard let removed = step.removedFrom, let known = accepted[step.id], known.term == step.after.term,
            removed <= known.through
        else { return }
        throw InvariantViolation(
            invariant: "AcceptedStays",
            rule: "only what conflicts is removed, section 5.3",
            detail: "entries from \(removed.rawValue) on were removed in term \(known.term.rawValue), in which those "
                + "through \(known.through.rawValue) had been accepted",
            replicas: [step.id]
        )
    }

    mutating func sent(_ message: Message, _ record: ClusterRecord) throws(InvariantViolation) {
        guard case .appendResponse(.accepted(let through)) = message.body else { return }
        if let known = accepted[message.from], known.term == message.term, known.through >= through { return }
        accepted[message.from] = Accepted(term: message.term, through: through)
    }
}
