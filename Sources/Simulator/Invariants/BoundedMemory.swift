import Raft
import Wire

/// What waits is bounded by the settings: entries that a leader has not seen committed, entries that a disk has not
/// taken, entries that a follower has not answered (the paper leaves it open; ``RaftSettings`` says why each).
///
/// Bytes of commands are counted, a little less than what the core counts. Each bound may be passed by the one message
/// that reaches it.
struct BoundedMemory: Invariant {
    private let settings: RaftSettings
    /// Looking at the followers makes an array: not at each step.
    private var untilProgress = 0
    /// Bytes of the longest message of entries: a single entry may be longer than the setting says.
    private var messageBytesMax: Int

    init(settings: RaftSettings) {
        self.settings = settings
        messageBytesMax = settings.appendBytesMax
    }

    mutating func stepped<View: RaftView>(
        _ step: Step,
        _ view: View,
        _ record: ClusterRecord
    ) throws(InvariantViolation) {
        for index in step.appended {
            let log = record.replicas[step.place].log
            let bytes = log.bytes(after: LogIndex(index - 1)) - log.bytes(after: LogIndex(index))
            messageBytesMax = max(messageBytesMax, bytes)
        }
        let disk = record.replicas[step.place].durable.pendingBytes
        if disk > settings.unpersistedBytesMax + messageBytesMax {
            throw violation("\(disk) bytes wait for the disk", step.id)
        }
        guard step.after.role == .leader else { return }
        let log = record.replicas[step.place].log
        // What it found in its log when it was elected counts for nobody.
        if step.staysLeader, !step.appended.isEmpty, log.term(at: step.after.commit) == step.after.term {
            let uncommitted = log.bytes(after: step.after.commit)
            if uncommitted > settings.uncommittedBytesMax + messageBytesMax {
                throw violation("\(uncommitted) bytes are not committed", step.id)
            }
        }
        untilProgress -= 1
        guard untilProgress < 0 else { return }
        untilProgress = 16
        for (id, progress) in view.progress where progress.state == .replicate && id != step.id {
            let sent = log.bytes(after: progress.match) - log.bytes(after: LogIndex(progress.next.rawValue - 1))
            // What has arrived and is not durable there is on its way no more, and not yet matched: after a hint the
            // leader goes on behind it. The member bounds it.
            if sent > settings.inflightBytesMax + settings.unpersistedBytesMax + messageBytesMax {
                throw violation("\(sent) bytes are on their way to one follower", step.id)
            }
        }
    }

    private func violation(_ detail: String, _ replica: ReplicaID) -> InvariantViolation {
        InvariantViolation(
            invariant: "BoundedMemory",
            rule: "every queue has a bound",
            detail: detail,
            replicas: [replica]
        )
    }
}
