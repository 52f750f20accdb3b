import Raft
import Wire

/// What one step of a replica changed.
struct Step: Sendable {
    /// The replica's place in the record.
    var place: Int
    /// The replica.
    var id: ReplicaID
    /// Before; at a start the same as after.
    var before: ReplicaRecord.Numbers
    /// After.
    var after: ReplicaRecord.Numbers
    /// It has just started: nothing was changed, all is new.
    var isStart: Bool
    /// The first index whose entry was taken away or replaced; nil: none was.
    var removedFrom: LogIndex?
    /// The indices of new entries.
    var appended: Range<UInt64>
    /// Indices that became committed in the whole cluster with this step.
    var committed: Range<UInt64>

    /// Whether it leads and did not before, or not in this term.
    var becameLeader: Bool {
        after.role == .leader && (isStart || before.role != .leader || before.term != after.term)
    }

    /// Whether it led before and after, in one term.
    var staysLeader: Bool {
        !isStart && before.role == .leader && after.role == .leader && before.term == after.term
    }
}
