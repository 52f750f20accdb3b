import Raft
import Wire

/// Which disks may be lost, so that what the system promises still holds.
///
/// What is committed is on a majority's disks, and a group that has lost a majority of its disks has lost promises for
/// good. So in every membership that may yet decide (in force at any replica, or asked for), disks of less than half of
/// the voters may be lost, counted for ever: a replica whose disk was lost or damaged never comes back under its id. A
/// membership that was left and is in force nowhere counts no more; replacing a lost voter makes room for the next loss.
struct FaultBudget {
    /// Replicas whose disk is lost or may be damaged.
    private(set) var lost: Set<ReplicaID> = []

    /// Whether this replica's disk may be lost too.
    func allows(losing replica: ReplicaID, in memberships: [Configuration]) -> Bool {
        lost.contains(replica) || memberships.allSatisfy { decides($0, without: replica) }
    }

    /// A replica's disk is lost, or will be found to be damaged.
    mutating func lose(_ replica: ReplicaID) { lost.insert(replica) }

    /// Whether a membership could still decide if all that are not lost were up.
    func decides(_ membership: Configuration, without replica: ReplicaID? = nil) -> Bool {
        isMajorityLeft(of: membership.voters, without: replica)
            && (membership.outgoing.isEmpty || isMajorityLeft(of: membership.outgoing, without: replica))
    }

    private func isMajorityLeft(of voters: [ReplicaID], without replica: ReplicaID?) -> Bool {
        let left = voters.reduce(0) { $0 + (lost.contains($1) || $1 == replica ? 0 : 1) }
        return 2 * left > voters.count
    }
}
