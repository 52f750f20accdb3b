import Ledger
import Raft
import Replica
import Wire

/// How a node and its cluster stand, for an operator.
public struct ClusterStatus: Sendable {
    /// A member.
    public struct Member: Hashable, Sendable {
        /// Its name.
        public var name: String
        /// Where its peers reach it.
        public var address: String
        /// Its replica.
        public var replica: ReplicaID
        /// Whether it has a vote.
        public var isVoter: Bool
        /// Whether it leads.
        public var isLeader: Bool
        /// How far its log is known to be the leader's; nil where the leader does not say.
        public var matchIndex: UInt64?
        /// Whether the leader has heard it within an election timeout; where none says, whether this node is connected with it.
        public var isReachable: Bool?
    }

    /// This node's name.
    public var node: String
    /// How it stands to the cluster.
    public var membership: Membership
    /// Which cluster; nil while none is founded.
    public var cluster: ClusterID?
    /// The replica's standing; nil while there is none.
    public var replica: ReplicaStatus?
    /// Who leads, by name, as far as known.
    public var leader: String?
    /// Sorted by name.
    public var members: [Member]
    /// Nodes that wait to be admitted, by name.
    public var waiting: [WaitingNode]
    /// What the operator must know and has not come to an end.
    public var alarms: [String]
}

/// How a node stands to its cluster.
public enum Membership: String, Hashable, Sendable {
    /// There is no cluster yet.
    case founding
    /// It waits to be admitted.
    case waiting
    /// It belongs to it.
    case member
    /// It does not any more.
    case removed

    /// Of a node whose replica stands so; nil where it has none.
    init(_ status: ReplicaStatus?) {
        guard let status else {
            self = .founding
            return
        }
        if status.configuration.contains(status.id) {
            self = .member
        } else {
            // Whom a leader talks to is on its way in: the state that it was sent first may be older than its admission.
            self = status.configuration.members.isEmpty || status.leader != nil ? .waiting : .removed
        }
    }
}

extension Cluster {
    /// How the cluster stands.
    /// - Parameter isStale: as far as this node knows; else as a majority confirms.
    /// - Throws: ``OperationError/noQuorum`` where none does, and ``OperationError/notMember(_:)`` at a node that cannot ask.
    public func status(isStale: Bool) async throws(OperationError) -> ClusterStatus {
        if !isStale { try await confirmMembership() }
        let known = isStale ? [] : await progress()
        let view = view
        let configuration = view.status?.configuration ?? .empty
        let progress = known.isEmpty ? view.status.map(Reachability.progress) ?? [] : known
        let members = configuration.members.map { member in
            let seen = progress.first { $0.id == member.id }
            return ClusterStatus.Member(
                name: member.name,
                address: member.address,
                replica: member.id,
                isVoter: configuration.isVoter(member.id),
                isLeader: member.id == view.status?.leader,
                matchIndex: seen?.match,
                // Where no leader tells, this node says whom it is connected with.
                isReachable: seen?.isReachable ?? (member.id == view.status?.id || view.connected.contains(member.id))
            )
        }
        return ClusterStatus(
            node: name,
            membership: view.membership,
            cluster: view.cluster,
            replica: view.status,
            leader: members.first(where: \.isLeader)?.name,
            members: members.sorted { $0.name < $1.name },
            waiting: view.waiting.sorted { $0.name < $1.name },
            alarms: view.alarms
        )
    }
}
