import Raft
import Wire

/// A linearizable read sees all that was committed when it was asked (section 8; dissertation, 6.4).
struct ReadSafety: Sendable {
    /// What a read must see.
    struct Expectation: Hashable, Sendable {
        fileprivate let committed: LogIndex
    }

    /// A read is asked, anywhere in the cluster.
    func asked(_ record: ClusterRecord) -> Expectation { Expectation(committed: record.lastCommitted) }

    /// The read is answered from the state after an index.
    func answered(
        _ expectation: Expectation,
        at applied: LogIndex,
        by replica: ReplicaID
    ) throws(InvariantViolation) {
        guard applied < expectation.committed else { return }
        throw InvariantViolation(
            invariant: "ReadSafety",
            rule: "a read sees what was committed before, section 8",
            detail: "a read saw the state at \(applied.rawValue), and \(expectation.committed.rawValue) was committed "
                + "before it was asked",
            replicas: [replica]
        )
    }
}
