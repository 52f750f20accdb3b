import Raft
import RaftTransport
import Replica
import Wire

/// Where nodes are reached: seeds and members by name, and whoever else has said so.
///
/// A member's word counts more than the configuration: it may have moved, or be newer than what this node knows, and it must be
/// answered before it can tell what it knows. Where this node itself has moved, all may have, so that nobody could tell: then
/// the configuration counts more than what is decided.
struct PeerBook {
    /// Nodes that are neither seeds nor members and of which the address is kept.
    private static let strangersMax = 16
    /// Nodes of which the own word is kept: twice as many as there are members.
    private static let metMax = 2 * Configuration.membersMax

    let own: String
    private let seeds: [PeerAddress]
    private var members: [Member] = []
    /// What nodes that take themselves for members have said when they connected, newest last.
    private var met: [(replica: ReplicaID, address: PeerAddress)] = []
    private var strangers: [(replica: ReplicaID, address: PeerAddress)] = []

    init(own: String, seeds: FoundingSeeds) {
        self.own = own
        self.seeds = seeds.seeds.map { PeerAddress(name: $0.name, address: $0.address) }
    }

    /// Takes the members of a configuration.
    /// - Returns: whether that changed anything.
    mutating func keep(_ configuration: Configuration) -> Bool {
        guard configuration.members != members else { return false }
        // What is decided is newer than what was said.
        for member in configuration.members
        where members.contains(where: { $0.id == member.id && $0.address != member.address }) {
            met.removeAll { $0.replica == member.id }
        }
        members = configuration.members
        return true
    }

    /// Another node has said where it is reached.
    mutating func heard(_ message: FoundingMessage) {
        guard case .hello(let hello) = message.body,
            let seed = hello.seeds.first(where: { $0.name == message.sender }), seed.name != own
        else { return }
        strangers.removeAll { $0.replica == message.from || $0.address.name == seed.name }
        strangers.append((message.from, PeerAddress(name: seed.name, address: seed.address)))
        if strangers.count > Self.strangersMax { strangers.removeFirst() }
    }

    /// A node has shown who it is, and was let in.
    /// - Returns: whether ``peers`` are others now.
    mutating func met(_ peer: PeerIdentity) -> Bool {
        guard peer.isMember, !peer.address.isEmpty else { return false }
        let before = peers
        met.removeAll { $0.replica == peer.replica }
        met.append((peer.replica, PeerAddress(name: peer.name, address: peer.address)))
        if met.count > Self.metMax { met.removeFirst() }
        return peers != before
    }

    /// Where this node says that it is reached.
    var ownAddress: String { seeds.first { $0.name == own }?.address ?? "" }

    /// Whom to stay connected to: the members, and before there are any the seeds.
    var peers: [PeerAddress] {
        (members.isEmpty ? seeds : members.map(address)).filter { $0.name != own }
    }

    private func address(of member: Member) -> PeerAddress {
        if let said = met.last(where: { $0.replica == member.id && $0.address.name == member.name }) {
            return said.address
        }
        let hasMoved = members.contains { $0.name == own && $0.address != ownAddress }
        return (hasMoved ? seeds.first { $0.name == member.name } : nil)
            ?? PeerAddress(name: member.name, address: member.address)
    }

    /// Where a destination is; nil where nobody has said.
    func address(of destination: NodeDestination) -> PeerAddress? {
        switch destination {
        case .seed(let seed): PeerAddress(name: seed.name, address: seed.address)
        case .replica(let id):
            members.first { $0.id == id }.map(address) ?? met.last { $0.replica == id }?.address
                ?? strangers.first { $0.replica == id }?.address
        }
    }
}

extension NodeMessage {
    /// On which connection it goes.
    var lane: Lane {
        guard case .peer(let message) = self else { return .messages }
        switch message.payload {
        case .statePart: return .snapshots
        case .raft(let raft): if case .snapshotRequest = raft.body { return .snapshots }
        case .forward, .checkpoint, .stateRequest: break
        }
        return .messages
    }
}
