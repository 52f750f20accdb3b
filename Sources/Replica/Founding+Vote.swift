import Paxos
import Raft
import Wire

// The vote: this node as proposer, acceptor and learner.
extension Founding {
    /// Records that may wait for the disk: beyond it votes are lost, as messages may be.
    private static let heldMax = 256

    /// A message of the vote, of this round and for this replica.
    mutating func vote(_ message: PaxosMessage, from sender: ReplicaID, name: String) {
        // The disk stands still. Whoever asked asks again.
        guard held.count < Self.heldMax else { return }
        switch message {
        case .prepare(let ballot):
            guard !isDisputed else { return }
            perform(acceptor.prepareReceived(ballot), for: sender, name)
        case .accept(let proposal):
            guard !isDisputed, let value = try? FoundingValue(decoding: proposal.value), value.isOf(seeds) else {
                return
            }
            guard value.acceptors.contains(replica) else {
                // Of a time when this node had another disk. It must not be accepted in that one's place.
                foreign = value
                return
            }
            // Whoever has heard this node's hello proposes no such thing. Where an earlier release was started meanwhile,
            // the founding waits for the later one.
            guard value.ledgerVersion <= ledgerVersion else { return }
            perform(acceptor.acceptReceived(proposal), for: sender, name)
        case .promise(let ballot, let accepted):
            withProposer { proposer, generator in
                proposer.promiseReceived(ballot, accepted: accepted, from: sender, using: &generator)
            }
        case .refused(let ballot, let promised):
            withProposer { proposer, generator in
                proposer.refusalReceived(ballot, promised: promised, using: &generator)
            }
        case .accepted(let proposal):
            withProposer { proposer, _ in
                proposer.acceptedReceived(proposal, from: sender)
                return .none
            }
            learn(proposal, from: sender)
        }
    }

    // MARK: - Acceptor and learner

    private mutating func perform(_ action: Acceptor.Action, for proposer: ReplicaID, _ name: String) {
        switch action {
        case .ignore: break
        case .send(let message): answer(message, to: proposer, name: name)
        case .persist(let state, thenSend: let message):
            record.acceptor = state
            accepted = state.accepted.flatMap { try? FoundingValue(decoding: $0.value) }
            persist(then: .vote(message, to: proposer, name: name))
        }
    }

    /// Sends an acceptor's answer: an acceptance to all who learn, anything else to the proposer.
    mutating func answer(_ message: PaxosMessage, to proposer: ReplicaID, name: String) {
        guard case .accepted(let proposal) = message, let value = try? FoundingValue(decoding: proposal.value) else {
            send(message, to: proposer, name: name)
            return
        }
        for member in value.members { send(message, to: member.id, name: member.name) }
    }

    private mutating func learn(_ proposal: Proposal, from acceptor: ReplicaID) {
        guard let value = try? FoundingValue(decoding: proposal.value), value.isOf(seeds),
            value.acceptors.contains(replica)
        else { return }
        // Each value's acceptors are those whom it lists. Counting anew loses nothing but time.
        if learner?.acceptors != value.acceptors {
            learner = (Learner(acceptors: value.acceptors, quorum: .all), value.acceptors)
        }
        guard learner?.machine.acceptedReceived(proposal, from: acceptor) != nil else { return }
        decide(value)
    }

    // MARK: - Proposer

    /// Every seed's replica, sorted, once all are known, agree on the list and differ from each other.
    private var present: [ReplicaID]? {
        let known = ([replica] + peers.compactMap(\.replica)).sorted()
        guard known.count == seeds.seeds.count, zip(known, known.dropFirst()).allSatisfy({ $0 != $1 }) else {
            return nil
        }
        return known
    }

    /// Begins to propose, or gives it up, as what is known of the seeds demands.
    mutating func considerProposing() {
        guard case .voting = phase else { return }
        guard !isDisputed, let present else {
            giveUp(before: nil)
            return
        }
        if let proposer {
            guard proposer.acceptors != present else { return }
            giveUp(before: nil)
        }
        guard let at = proposeAt else {
            // The first of the list at once, the others later, so that there is a duel only where the first is slow.
            let place = UInt64(seeds.place(of: name) ?? 0)
            let first = peers.isEmpty ? now &+ settings.lonePause : now
            proposeAt = place == 0 ? first : now &+ place &* settings.backOff.delay(attempt: 1, using: &generator)
            if proposeAt == now { considerProposing() }
            return
        }
        guard now >= at else { return }
        proposeAt = nil
        let machine = Proposer(
            replica: replica,
            acceptors: present,
            quorum: .all,
            // Above what this node's acceptor has promised: anything lower is refused at home.
            round: max(record.round, record.acceptor.promised?.round ?? 0),
            backOff: settings.backOff
        )
        proposer = (machine, present)
        let value = proposal().encode()
        withProposer { proposer, _ in proposer.propose(value) }
    }

    private func proposal() -> FoundingValue {
        let members = seeds.seeds.map { seed in
            let peer = peers.first { $0.seed == seed }
            return Member(id: peer?.replica ?? replica, name: seed.name, address: seed.address)
        }
        var value = FoundingValue(
            cluster: candidate.cluster,
            secret: candidate.secret,
            ledgerVersion: peers.reduce(ledgerVersion) { min($0, $1.ledgerVersion) },
            maxRecords: candidate.maxRecords,
            members: members
        )
        value.cluster = value.derivedCluster
        return value
    }

    /// Ends the present attempt. The next one is a new proposer's, under a later ballot.
    private mutating func giveUp(before next: UInt64?) {
        proposer = nil
        proposerTimer = nil
        proposeAt = next
    }

    /// Passes an event to the proposer, if there is one, and carries out what it asks for.
    mutating func withProposer(_ event: (inout Proposer, inout Xoshiro256) -> Proposer.Action) {
        guard case .voting = phase, proposer != nil else { return }
        switch event(&proposer!.machine, &generator) {
        case .none: break
        case .persist(let round):
            record.round = round
            persist(then: .round(round))
        case .wait(let timer): proposerTimer = now &+ timer
        case .send(let message, let receivers, let timer):
            if case .accept(let proposal) = message {
                let value = try? FoundingValue(decoding: proposal.value)
                guard value?.acceptors == proposer?.acceptors else {
                    // It lists a replica that was not asked, so nobody knows whether it was chosen. Perhaps that one
                    // comes back, or a node turns up that knows.
                    foreign = value
                    giveUp(before: now &+ settings.backOff.delay(attempt: .max, using: &generator))
                    return
                }
                foreign = nil
            }
            proposerTimer = now &+ timer
            for receiver in receivers {
                let peer = peers.first { $0.replica == receiver }
                send(message, to: receiver, name: peer?.seed.name ?? name)
            }
        }
    }

    // MARK: - Sending

    /// To this node itself, by way of the inbox; to another by its name.
    private mutating func send(_ message: PaxosMessage, to receiver: ReplicaID, name: String) {
        if receiver == replica {
            inbox.append(message)
        } else if let seed = peers.first(where: { $0.seed.name == name })?.seed {
            send(.vote(message), to: receiver, at: seed)
        }
    }

    /// To another node.
    mutating func send(_ body: FoundingMessage.Body, to receiver: ReplicaID?, at seed: FoundingSeed) {
        let message = FoundingMessage(
            from: replica,
            sender: name,
            to: receiver,
            instance: record.instance,
            body: body
        )
        actions.append(.send(message, to: seed))
    }
}
