import Ledger
import Raft
import Simulator
import Wire

/// Replicas in whatever state a test says, and the invariants that are told of them.
///
/// What a method does not say otherwise is as it should be: what a replica appends is durable at once.
struct FabricatedCluster {
    private(set) var invariants: Invariants
    private(set) var replicas: [FabricatedReplica] = []
    private var persisted: [Int: (number: UInt64, state: HardState, entries: [Entry])] = [:]

    static func id(_ place: Int) -> ReplicaID { ReplicaID(high: 0, low: UInt64(place) + 1) }

    static func configuration(
        voters: [Int],
        outgoing: [Int] = [],
        learners: [Int] = []
    ) -> Configuration {
        let everyone = Array(Set(voters + outgoing + learners)).sorted()
        return Configuration(
            members: everyone.map { Member(id: id($0), name: "n\($0)", address: "n\($0):1") },
            voters: voters.map(id),
            outgoing: outgoing.map(id),
            learners: learners.map(id)
        )
    }

    init(
        _ count: Int = 3,
        voters: [Int]? = nil,
        settings: RaftSettings = RaftSettings()
    ) throws(InvariantViolation) {
        invariants = Invariants(settings: settings)
        let configuration = Self.configuration(voters: voters ?? Array(0..<count))
        for place in 0..<count {
            let genesis = SnapshotDescription(position: .zero, configuration: configuration, bytes: 0)
            let replica = FabricatedReplica(id: Self.id(place), snapshot: genesis)
            replicas.append(replica)
            try invariants.started(
                replica,
                restored: RestoredState(hardState: .initial, snapshot: genesis, entries: [])
            )
        }
    }

    /// A replica does something; what is durable afterwards is told first, if it is to be.
    mutating func step(
        _ place: Int,
        durable: Bool = true,
        _ change: (inout FabricatedReplica) -> Void
    ) throws(InvariantViolation) {
        change(&replicas[place])
        store(place, durable: durable)
        try invariants.stepped(replicas[place])
    }

    /// Hands to a replica's disk what is new in it.
    private mutating func store(_ place: Int, durable: Bool) {
        let replica = replicas[place]
        let last = persisted[place] ?? (0, .initial, [])
        let state = HardState(term: replica.term, vote: replica.vote)
        let kept = zip(last.entries, replica.entries).prefix { $0 == $1 }.count
        if state != last.state || kept < replica.entries.count {
            let request = PersistRequest(
                number: last.number + 1,
                hardState: state == last.state ? nil : state,
                entries: Array(replica.entries.dropFirst(kept))
            )
            invariants.stored(request, by: replica.id)
            persisted[place] = (request.number, state, replica.entries)
        }
        if durable { invariants.synchronized(replica.id) }
    }

    mutating func synchronize(_ place: Int) { invariants.synchronized(Self.id(place)) }

    mutating func snapshotHanded(_ position: LogPosition, _ place: Int) {
        invariants.snapshotHanded(position, by: Self.id(place))
    }

    mutating func snapshotStored(_ position: LogPosition, _ place: Int) {
        invariants.snapshotStored(position, by: Self.id(place))
    }

    /// A replica ends, and starts with what a test says that it finds.
    mutating func restart(_ place: Int, finding replica: FabricatedReplica) throws(InvariantViolation) {
        invariants.crashed(Self.id(place))
        replicas[place] = replica
        let restored = RestoredState(
            hardState: HardState(term: replica.term, vote: replica.vote),
            snapshot: replica.snapshot,
            entries: replica.entries
        )
        persisted[place] = (persisted[place]?.number ?? 0, restored.hardState, replica.entries)
        try invariants.started(replica, restored: restored)
    }

    mutating func send(_ from: Int, to: Int, term: UInt64? = nil, _ body: Message.Body) throws(InvariantViolation) {
        try invariants.sent(
            Message(
                from: Self.id(from),
                to: Self.id(to),
                term: term.map(Term.init) ?? replicas[from].term,
                body: body
            )
        )
    }

    mutating func apply(
        _ place: Int,
        index: UInt64,
        _ batch: Batch = Batch(time: .zero, commands: []),
        results: [CommandResult] = [],
        digest: UInt64 = 0
    ) throws(InvariantViolation) {
        try invariants.applied(
            Application(
                index: LogIndex(index),
                batch: batch,
                results: results,
                digest: LedgerDigest(high: 0, low: digest)
            ),
            by: Self.id(place)
        )
    }

    mutating func restore(_ place: Int, index: UInt64, digest: UInt64) throws(InvariantViolation) {
        try invariants.restored(LedgerDigest(high: 0, low: digest), at: LogIndex(index), by: Self.id(place))
    }

    mutating func observe(_ place: Int, time: UInt64, latest: UInt64 = .max) throws(InvariantViolation) {
        try invariants.observed(
            LedgerTime(nanoseconds: time),
            by: Self.id(place),
            latestPossible: LedgerTime(nanoseconds: latest)
        )
    }

    // MARK: - What goes well

    /// An election as it should be: durable votes, told, and the first entry of the term in the leader's log.
    mutating func elect(_ leader: Int, term: UInt64, votes: [Int]) throws(InvariantViolation) {
        for voter in votes where voter != leader {
            try step(voter) {
                $0.role = .follower
                $0.term = Term(term)
                $0.vote = Self.id(leader)
            }
            try send(voter, to: leader, .voteResponse(VoteResponse(isPreVote: false, granted: true)))
        }
        try step(leader) {
            $0.role = .candidate
            $0.term = Term(term)
            $0.vote = Self.id(leader)
        }
        try step(leader) {
            $0.role = .leader
            $0.append(term: term)
        }
    }

    /// A leader's log comes to a follower and is accepted.
    mutating func replicate(_ leader: Int, to followers: [Int]) throws(InvariantViolation) {
        let source = replicas[leader]
        for follower in followers {
            try step(follower) {
                if $0.term < source.term {
                    $0.term = source.term
                    $0.vote = nil
                }
                $0.role = .follower
                $0.entries = source.entries
            }
            try send(follower, to: leader, .appendResponse(.accepted(through: source.lastPosition.index)))
        }
    }

    /// A replica learns that all of its log up to an index is committed.
    mutating func commit(_ place: Int, _ index: UInt64) throws(InvariantViolation) {
        try step(place) { $0.commitIndex = LogIndex(index) }
    }

    /// A leader of term 1 with one entry that everyone has and knows as committed.
    static func established(_ count: Int = 3, settings: RaftSettings = RaftSettings()) throws(InvariantViolation)
        -> Self
    {
        var cluster = try Self(count, settings: settings)
        try cluster.elect(0, term: 1, votes: Array(0..<count))
        try cluster.replicate(0, to: Array(1..<count))
        for place in 0..<count { try cluster.commit(place, 1) }
        return cluster
    }
}

/// The name of the invariant that a story breaks; nil: none.
func broken(_ story: () throws(InvariantViolation) -> Void) -> String? {
    do {
        try story()
        return nil
    } catch {
        return error.invariant
    }
}
