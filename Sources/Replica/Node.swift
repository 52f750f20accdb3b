import Ledger
import Raft
import Wire

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
        /// Where its own list of seeds says that it is reached; nil where that does not name it.
        public var address: String?
        /// When it was heard last, on this process's boot-time clock.
        public var heardAt: BootTime
    }

    let configuration: NodeConfiguration
    let seed: UInt64
    /// The replica, once there is one. In a place of its own: to look at a part of it there copies only the part.
    final class Running {
        var replica: Replica<Machine>

        init(_ replica: Replica<Machine>) { self.replica = replica }
    }

    var running: Running?
    /// Founding, until it is over.
    public internal(set) var founding: Founding?
    /// Which cluster the replica belongs to.
    public internal(set) var cluster: ClusterID?
    /// Nodes that were heard and are not members, newest last: what an operator admits. At most
    /// ``Raft/Configuration/membersMax``.
    public internal(set) var applicants: [Applicant] = []

    var now: BootTime
    var wall: WallTime
    /// The log that was made; the replica begins when founding says so.
    var created: RecoveredReplica<Machine>?
    /// The disk was full while founding; when it is tried again.
    var retryAt: BootTime?
    /// When a replica that waits to be admitted says next that it is there.
    var greetAt: BootTime
    var actions: [NodeAction<Machine>] = []
    /// Why this node ended.
    public internal(set) var stopped: StopReason?

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
        if case .member? = start.record?.stage, configuration.seeds.seeds.count == 1 || start.isAlone {
            stop(.lostAlone(start.damage ?? "it is gone."))
            return
        }
        // Of a node that begins anew; one that stops moves nothing and waits for nobody.
        if let damage = start.damage { actions.append(.alarm(.damaged(damage))) }
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

    /// As ``Replica/holdBack(_:)``, where there is a replica.
    public func holdBack(_ isHeldBack: Bool) -> Bool { running?.replica.holdBack(isHeldBack) ?? false }

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
}
