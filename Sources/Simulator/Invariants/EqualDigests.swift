import Ledger
import Raft
import Wire

/// State machines that applied the same index are in the same state (section 2: replicated state machines), whether
/// they came there by the log or by a snapshot.
struct EqualDigests: Invariant {
    private var digests: ContiguousArray<(digest: LedgerDigest, first: ReplicaID)?> = []

    mutating func applied(_ application: Application, by replica: ReplicaID) throws(InvariantViolation) {
        let place = Int(application.index.rawValue)
        while digests.count <= place { digests.append(nil) }
        guard let other = digests[place] else {
            digests[place] = (application.digest, replica)
            return
        }
        try compare(application.digest, with: other, at: application.index, by: replica)
    }

    /// A state machine was restored from a snapshot at an index. Not every entry is applied to it: what counts is the
    /// last one that was.
    mutating func restored(
        _ digest: LedgerDigest,
        at index: LogIndex,
        by replica: ReplicaID
    ) throws(InvariantViolation) {
        var place = min(Int(index.rawValue), digests.count - 1)
        while place >= 0 {
            if let other = digests[place] { return try compare(digest, with: other, at: index, by: replica) }
            place -= 1
        }
    }

    private func compare(
        _ digest: LedgerDigest,
        with other: (digest: LedgerDigest, first: ReplicaID),
        at index: LogIndex,
        by replica: ReplicaID
    ) throws(InvariantViolation) {
        guard digest != other.digest else { return }
        throw InvariantViolation(
            invariant: "EqualDigests",
            rule: "the same log makes the same state, section 2",
            detail: "two states differ at index \(index.rawValue)",
            replicas: [replica, other.first]
        )
    }
}
