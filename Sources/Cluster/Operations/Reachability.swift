import Raft
import Replica
import Wire

/// Who answers a leader, and what follows for operations. Pure.
enum Reachability {
    /// Whether a member has answered the leader within an election timeout; the leader itself has.
    static func isReachable(_ id: ReplicaID, _ leader: ReplicaStatus) -> Bool {
        id == leader.id || leader.progress.contains { $0.id == id && $0.progress.recentlyActive }
    }

    /// Whether it counts where a majority is needed: who has lost what it had acknowledged does not.
    private static func counts(_ id: ReplicaID, _ leader: ReplicaStatus) -> Bool {
        isReachable(id, leader) && !isForgetful(id, leader)
    }

    /// How far the members are; empty where this node does not lead. Sorted by id.
    static func progress(_ leader: ReplicaStatus) -> [OperationAnswer.Progress] {
        guard leader.role == .leader else { return [] }
        return leader.configuration.members.map { member in
            let seen = leader.progress.first { $0.id == member.id }?.progress.match ?? .zero
            return OperationAnswer.Progress(
                id: member.id,
                match: (member.id == leader.id ? leader.lastIndex : seen).rawValue,
                isReachable: isReachable(member.id, leader)
            )
        }
    }

    /// Why a change must not be: a majority of those who would vote afterwards does not answer, so that nothing could be
    /// decided any more, not even to take the change back.
    static func refusal(of change: ConfigurationChange, _ leader: ReplicaStatus) -> String? {
        var voters = leader.configuration.voters
        for step in change.steps {
            switch step {
            case .remove(let id), .demote(let id): voters.removeAll { $0 == id }
            // The core promotes nobody who is not reachable.
            case .promote, .addLearner, .update: break
            }
        }
        let reachable = voters.count { counts($0, leader) }
        guard !voters.isEmpty, voters != leader.configuration.voters, reachable <= voters.count / 2 else { return nil }
        let lost = forgetful(leader)
        return "Of the \(voters.count) voters that would be left \(reachable) can be reached, which is no majority: "
            + "nothing could be decided any more. Bring another one back first, or remove those that are gone"
            + (lost.isEmpty ? "" : ". Who has lost entries does not count: \(lost.joined(separator: ", "))")
    }

    /// The reachable voter that has most of the log.
    static func successor(_ leader: ReplicaStatus) -> ReplicaID? {
        leader.progress.filter {
            $0.id != leader.id && counts($0.id, leader) && leader.configuration.voters.contains($0.id)
        }.max { $0.progress.match < $1.progress.match }?.id
    }

    /// Ticks since a member was heard by its leader, or since that leads; nil for the leader itself, and for who is no member.
    static func silentTicks(_ id: ReplicaID, _ leader: ReplicaStatus) -> Int? {
        guard id != leader.id else { return nil }
        return leader.progress.first { $0.id == id }?.progress.silentTicks
    }

    /// Denials after which a member's disk counts as one that has lost entries: an answer to an earlier question may come late,
    /// and these come at least ``Raft/RaftSettings/retryTicks`` apart.
    private static let denialsMax = 2

    /// Names of members that lack what they had acknowledged to their leader; none where this node does not lead. Sorted.
    static func forgetful(_ leader: ReplicaStatus) -> [String] {
        guard leader.role == .leader else { return [] }
        return leader.configuration.members.filter { isForgetful($0.id, leader) }.map(\.name).sorted()
    }

    /// Whether a member lacks what it had acknowledged to this leader; false where this node does not lead.
    static func isForgetful(_ id: ReplicaID, _ leader: ReplicaStatus) -> Bool {
        leader.progress.contains { $0.id == id && $0.progress.denials > denialsMax }
    }

    /// The member in whose place a change puts another replica of its name; nil for a change that does no such thing.
    static func replaced(by change: ConfigurationChange, _ configuration: Configuration) -> Member? {
        configuration.members.first { member in
            change.steps.contains(.remove(member.id))
                && change.steps.contains {
                    if case .addLearner(let new) = $0 { new.name == member.name } else { false }
                }
        }
    }
}
