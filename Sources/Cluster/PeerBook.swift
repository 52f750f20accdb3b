import Raft
import RaftTransport
import Replica
import Wire

/// Where nodes are reached: seeds and members by name, and whoever else has said so.
struct PeerBook {
    /// Nodes that are neither seeds nor members and of which the address is kept.
    private static let strangersMax = 16

    let own: String
    private let seeds: [PeerAddress]
    private var members: [Member] = []
    private var strangers: [(replica: ReplicaID, address: PeerAddress)] = []

    init(own: String, seeds: FoundingSeeds) {
        self.own = own
        self.seeds = seeds.seeds.map { PeerAddress(name: $0.name, address: $0.address) }
    }

    /// Takes the members of a configuration.
    /// - Returns: whether that changed anything.
    mutating func keep(_ configuration: Configuration) -> Bool {
        guard configuration.members != members else { return false }
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

    /// Whom to stay connected to: the members, and before there are any the seeds.
    var peers: [PeerAddress] {
        let known = members.isEmpty ? seeds : members.map { PeerAddress(name: $0.name, address: $0.address) }
        return known.filter { $0.name != own }
    }

    /// Where a destination is; nil where nobody has said.
    func address(of destination: NodeDestination) -> PeerAddress? {
        switch destination {
        case .seed(let seed): PeerAddress(name: seed.name, address: seed.address)
        case .replica(let id):
            members.first { $0.id == id }.map { PeerAddress(name: $0.name, address: $0.address) }
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
