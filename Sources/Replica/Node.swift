import Ledger
import Raft
import Wire

/// What a node is told about itself.
public struct NodeConfiguration: Sendable {
    /// The node's name, one of the seeds.
    public var name: String
    /// Who founds the cluster.
    public var seeds: FoundingSeeds
    /// How fast founding goes.
    public var founding: FoundingSettings
    /// How a replica behaves.
    public var replica: ReplicaSettings

    /// A value of these fields.
    public init(name: String, seeds: FoundingSeeds, founding: FoundingSettings, replica: ReplicaSettings) {
        self.name = name
        self.seeds = seeds
        self.founding = founding
        self.replica = replica
    }
}

/// A node from its start on: it founds a cluster, or waits to be admitted to one, and then is a replica of it.
///
///     founding ──(the record says member, the log is there)──▶ running ──(its disk failed, …)──▶ stopped
///
/// A node whose disk has a log begins as `running`. One whose log is damaged begins with founding, which knows from the
/// record that it was a member: it becomes a replica with a new id, and waits to be admitted.
///
/// Pumped as ``Replica`` is. An object, since a replica is large and nobody wants a second one. Use from one thread at a
/// time.
public final class Node<Machine: StateMachine> {
    /// A node without a replica that asked to found, or waits to be admitted.
    public struct Applicant: Hashable, Sendable {
        /// Its name, as it says.
        public var name: String
        /// The replica that it is.
        public var replica: ReplicaID
    }

    let configuration: NodeConfiguration
    private let seed: UInt64
    /// The replica, once there is one. In a place of its own: to look at a part of it there copies only the part.
    private final class Running {
        var replica: Replica<Machine>

        init(_ replica: Replica<Machine>) { self.replica = replica }
    }

    private var running: Running?
    /// Founding, until it is over.
    public private(set) var founding: Founding?
    /// Which cluster the replica belongs to.
    public private(set) var cluster: ClusterID?
    /// Nodes that were heard and are not members, newest last: what an operator admits. At most
    /// ``Raft/Configuration/membersMax``.
    public private(set) var applicants: [Applicant] = []

    private var now: BootTime
    private var wall: WallTime
    /// The log that was made; the replica begins when founding says so.
    private var created: RecoveredReplica<Machine>?
    /// The disk was full while founding; when it is tried again.
    private var retryAt: BootTime?
    /// When a replica that waits to be admitted says next that it is there.
    private var greetAt: BootTime
    private var actions: [NodeAction<Machine>] = []
    /// Why this node ended.
    public private(set) var stopped: StopReason?

    /// - Parameters:
    ///   - start: what ``NodeStorage`` found on the disk.
    ///   - candidate: what a founder proposes; drawn anew at each start.
    ///   - drawn: a replica id in case one is needed; drawn anew at each start.
    ///   - seed: of elections and waits; differs between nodes and starts.
    /// - Throws: what the operator must put right first.
    public init(
        configuration: NodeConfiguration,
        start: NodeStart<Machine>,
        candidate: FoundingCandidate,
        drawn: ReplicaID,
        now: BootTime,
        wall: WallTime,
        seed: UInt64
    ) throws(FoundingRefusal) {
        self.configuration = configuration
        self.seed = seed
        self.now = now
        self.wall = wall
        greetAt = now
        if let replica = start.replica {
            begin(replica)
            return
        }
        if let damage = start.damage { actions.append(.alarm(.damaged(damage))) }
        if case .member? = start.record?.stage, configuration.seeds.seeds.count == 1 {
            stop(.lostAlone(start.damage ?? "it is gone."))
            return
        }
        founding = try Founding(
            name: configuration.name,
            seeds: configuration.seeds,
            settings: configuration.founding,
            ledgerVersion: min(Machine.supportedVersion, configuration.replica.supportedVersionMax),
            candidate: candidate,
            drawn: drawn,
            record: start.record,
            now: now.nanoseconds,
            seed: seed
        )
    }

    /// A copy of the replica, once there is one; ``withReplica(_:)`` is cheaper.
    public internal(set) var replica: Replica<Machine>? {
        get { running?.replica }
        set { running = newValue.map { Running($0) } }
    }

    /// Whether there is a replica.
    public var isReplica: Bool { running != nil }

    /// Looks at the replica, if there is one. Nothing is copied but what the body returns.
    public func withReplica<Result, Failure: Error>(
        _ body: (Replica<Machine>) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        guard let running else { return nil }
        return try Self.look(at: &running.replica, body)
    }

    /// Exclusive access, so that there is no need for a copy that stays as it is while the body runs.
    private static func look<Result, Failure: Error>(
        at replica: inout Replica<Machine>,
        _ body: (Replica<Machine>) throws(Failure) -> Result
    ) throws(Failure) -> Result { try body(replica) }

    // MARK: - Inputs

    /// Time goes on. Call it before other inputs, and at the latest at ``nextWake``.
    public func advance(to now: BootTime, wall: WallTime) {
        guard stopped == nil else { return }
        self.now = max(self.now, now)
        self.wall = wall
        founding?.advance(to: self.now.nanoseconds)
        running?.replica.advance(to: self.now, wall: wall)
        if let at = retryAt, self.now >= at {
            retryAt = self.now.adding(nanoseconds: configuration.replica.fullDiskRetry)
            actions.append(.store(.replica(.retry)))
        }
        if isWaiting, self.now >= greetAt { greet() }
    }

    /// When ``advance(to:wall:)`` must be called at the latest.
    public var nextWake: BootTime {
        var wake = running?.replica.nextWake ?? BootTime(nanoseconds: .max)
        if let deadline = founding?.deadline { wake = min(wake, BootTime(nanoseconds: deadline)) }
        if let retryAt { wake = min(wake, retryAt) }
        return wake
    }

    /// A message came.
    public func receive(_ message: NodeMessage) {
        guard stopped == nil else { return }
        switch message {
        case .peer(let message): running?.replica.receive(message)
        case .founding(let message):
            if running == nil {
                founding?.receive(message)
            } else {
                answer(message)
            }
        }
    }

    /// As ``Replica/submit(_:request:)``. Without a replica it is refused at once, by ``ReplicaFailure/overloaded``:
    /// nothing was done.
    public func submit(_ commands: [Machine.Command], request: RequestID) {
        if refuse(request) { return }
        running?.replica.submit(commands, request: request)
    }

    /// As ``Replica/read(request:)``.
    public func read(request: RequestID) {
        if refuse(request) { return }
        running?.replica.read(request: request)
    }

    /// As ``Replica/change(_:request:)``.
    public func change(_ change: ConfigurationChange, request: RequestID) {
        if refuse(request) { return }
        running?.replica.change(change, request: request)
    }

    /// As ``Replica/transferLeadership(to:)``.
    public func transferLeadership(to target: ReplicaID) throws(TransferRefusal) {
        guard stopped == nil, running != nil else { throw .notLeader(nil) }
        try running?.replica.transferLeadership(to: target)
    }

    /// As ``Replica/compact()``.
    public func compact() { running?.replica.compact() }

    /// The storage did something.
    public func completed(_ completion: NodeStorageCompletion<Machine>) {
        guard stopped == nil else { return }
        switch completion {
        case .foundingPersisted(let number):
            diskHasRoom()
            founding?.persisted(number)
        case .created(let replica):
            diskHasRoom()
            created = replica
            founding?.storageCreated()
        case .replica(let completion): running?.replica.completed(completion)
        case .full:
            if retryAt == nil { actions.append(.alarm(.replica(.diskFull(true)))) }
            retryAt = now.adding(nanoseconds: configuration.replica.fullDiskRetry)
        case .failed(let why): stop(.storageFailed(why))
        }
    }

    /// What is to be done. Empties it.
    public func takeActions() -> [NodeAction<Machine>] {
        if stopped == nil {
            takeFoundingActions()
            takeReplicaActions()
        }
        var taken: [NodeAction<Machine>] = []
        swap(&taken, &actions)
        return taken
    }

    // MARK: - Founding

    private func takeFoundingActions() {
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

    private func begin(_ recovered: RecoveredReplica<Machine>) {
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

    private func diskHasRoom() {
        guard retryAt != nil else { return }
        retryAt = nil
        actions.append(.alarm(.replica(.diskFull(false))))
    }

    // MARK: - In a cluster

    /// Whether this replica waits to be admitted.
    public var isWaiting: Bool { running?.replica.raft.configuration.members.isEmpty ?? false }

    /// Another node asks whether there is a cluster.
    private func answer(_ message: FoundingMessage) {
        guard let id = running?.replica.id, let members = running?.replica.raft.configuration.members, let cluster,
            message.to == nil || message.to == id
        else { return }
        if !members.isEmpty, !members.contains(where: { $0.id == message.from }) {
            applicants.removeAll { $0.name == message.sender || $0.replica == message.from }
            applicants.append(Applicant(name: message.sender, replica: message.from))
            if applicants.count > Configuration.membersMax { applicants.removeFirst() }
        }
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

    /// A replica that waits tells the seeds so, for an operator to see.
    private func greet() {
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

    private func takeReplicaActions() {
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
    private func refuse(_ request: RequestID) -> Bool {
        guard stopped == nil else { return true }
        guard running == nil else { return false }
        actions.append(.answer(request, .failure(.overloaded)))
        return true
    }

    private func stop(_ reason: StopReason) {
        guard stopped == nil else { return }
        stopped = reason
        actions.append(.stop(reason))
    }
}
