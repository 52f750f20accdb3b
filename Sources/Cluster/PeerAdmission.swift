import Raft
import RaftTransport
import Replica
import Wire

/// Whether to talk to a node that says who it is, by what this node knows of the members.
///
/// Asked at each handshake, and again about all that are connected when the members have changed. It keeps out whoever
/// takes itself for a member and is none: a removed node, the old disk of a replaced one, a copy of a disk. Three things it
/// must not do:
/// - keep out a node that has no place yet and says so. It founds, or waits to be admitted, has perhaps a member's name and
///   another disk, and must hear that there is a cluster;
/// - keep out by old knowledge. A node that was away may meet members that it has never heard of, and they are who can tell
///   it. So each says up to which index of the log it knows the members, and only who knows as much or more judges;
/// - decide for good. Who is refused dials again, so what was too early heals by itself.
///
/// What a message says is judged by the core: it drops what is not for its replica id, or not from the one that it names.
struct PeerAdmission: Equatable {
    /// This node.
    let name: String
    /// Where it says that it is reached.
    let address: String
    /// Its replica.
    private(set) var replica: ReplicaID
    /// Nil while it founds.
    private(set) var cluster: ClusterID?
    /// Up to where it knows the members: what it has applied.
    private(set) var known = LogIndex(0)
    /// The members as of then; none while it founds, or waits to be admitted.
    private(set) var members: [Member] = []
    /// Members of a later entry that is not decided yet.
    private(set) var coming: [Member] = []
    /// That entry, where it makes this node a voter.
    private(set) var promotion: LogIndex?

    /// Of a node as it stands.
    init<Machine: StateMachine>(name: String, address: String, drawn: ReplicaID, node: Node<Machine>) {
        self.name = name
        self.address = address
        replica = node.founding?.replica ?? drawn
        cluster = node.cluster
        node.withReplica { running in
            replica = running.id
            known = running.appliedIndex
            members = running.raft.appliedConfiguration.members
            coming = running.raft.configuration.members
            promotion = running.raft.configuration.isVoter(running.id) ? running.raft.configurationIndex : nil
        }
    }

    /// As a value of its parts.
    init(
        name: String,
        address: String,
        replica: ReplicaID,
        cluster: ClusterID?,
        known: LogIndex,
        members: [Member],
        coming: [Member] = [],
        promotion: LogIndex? = nil
    ) {
        self.name = name
        self.address = address
        self.replica = replica
        self.cluster = cluster
        self.known = known
        self.members = members
        self.coming = coming
        self.promotion = promotion
    }

    /// What this node says of itself.
    var identity: NodeIdentity {
        NodeIdentity(name: name, replica: replica, cluster: cluster, membership: membership, address: address)
    }

    /// One that is being admitted says so as well: with it a majority may be at stake, and a seed that has the wrong folder is
    /// to hear of it. One that an entry makes a voter was a learner before, as was decided: it is a member, though it has not
    /// applied so much since it was started, and those that would tell it may be away. See ``LoneMember``.
    private var membership: UInt64? {
        if members.contains(where: { $0.id == replica }) { return known.rawValue }
        if let promotion { return promotion.rawValue }
        return coming.contains { $0.id == replica } ? NodeIdentity.undecided : nil
    }

    /// Why not to talk to a node, for its operator and this one's; nil where nothing speaks against it. That clusters and
    /// certificates differ is the transport's to say.
    func objection(to peer: NodeIdentity) -> String? {
        guard cluster != nil, !members.isEmpty else { return nil }
        if peer.replica == replica, peer.cluster != nil {
            return """
                the address that was dialled leads to \(name) itself, or \(peer.name) has a copy of its disk: correct the \
                address; or stop the copy, clear its data folder, and have it admitted
                """
        }
        if let member = (members + coming).first(where: { $0.id == peer.replica }) {
            // Whatever it knows: a certificate is good for one member.
            guard !(members + coming).contains(where: { $0.id == peer.replica && $0.name == peer.name }) else {
                return nil
            }
            return """
                \(peer.name) has the disk of member \(member.name): start it there; or clear the data folder of \
                \(peer.name), and have it admitted
                """
        }
        guard peer.cluster != nil, let theirs = peer.membership, theirs <= known.rawValue else { return nil }
        let remedy = "stop it; or clear its data folder, and run"
        if let present = members.first(where: { $0.name == peer.name }) {
            return """
                \(Self.replacement(of: peer.name, peer.replica)), and was replaced by \(present.id). If that is not a node that runs elsewhere, \(remedy) "tollgate cluster replace \(peer.name)"
                """
        }
        return """
            \(Self.removal(of: peer.name, peer.replica)): \(remedy) "tollgate cluster add \(peer.name)"
            """
    }

    /// How an objection to a node begins that was removed.
    private static func removal(of name: String, _ replica: ReplicaID) -> String {
        "\(name) was removed from the cluster, with its replica \(replica)"
    }

    /// How an objection to a node begins in whose place another disk of it is a member.
    private static func replacement(of name: String, _ replica: ReplicaID) -> String {
        "\(name) has an old disk: its replica \(replica) is no member any more"
    }

    /// What a member's objection to this node says of this one's own end; nil where it says something else. Who judges knows
    /// what is decided, and nobody comes back as the same replica: it is so for ever.
    func dismissal(in objection: String) -> Dismissal? {
        if objection.hasPrefix(Self.removal(of: name, replica)) { return .removed }
        return objection.hasPrefix(Self.replacement(of: name, replica)) ? .replaced : nil
    }

    /// What the operator should know of a node that is let in: a member's name on another disk.
    func remark(on peer: PeerIdentity) -> String? {
        guard !peer.isMember, !(members + coming).contains(where: { $0.id == peer.replica }),
            let member = members.first(where: { $0.name == peer.name })
        else { return nil }
        return """
            \(peer.name) has another disk than the member of this name: its replica is \(peer.replica), and the member's \
            \(member.id). If the member's disk is lost, run "tollgate cluster replace \(peer.name)"; if not, give it back
            """
    }
}
