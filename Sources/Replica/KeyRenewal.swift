import Raft
import Wire

/// Whether the keys are to be renewed: who has left the cluster knows those of before.
///
/// It follows from the log alone: a membership without one of the members before makes it due, and the next key epoch ends
/// it. So every replica knows it, whoever leads next, and all forget it at the same entry. A snapshot does not hold it:
/// none is made between the two entries, as long as there is hope for the second.
struct KeyRenewal: Hashable, Sendable {
    /// While there is a leader, snapshots wait for so many ticks at most: 5 s at 10 ms, some times what a decision may take.
    /// A leader of an earlier release may never renew them.
    static let heldTicksMax = 500

    /// The entry by which somebody left, of the last who did; nil where the keys are newer.
    private(set) var dueSince: LogIndex?
    /// Who were members, as of the last entry applied.
    private var members: [ReplicaID]
    private var heldTicks = 0

    /// As of a snapshot.
    init(_ configuration: Configuration) { members = configuration.members.map(\.id) }

    /// A membership was applied. Who leaves by way of a joint one is a member in that.
    mutating func applied(_ configuration: Configuration, at index: LogIndex) {
        if members.contains(where: { !configuration.contains($0) }) {
            dueSince = index
            heldTicks = 0
        }
        members = configuration.members.map(\.id)
    }

    /// A key epoch has begun.
    mutating func renewed() { dueSince = nil }

    /// A tick has passed.
    mutating func ticked(hasLeader: Bool) {
        if dueSince != nil, hasLeader { heldTicks += 1 }
    }

    /// Whether a snapshot of now would lose what is due.
    var holdsSnapshots: Bool { dueSince != nil && heldTicks < Self.heldTicksMax }
}
