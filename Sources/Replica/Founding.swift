import Ledger
import Paxos
import Raft
import Wire

/// Genesis: how nodes with empty disks agree, once, on the cluster that they are.
///
/// A value: events go in, actions come out, in order. The driver keeps the file of the ``FoundingRecord``, sends, and
/// passes the time on. Use from one thread at a time.
///
/// **The vote** is single-decree Paxos in which every seed must answer in both phases. A value lists the seeds' replica
/// ids, and these are its acceptors: an acceptor refuses a value that does not list it, and a proposer goes on with a
/// reported value only if it has asked exactly those that the value lists. So a chosen value was accepted by all whom it
/// lists. A seed that loses its disk comes back as another replica, which earlier values do not list; others that kept
/// theirs report what they accepted, and no other value can be chosen as long as one of them is left. What was accepted
/// but lists a replica that is gone can then be neither finished nor replaced: the operator is told
/// (``FoundingAlarm/seedLost(node:voted:present:)``).
///
/// **The end**: whoever learns the value, or hears of its cluster while it has accepted it itself, makes it durable, then
/// its storage, then takes part. Whoever hears of a cluster that it is not in, waits to be admitted to it and never
/// founds anything again.
public struct Founding: Sendable {
    enum Phase: Hashable, Sendable {
        /// The record is not on disk yet; nothing is said. To `voting`, or to `creating` when it is.
        case starting
        /// Finding the others, and voting. To `creating` when decided, here or elsewhere.
        case voting
        /// The driver makes the storage. To `closing` by ``storageCreated()``.
        case creating(FoundingOutcome)
        /// The record's last stage is on its way to disk. To `finished` when it is there.
        case closing(FoundingOutcome)
        /// Only answers that a cluster exists.
        case finished(FoundingOutcome)
    }

    /// What waits for a record to be durable.
    enum Held: Sendable {
        case readiness
        case vote(PaxosMessage, to: ReplicaID, name: String)
        case round(UInt64)
        case creation(FoundingOutcome)
        case finish(FoundingOutcome)
    }

    /// What is known of another seed.
    struct Peer: Sendable {
        let seed: FoundingSeed
        /// Its replica, while it agrees on the list.
        var replica: ReplicaID?
        var ledgerVersion: UInt32 = 0
        /// Whether it has heard another list lately.
        var isDisputed = false
        /// Whether it knows of a seed that was lost.
        var isStuck = false
        var heardAt: UInt64
    }

    /// Another node's list that differs.
    struct Dissent: Sendable {
        var heardAt: UInt64
        var alarm: FoundingAlarm
        var node: String
    }

    let name: String
    let seeds: FoundingSeeds
    let settings: FoundingSettings
    let ledgerVersion: UInt32
    let candidate: FoundingCandidate

    var phase = Phase.starting
    var now: UInt64
    var generator: Xoshiro256
    /// As it is or soon will be on disk.
    var record: FoundingRecord
    var persistNumber: UInt64 = 0
    var held: [(number: UInt64, what: Held)] = []
    /// A cluster that was heard of while ``Phase/starting``: who told of it may not do so again.
    private var heardEarly: (cluster: ClusterID, members: [Member])?
    /// The other seeds, in the order of the list.
    var peers: [Peer]
    /// Bounded by ``dissentsMax``.
    var dissents: [Dissent] = []
    var acceptor: Acceptor
    /// What this acceptor has accepted, decoded.
    var accepted: FoundingValue?
    /// A value that a quorum reported though it lists other replicas than answered.
    var foreign: FoundingValue?
    var proposer: (machine: Proposer, acceptors: [ReplicaID])?
    var learner: (machine: Learner, acceptors: [ReplicaID])?
    var helloAt: UInt64
    var proposeAt: UInt64?
    var proposerTimer: UInt64?
    /// Messages of this node to itself.
    var inbox: [PaxosMessage] = []
    var actions: [FoundingAction] = []

    static let dissentsMax = 64

    /// What is wrong at the moment, for a status page. What this node knows itself comes first.
    public internal(set) var alarms: [FoundingAlarm] = []

    /// A node that has no storage yet.
    /// - Parameters:
    ///   - name: of this node, one of the seeds.
    ///   - ledgerVersion: of the commands that this release knows, at least 1. The lowest of all seeds is decided on.
    ///   - candidate: proposed unless another's is decided on. Drawn anew at each start.
    ///   - drawn: 16 random bytes, drawn anew at each start: the replica id, unless the record holds one that may still
    ///     be used. See ``replica``.
    ///   - record: what is on disk; nil if nothing is. One that cannot be read is an error, not nil.
    ///   - now: boot-time clock in nanoseconds.
    ///   - seed: of the waits; should differ between nodes.
    /// - Throws: what the operator must put right first.
    /// - Precondition: the candidate is within the bounds of ``Ledger/LedgerBounds``.
    public init(
        name: String,
        seeds: FoundingSeeds,
        settings: FoundingSettings = FoundingSettings(),
        ledgerVersion: UInt32,
        candidate: FoundingCandidate,
        drawn: ReplicaID,
        record: FoundingRecord?,
        now: UInt64,
        seed: UInt64
    ) throws(FoundingRefusal) {
        precondition(candidate.secret.count == LedgerBounds.secretBytes, "a cluster's secret has 32 bytes")
        precondition((1...LedgerBounds.recordsMaximum).contains(candidate.maxRecords), "maxRecords is out of bounds")
        guard seeds.place(of: name) != nil else { throw .notASeed(name: name) }
        self.name = name
        self.seeds = seeds
        self.settings = settings
        self.ledgerVersion = max(1, ledgerVersion)
        self.candidate = candidate
        self.now = now
        generator = Xoshiro256(seed: seed)
        helloAt = now
        peers = seeds.seeds.filter { $0.name != name }.map { Peer(seed: $0, heardAt: now) }
        let instance = FoundingInstance(seeds)
        self.record = record ?? FoundingRecord(replica: drawn, instance: instance)
        acceptor = Acceptor(state: self.record.acceptor)
        accepted = self.record.acceptor.accepted.flatMap { try? FoundingValue(decoding: $0.value) }
        guard let record else {
            persist(then: .readiness)
            return
        }
        switch record.stage {
        case .voting:
            if record.instance == instance {
                phase = .voting
            } else {
                // Acceptors never change during a decision: a vote binds to the list that it was given under.
                guard record.acceptor == AcceptorState() else { throw .seedsChanged }
                self.record.instance = instance
                persist(then: .readiness)
            }
        case .decided(let value): create(.founded(value))
        case .waiting(let cluster, let members): create(.joining(cluster, members: members))
        case .member(let cluster):
            // The log is gone, and with it what this replica promised: it comes back as another one.
            self.record = FoundingRecord(replica: drawn, instance: instance)
            acceptor = Acceptor()
            accepted = nil
            self.record.stage = .waiting(cluster, members: [])
            persist(then: .creation(.joining(cluster, members: [])))
        }
    }

    /// Which replica this node is. In use once a record that holds it is durable, which is before the first message.
    public var replica: ReplicaID { record.replica }

    /// What it came to, once that is certain. The storage may not exist yet.
    public var outcome: FoundingOutcome? {
        switch phase {
        case .starting, .voting: nil
        case .creating(let outcome), .closing(let outcome), .finished(let outcome): outcome
        }
    }

    /// When ``advance(to:)`` has something to do at the latest; nil when it never has.
    public var deadline: UInt64? {
        guard case .voting = phase else { return nil }
        return min(helloAt, proposeAt ?? .max, proposerTimer ?? .max)
    }

    /// What is to be done. Empties it.
    public mutating func takeActions() -> [FoundingAction] {
        var taken: [FoundingAction] = []
        swap(&taken, &actions)
        return taken
    }

    // MARK: - Events

    /// Time has passed: boot-time clock in nanoseconds. Never runs backwards.
    public mutating func advance(to now: UInt64) {
        self.now = max(self.now, now)
        guard case .voting = phase else { return }
        if self.now >= helloAt {
            for peer in peers { greet(peer.seed, peer.replica, asks: true) }
            helloAt = self.now &+ settings.helloInterval
        }
        if let timer = proposerTimer, self.now >= timer {
            proposerTimer = nil
            withProposer { proposer, generator in proposer.timerFired(using: &generator) }
        }
        settle()
    }

    /// Records up to this number are durable.
    public mutating func persisted(_ number: UInt64) {
        while let first = held.first, first.number <= number {
            held.removeFirst()
            release(first.what)
        }
        settle()
    }

    /// The storage of ``FoundingAction/create(_:)`` is durable.
    public mutating func storageCreated() {
        guard case .creating(let outcome) = phase else { return }
        phase = .closing(outcome)
        record = record.becomingMember(of: outcome.cluster)
        persist(then: .finish(outcome))
    }

    /// Another node, of whatever name, belongs to a cluster: learned from other traffic than founding messages, such as
    /// a peer connection that names its cluster. What is heard before anything may be said counts as soon as it may.
    public mutating func clusterHeard(_ cluster: ClusterID, members: [Member]) {
        if case .starting = phase { heardEarly = heardEarly ?? (cluster, members) }
        guard case .voting = phase else { return }
        // With all seeds in each quorum, a value that was chosen is what each whom it lists has accepted last; and the id
        // names one value only.
        if let accepted, accepted.cluster == cluster, accepted.acceptors.contains(replica) {
            decide(accepted)
        } else {
            wait(for: cluster, members: members.sorted { $0.id < $1.id })
        }
        settle()
    }

    // MARK: - Durability

    mutating func persist(then what: Held) {
        persistNumber += 1
        actions.append(.persist(number: persistNumber, record))
        held.append((persistNumber, what))
    }

    private mutating func release(_ what: Held) {
        switch what {
        case .readiness:
            phase = .voting
            if let (cluster, members) = heardEarly { clusterHeard(cluster, members: members) }
        case .vote(let message, let to, let name): answer(message, to: to, name: name)
        case .round(let round):
            withProposer { proposer, generator in proposer.roundPersisted(round, using: &generator) }
        case .creation(let outcome): create(outcome)
        case .finish(let outcome):
            phase = .finished(outcome)
            actions.append(.finished(outcome))
        }
    }

    // MARK: - The end

    /// A value was chosen, and lists this replica.
    mutating func decide(_ value: FoundingValue) {
        record.stage = .decided(value)
        persist(then: .creation(.founded(value)))
        end(.founded(value))
    }

    /// A cluster exists without this replica.
    private mutating func wait(for cluster: ClusterID, members: [Member]) {
        record.stage = .waiting(cluster, members: members)
        let outcome = FoundingOutcome.joining(cluster, members: members)
        persist(then: .creation(outcome))
        end(outcome)
    }

    /// What the record on disk says is carried out.
    private mutating func create(_ outcome: FoundingOutcome) {
        actions.append(.create(outcome))
        end(outcome)
    }

    private mutating func end(_ outcome: FoundingOutcome) {
        phase = .creating(outcome)
        proposer = nil
        proposerTimer = nil
        proposeAt = nil
        review()
    }

    /// What follows from any event: messages to itself, the next proposal, alarms.
    mutating func settle() {
        while case .voting = phase, let message = inbox.first {
            inbox.removeFirst()
            vote(message, from: replica, name: name)
        }
        considerProposing()
        review()
    }
}
