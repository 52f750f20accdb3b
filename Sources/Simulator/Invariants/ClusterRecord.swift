import Raft
import Wire

/// What has happened to all replicas so far: what more than one invariant looks at.
struct ClusterRecord: Sendable {
    /// An entry that is committed.
    struct CommittedEntry: Sendable {
        var entry: Entry
        /// The term of the replica that was the first to know: of the leader that committed it.
        var inTerm: Term
    }

    /// A vote that is on a disk.
    struct VoteKey: Hashable, Sendable {
        var voter: ReplicaID
        var term: Term
    }

    private(set) var replicas: ContiguousArray<ReplicaRecord> = []
    private var places: [ReplicaID: Int] = [:]
    /// All that is committed, from index 1 on.
    private(set) var committed: ContiguousArray<CommittedEntry> = []
    /// The committed memberships, genesis first. Sorted by index.
    private(set) var memberships: ContiguousArray<ReplicaRecord.Membership> = []
    /// Every vote that has become durable.
    private(set) var votes: [VoteKey: ReplicaID] = [:]
    /// The first two durable votes of one replica in one term that differ, if there are any.
    private(set) var doubleVote: (key: VoteKey, first: ReplicaID, second: ReplicaID)?

    /// The last committed index.
    var lastCommitted: LogIndex { LogIndex(UInt64(committed.count)) }

    /// A replica's place.
    func place(of id: ReplicaID) -> Int? { places[id] }

    /// A replica by its id.
    func replica(_ id: ReplicaID) -> ReplicaRecord? { places[id].map { replicas[$0] } }

    /// A committed entry.
    func committedEntry(at index: LogIndex) -> CommittedEntry? {
        guard index > .zero, index <= lastCommitted else { return nil }
        return committed[Int(index.rawValue) - 1]
    }

    /// The membership that is committed at an index.
    func membership(at index: LogIndex) -> Configuration? {
        memberships.last { $0.index <= index }?.configuration
    }

    // MARK: - What happens

    /// A replica starts with what it found on its disk. Returns what it found too little, if anything.
    mutating func started<View: RaftView>(_ view: View, restored: RestoredState) -> (Step, loss: String?) {
        if memberships.isEmpty, restored.snapshot.position == .zero {
            memberships.append(.init(index: .zero, configuration: restored.snapshot.configuration))
        }
        var loss: String?
        let record = ReplicaRecord(view, restored: restored)
        let place: Int
        if let known = places[view.id] {
            place = known
            loss = replicas[place].durable.loss(in: restored)
            replicas[place] = record
        } else {
            place = replicas.count
            places[view.id] = place
            replicas.append(record)
        }
        note(restored.hardState, of: view.id)
        let first = restored.snapshot.position.index.rawValue + 1
        let step = Step(
            place: place,
            id: view.id,
            before: record.numbers,
            after: record.numbers,
            isStart: true,
            removedFrom: nil,
            appended: first..<max(first, record.log.last.index.rawValue + 1),
            committed: 0..<0
        )
        return (step, loss)
    }

    /// A replica is gone, with all that was not on its disk.
    mutating func crashed(_ id: ReplicaID) {
        guard let place = places[id] else { return }
        replicas[place].isUp = false
    }

    /// A replica did something. Says what is different now.
    mutating func stepped<View: RaftView>(_ view: View) -> Step {
        guard let place = places[view.id] else { preconditionFailure("a replica starts before it does anything") }
        let before = replicas[place].numbers
        let after = ReplicaRecord.Numbers(view)
        var step = Step(
            place: place,
            id: view.id,
            before: before,
            after: after,
            isStart: false,
            removedFrom: nil,
            appended: 0..<0,
            committed: 0..<0
        )
        replicas[place].numbers = after
        replicas[place].configurations.before = replicas[place].configurations.after
        if replicas[place].log.last != view.lastPosition || before.snapshot != after.snapshot {
            follow(view, &step)
        }
        if step.after.commit > lastCommitted { commit(view, &step) }
        return step
    }

    /// Brings the record of a log up to date.
    private mutating func follow<View: RaftView>(_ view: View, _ step: inout Step) {
        let place = step.place
        let snapshot = view.snapshot
        if replicas[place].memberships[0].configuration.members.isEmpty {
            // Who waited to be admitted was sent the group's first state, which has no index of its own.
            replicas[place].memberships[0].configuration = snapshot.configuration
        }
        if !replicas[place].log.holds(snapshot.position) {
            // A leader's snapshot takes the place of the log.
            if snapshot.position.index < replicas[place].log.last.index { step.removedFrom = snapshot.position.index }
            replicas[place].log = LogRecord(base: snapshot.position)
            replicas[place].memberships = [
                .init(index: snapshot.position.index, configuration: snapshot.configuration)
            ]
        }
        let last = view.lastPosition.index
        let known = replicas[place].log.last.index
        let lowest = max(replicas[place].log.base.index.rawValue, view.firstIndex.rawValue - 1)
        var agreed = min(last, known).rawValue
        while agreed > lowest, replicas[place].log.term(at: LogIndex(agreed)) != view.term(at: LogIndex(agreed)) {
            agreed -= 1
        }
        if agreed < known.rawValue {
            step.removedFrom = min(step.removedFrom ?? LogIndex(agreed + 1), LogIndex(agreed + 1))
            replicas[place].log.cut(after: LogIndex(agreed))
            while replicas[place].memberships.count > 1,
                let newest = replicas[place].memberships.last, newest.index.rawValue > agreed
            {
                replicas[place].memberships.removeLast()
            }
        }
        step.appended = agreed + 1..<max(agreed, last.rawValue) + 1
        for index in step.appended {
            guard let entry = view.entry(at: LogIndex(index)) else { break }
            replicas[place].log.append(entry)
            if case .configuration(let configuration) = entry.payload {
                replicas[place].memberships.append(.init(index: LogIndex(index), configuration: configuration))
            }
        }
        replicas[place].configurations.after = view.configuration
    }

    /// Remembers what has become committed.
    private mutating func commit<View: RaftView>(_ view: View, _ step: inout Step) {
        let first = lastCommitted.rawValue + 1
        var next = first
        while next <= step.after.commit.rawValue, let entry = view.entry(at: LogIndex(next)) {
            committed.append(CommittedEntry(entry: entry, inTerm: step.after.term))
            if case .configuration(let configuration) = entry.payload {
                memberships.append(.init(index: LogIndex(next), configuration: configuration))
            }
            next += 1
        }
        step.committed = first..<next
    }

    // MARK: - Disks

    /// A request is handed to a replica's disk.
    mutating func stored(_ request: PersistRequest, by id: ReplicaID) {
        guard let place = places[id] else { return }
        replicas[place].durable.stored(request)
    }

    /// All that was handed to a replica's disk so far is durable.
    mutating func synchronized(_ id: ReplicaID) {
        guard let place = places[id], !replicas[place].durable.pending.isEmpty else { return }
        var states: [HardState] = []
        replicas[place].durable.synchronized { states.append($0) }
        for state in states { note(state, of: id) }
    }

    /// All of a leader's snapshot is handed to a replica's disk.
    mutating func snapshotHanded(_ position: LogPosition, by id: ReplicaID) {
        guard let place = places[id] else { return }
        replicas[place].durable.handed(position)
    }

    /// A snapshot is durable on a replica's disk.
    mutating func snapshotStored(_ position: LogPosition, by id: ReplicaID) {
        guard let place = places[id] else { return }
        replicas[place].durable.installed(position)
    }

    private mutating func note(_ state: HardState, of id: ReplicaID) {
        guard let vote = state.vote else { return }
        let key = VoteKey(voter: id, term: state.term)
        let first = votes.updateValue(vote, forKey: key)
        if let first, first != vote, doubleVote == nil { doubleVote = (key, first, vote) }
    }

    // MARK: - Quorums

    /// Whether a majority of a membership's voters, of both sets where it is joint, is such.
    func isQuorum(of configuration: Configuration, where holds: (ReplicaID) -> Bool) -> Bool {
        Self.isMajority(configuration.voters, where: holds)
            && (configuration.outgoing.isEmpty || Self.isMajority(configuration.outgoing, where: holds))
    }

    private static func isMajority(_ voters: [ReplicaID], where holds: (ReplicaID) -> Bool) -> Bool {
        2 * voters.reduce(0) { $0 + (holds($1) ? 1 : 0) } > voters.count
    }
}
