import Raft
import Wire

/// What the invariants remember of a replica.
struct ReplicaRecord: Sendable {
    /// The plain numbers of a replica, to see what a step changed.
    struct Numbers: Hashable, Sendable {
        var role = Role.follower
        var term = Term.zero
        var vote: ReplicaID?
        var commit = LogIndex.zero
        var applied = LogIndex.zero
        var snapshot = LogPosition.zero

        init<View: RaftView>(_ view: View) {
            role = view.role
            term = view.term
            vote = view.vote
            commit = view.commitIndex
            applied = view.appliedIndex
            snapshot = view.snapshot.position
        }
    }

    /// A membership and the entry that holds it.
    struct Membership: Sendable {
        var index: LogIndex
        var configuration: Configuration
    }

    let id: ReplicaID
    /// Between a start and the next crash.
    var isUp = true
    /// After its last step.
    var numbers: Numbers
    /// Its log in memory.
    var log: LogRecord
    /// Its disk.
    var durable: DurableRecord
    /// The memberships of its log; the first is the snapshot's. Never empty.
    var memberships: ContiguousArray<Membership>
    /// The membership before its last step, and after.
    var configurations: (before: Configuration, after: Configuration)

    init<View: RaftView>(_ view: View, restored: RestoredState) {
        id = view.id
        numbers = Numbers(view)
        log = LogRecord(restored)
        durable = DurableRecord(restored)
        memberships = Self.memberships(restored)
        configurations = (view.configuration, view.configuration)
    }

    static func memberships(_ restored: RestoredState) -> ContiguousArray<Membership> {
        var found: ContiguousArray = [
            Membership(index: restored.snapshot.position.index, configuration: restored.snapshot.configuration)
        ]
        for entry in restored.entries where entry.position.index > restored.snapshot.position.index {
            if case .configuration(let configuration) = entry.payload {
                found.append(Membership(index: entry.position.index, configuration: configuration))
            }
        }
        return found
    }
}
