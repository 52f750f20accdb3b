import Paxos
import Raft
import Replica
import Wire

/// What must hold in every genesis, looked at from outside with a memory that no node has.
struct GenesisRules {
    /// Every value that a replica has ever made durable as accepted, with its ballot and who did.
    private var accepted: [(ballot: Ballot, value: FoundingValue, by: [ReplicaID])] = []
    /// A replica that has accepted a value that does not list it.
    private var intruder: ReplicaID?
    /// Values that all whom they list have accepted under one ballot: one at most.
    private(set) var chosen: [FoundingValue] = []
    private var founded: [FoundingValue] = []
    /// Replicas with storage, as they took part.
    private var participants: [ReplicaID] = []

    /// Whether any value was ever accepted.
    var isAccepted: Bool { !accepted.isEmpty }

    /// Whether any accepted value lists one of these.
    func accepted(anyOf replicas: [ReplicaID]) -> Bool {
        accepted.contains { $0.value.members.contains { replicas.contains($0.id) } }
    }

    func violation(_ rule: String, node: GenesisNode) -> InvariantViolation {
        InvariantViolation(invariant: "Genesis", rule: rule, detail: "broken at \(node.name)", replicas: [])
    }

    private func violation(_ rule: String, _ detail: String, _ replicas: [ReplicaID]) -> InvariantViolation {
        InvariantViolation(invariant: "Genesis", rule: rule, detail: detail, replicas: replicas)
    }

    /// A cluster that was there before.
    mutating func existed(_ value: FoundingValue) {
        chosen.append(value)
        founded.append(value)
    }

    /// A record is durable.
    mutating func stored(_ bytes: [UInt8], _ node: Int) {
        guard let record = try? FoundingRecord(decoding: bytes), let proposal = record.acceptor.accepted,
            let value = try? FoundingValue(decoding: proposal.value)
        else { return }
        if !value.members.contains(where: { $0.id == record.replica }) { intruder = record.replica }
        let place = accepted.firstIndex { $0.ballot == proposal.ballot && $0.value == value } ?? accepted.endIndex
        if place == accepted.endIndex { accepted.append((proposal.ballot, value, [])) }
        if !accepted[place].by.contains(record.replica) { accepted[place].by.append(record.replica) }
        guard value.members.allSatisfy({ accepted[place].by.contains($0.id) }), !chosen.contains(value) else { return }
        chosen.append(value)
    }

    /// A log's first state is durable.
    mutating func created(_ storage: GenesisNode.Storage) {
        if case .founded(let value) = storage.outcome, !founded.contains(value) { founded.append(value) }
    }

    /// After each write.
    func check() throws(InvariantViolation) {
        guard chosen.count < 2 else {
            throw violation(
                "one value is chosen, or none",
                "\(chosen.count) are",
                chosen.flatMap { $0.members.map(\.id) }
            )
        }
        if let intruder {
            throw violation("an acceptor refuses a value without its own replica id", "one did not", [intruder])
        }
        guard founded.allSatisfy(chosen.contains) else {
            throw violation("what is founded was chosen by all whom it lists", "it was not", [])
        }
    }

    /// A message leaves.
    func sent(_ message: FoundingMessage, by node: GenesisNode) throws(InvariantViolation) {
        guard let record = node.record.flatMap({ try? FoundingRecord(decoding: $0) }) else {
            throw violation("a replica id is durable before a message names it", "no record", [message.from])
        }
        guard record.replica == message.from else {
            throw violation("a replica id is durable before a message names it", "another one is", [message.from])
        }
        guard case .vote(let vote) = message.body else { return }
        if case .accept(let proposal) = vote, let value = try? FoundingValue(decoding: proposal.value),
            !value.members.contains(where: { $0.id == message.to })
        {
            throw violation("a proposer asks those whom the value lists", "it asked another", [message.from])
        }
        let holds =
            switch vote {
            case .prepare(let ballot): record.round >= ballot.round
            case .promise(let ballot, _): record.acceptor.promised.map { $0 >= ballot } ?? false
            case .accepted(let proposal): record.acceptor.accepted.map { $0.ballot >= proposal.ballot } ?? false
            case .accept, .refused: true
            }
        // A member's record holds no vote any more; it was durable when this answer was made.
        if case .member = record.stage { return }
        guard holds else {
            throw violation("acceptor and proposer state is durable before each message", "\(vote)", [message.from])
        }
    }

    /// A node says that it is over.
    mutating func finished(_ outcome: FoundingOutcome, node: GenesisNode) throws(InvariantViolation) {
        guard let storage = node.storage, let record = node.record.flatMap({ try? FoundingRecord(decoding: $0) }) else {
            throw violation("storage and record are durable before the replica takes part", node: node)
        }
        try takesPart(storage, record: record, node: node)
    }

    /// A replica begins to take part in its cluster.
    mutating func takesPart(
        _ storage: GenesisNode.Storage,
        record: FoundingRecord,
        node: GenesisNode
    ) throws(InvariantViolation) {
        guard record.stage == .member(storage.outcome.cluster), record.replica == storage.replica else {
            throw violation("the record says that there is storage before the replica takes part", node: node)
        }
        guard !node.formerReplicas.contains(storage.replica) else {
            throw violation("a replica whose log was lost never takes part again", node: node)
        }
        switch storage.outcome {
        case .founded(let value):
            guard value.members.contains(where: { $0.id == storage.replica && $0.name == node.name }) else {
                throw violation("a founder is listed in the value", node: node)
            }
        case .joining(let cluster, _):
            guard let value = chosen.first, value.cluster == cluster else {
                throw violation("whoever waits, waits for the cluster that was chosen", node: node)
            }
            guard !value.members.contains(where: { $0.id == storage.replica }) else {
                throw violation("whoever is listed in the value founds", node: node)
            }
        }
    }
}
