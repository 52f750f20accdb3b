import Ledger
import Raft
import Wire

// What founding and the replica want done, made into the node's actions; and what a node says to others that ask.
extension Node {
    // MARK: - Founding

    func takeFoundingActions() {
        guard let identity = founding?.replica else { return }
        for action in founding?.takeActions() ?? [] {
            switch action {
            case .persist(let number, let record): actions.append(.store(.founding(number: number, record)))
            case .send(let message, let seed): actions.append(.send(.founding(message), to: .seed(seed)))
            case .create(let outcome): actions.append(.store(.create(outcome, identity)))
            case .alarm(let alarm): actions.append(.alarm(.founding(alarm)))
            case .finished:
                founding = nil
                if let created { begin(created) }
                created = nil
            }
        }
    }

    func begin(_ recovered: RecoveredReplica<Machine>) {
        running = Running(
            Replica(
                id: recovered.identity.replica,
                settings: configuration.replica,
                restored: recovered.restored,
                machine: recovered.machine,
                clock: recovered.clock,
                now: now,
                wall: wall,
                seed: seed
            )
        )
        cluster = recovered.identity.cluster
        actions.append(.joined(recovered.identity.cluster, recovered.identity.replica))
    }

    func diskHasRoom() {
        guard retryAt != nil else { return }
        retryAt = nil
        actions.append(.alarm(.replica(.diskFull(false))))
    }

    // MARK: - In a cluster

    /// Whether this replica waits to be admitted.
    public var isWaiting: Bool { running?.replica.raft.configuration.members.isEmpty ?? false }

    /// Another node asks whether there is a cluster.
    func answer(_ message: FoundingMessage) {
        guard let id = running?.replica.id, let members = running?.replica.raft.configuration.members, let cluster,
            message.to == nil || message.to == id
        else { return }
        if !members.isEmpty, !members.contains(where: { $0.id == message.from }) { note(message) }
        guard
            let answer = message.answered(
                by: id,
                name: configuration.name,
                cluster: cluster,
                members: members
            )
        else { return }
        let seed = configuration.seeds.seeds.first { $0.name == message.sender }
        actions.append(.send(.founding(answer), to: seed.map { .seed($0) } ?? .replica(message.from)))
    }

    /// Somebody who is no member has said that it is there.
    private func note(_ message: FoundingMessage) {
        let known = applicants.first { $0.replica == message.from }
        var address = known?.address
        if case .hello(let hello) = message.body {
            address = hello.seeds.first { $0.name == message.sender }?.address
        }
        applicants.removeAll { $0.name == message.sender || $0.replica == message.from }
        applicants.append(
            Applicant(name: message.sender, replica: message.from, address: address, heardAt: now)
        )
        if applicants.count > Configuration.membersMax { applicants.removeFirst() }
    }

    /// A replica that waits tells the seeds so, for an operator to see.
    func greet() {
        guard let id = running?.replica.id, let version = running?.replica.supportedVersion else { return }
        greetAt = now.adding(nanoseconds: configuration.founding.helloInterval)
        for seed in configuration.seeds.seeds where seed.name != configuration.name {
            let hello = FoundingMessage.Hello(
                seeds: configuration.seeds.seeds,
                ledgerVersion: version,
                asks: false
            )
            let message = FoundingMessage(
                from: id,
                sender: configuration.name,
                to: nil,
                instance: FoundingInstance(configuration.seeds),
                body: .hello(hello)
            )
            actions.append(.send(.founding(message), to: .seed(seed)))
        }
    }

    func takeReplicaActions() {
        for action in running?.replica.takeActions() ?? [] {
            switch action {
            case .store(let request): actions.append(.store(.replica(request)))
            case .send(let message): actions.append(.send(.peer(message), to: .replica(message.to)))
            case .answer(let request, let result): actions.append(.answer(request, result))
            case .alarm(let alarm): actions.append(.alarm(.replica(alarm)))
            case .stop(let reason): stop(reason)
            case .applied(let report): actions.append(.applied(report))
            case .restored(let index, let digest): actions.append(.restored(index, digest: digest))
            }
        }
    }

    /// Whether nothing can be asked: answers so.
    func refuse(_ request: RequestID) -> Bool {
        guard stopped == nil else { return true }
        guard running == nil else { return false }
        actions.append(.answer(request, .failure(.overloaded)))
        return true
    }

    func stop(_ reason: StopReason) {
        guard stopped == nil else { return }
        stopped = reason
        actions.append(.stop(reason))
    }
}
