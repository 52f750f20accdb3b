import Paxos
import Raft
import Wire

// The other nodes: who they are, what they list, and what to tell the operator.
extension Founding {
    /// A message has come.
    public mutating func receive(_ message: FoundingMessage) {
        guard message.to == nil || message.to == replica else { return }
        switch phase {
        case .starting: break
        case .creating(let outcome), .closing(let outcome), .finished(let outcome): inform(outcome, message)
        case .voting:
            let peer = peers.firstIndex { $0.seed.name == message.sender }
            if let peer { peers[peer].heardAt = now }
            switch message.body {
            case .hello(let hello): helloReceived(hello, message, peer)
            case .vote(let vote):
                guard message.instance == record.instance, peer != nil else { break }
                self.vote(vote, from: message.from, name: message.sender)
            case .decided(let cluster, let members): clusterHeard(cluster, members: members)
            }
            settle()
        }
    }

    /// Whether another list of seeds was heard of lately.
    var isDisputed: Bool { !dissents.isEmpty }

    /// Whether a seed was lost that an accepted value lists.
    private var isStuck: Bool { alarms.contains { if case .seedLost = $0 { true } else { false } } }

    /// Says who this is.
    mutating func greet(_ seed: FoundingSeed, _ replica: ReplicaID?, asks: Bool) {
        let hello = FoundingMessage.Hello(
            seeds: seeds.seeds,
            ledgerVersion: ledgerVersion,
            asks: asks,
            isDisputed: isDisputed,
            isStuck: isStuck
        )
        send(.hello(hello), to: replica, at: seed)
    }

    private mutating func helloReceived(_ hello: FoundingMessage.Hello, _ message: FoundingMessage, _ peer: Int?) {
        // Its own name from elsewhere: a message of a former disk, or a second process. It agrees with itself.
        guard message.sender != name else { return }
        dissents.removeAll { $0.node == message.sender }
        if message.instance == record.instance, hello.seeds == seeds.seeds {
            if let peer {
                peers[peer].replica = message.from
                peers[peer].ledgerVersion = max(1, hello.ledgerVersion)
                peers[peer].isDisputed = hello.isDisputed
                peers[peer].isStuck = hello.isStuck
            }
        } else {
            if let peer { peers[peer].replica = nil }
            let (onlyHere, onlyThere) = seeds.differences(from: hello.seeds)
            let alarm = FoundingAlarm.seedsDiffer(node: message.sender, onlyHere: onlyHere, onlyThere: onlyThere)
            if dissents.count == Self.dissentsMax { dissents.removeFirst() }
            dissents.append(Dissent(heardAt: now, alarm: alarm, node: message.sender))
        }
        guard hello.asks, let seed = address(of: message) else { return }
        greet(seed, message.from, asks: false)
    }

    /// Where a sender is: as this node's list says, else as its own does.
    private func address(of message: FoundingMessage) -> FoundingSeed? {
        if let peer = peers.first(where: { $0.seed.name == message.sender }) { return peer.seed }
        guard case .hello(let hello) = message.body else { return nil }
        return hello.seeds.first { $0.name == message.sender }
    }

    /// Answers that a cluster exists.
    private mutating func inform(_ outcome: FoundingOutcome, _ message: FoundingMessage) {
        let members =
            switch outcome {
            case .founded(let value): value.members
            case .joining(_, let members): members
            }
        let answer = message.answered(by: replica, name: name, cluster: outcome.cluster, members: members)
        guard let answer, let seed = address(of: message) else { return }
        actions.append(.send(answer, to: seed))
    }

    // MARK: - Alarms

    /// Tells the operator what is wrong now and was not before.
    mutating func review() {
        dissents.removeAll { $0.heardAt &+ settings.dissent <= now }
        let present = wrongs()
        for alarm in present where !alarms.contains(alarm) { actions.append(.alarm(alarm)) }
        alarms = present
    }

    /// What this node knows itself comes before what others say that they know.
    private func wrongs() -> [FoundingAlarm] {
        switch phase {
        case .starting, .closing(.founded), .creating(.founded), .finished: return []
        case .creating(.joining(let cluster, _)), .closing(.joining(let cluster, _)):
            return [.waitsToBeAdmitted(cluster)]
        case .voting: break
        }
        var wrongs = dissents.map(\.alarm)
        let silent = peers.filter { $0.heardAt &+ settings.silence <= now }.map(\.seed.name)
        if !silent.isEmpty { wrongs.append(.silent(silent)) }
        let known = [(name, replica)] + peers.compactMap { peer in peer.replica.map { (peer.seed.name, $0) } }
        for (place, one) in known.enumerated() {
            let same = known[place...].filter { $0.1 == one.1 }.map(\.0)
            if same.count > 1 { wrongs.append(.sameReplica(same)) }
        }
        let lost = seedsLost(known)
        wrongs += lost
        let disputed = peers.filter { $0.replica != nil && $0.isDisputed }.map(\.seed.name)
        if !disputed.isEmpty { wrongs.append(.disputed(disputed)) }
        let stuck = peers.filter { $0.replica != nil && $0.isStuck }.map(\.seed.name)
        if !stuck.isEmpty, lost.isEmpty { wrongs.append(.stuck(stuck)) }
        return wrongs
    }

    /// Replicas that an accepted value lists and that are others now.
    private func seedsLost(_ known: [(String, ReplicaID)]) -> [FoundingAlarm] {
        var lost: [FoundingAlarm] = []
        for value in [accepted, foreign].compactMap({ $0 }) {
            for member in value.members {
                guard let present = known.first(where: { $0.0 == member.name })?.1, present != member.id else {
                    continue
                }
                let alarm = FoundingAlarm.seedLost(node: member.name, voted: member.id, present: present)
                if !lost.contains(alarm) { lost.append(alarm) }
            }
        }
        return lost
    }
}
