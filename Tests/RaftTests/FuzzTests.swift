import TestSupport
import Testing
import Wire

@testable import Raft

/// A core between peers that say anything at all. It never traps, and keeps what it promised: terms and commits grow,
/// one vote a term, nothing committed changes, acknowledgements are of what is durable.
@Suite struct FuzzTests {
    @Test func noMessageTrapsOrBreaksAPromise() {
        let base = seed()
        var reached = Set<Peer.Place>()
        let all = Set(Peer.Place.allCases)
        var run = 0
        // The rarest places are seen in one run of thirty: a few more where chance would have it otherwise.
        while run < runs(150) || reached != all && run < 10 * runs(150) {
            var peer = Peer(seed: base &+ UInt64(run))
            peer.run(steps: 800)
            reached.formUnion(peer.reached)
            run += 1
        }
        // Else it was knocking at a closed door.
        #expect(reached == all)
    }
}

/// A core, and the random input that it gets.
private struct Peer {
    /// What must be seen for the test to mean anything.
    enum Place: CaseIterable {
        case preCandidate, candidate, leader, committedAsLeader, committedAsFollower, joint, truncated, installed
        case transferring, granted, accepted, rejected, read
    }

    var reached: Set<Place> = []
    var lastIndex = LogIndex.zero
    var harness: Harness
    var random: Xoshiro256
    let seed: UInt64
    var votes: [Term: ReplicaID] = [:]
    var committed: [LogIndex: Entry] = [:]
    var highestTerm = Term.zero
    var highestCommit = LogIndex.zero
    var waiting: [UInt64] = []
    var heard: [Message] = []
    var handedOut: LogIndex?
    var installing: UInt64?

    init(seed: UInt64) {
        var random = Xoshiro256(seed: seed)
        self.seed = seed
        var settings = RaftSettings()
        settings.electionTicksMin = 3
        settings.electionTicksMax = 6
        settings.heartbeatTicks = 1
        settings.appendEntriesMax = random.inRange(1...4)
        settings.snapshotChunkBytes = random.inRange(1...4)
        settings.unpersistedBytesMax = random.inRange(50...500)
        settings.uncommittedBytesMax = random.inRange(50...500)
        settings.pendingReadsMax = random.inRange(0...5)
        settings.preVote = random.chance(3, of: 4)
        settings.checkQuorum = random.chance(3, of: 4)
        var term: UInt64 = 1
        let terms = (0..<random.inRange(0...6)).map { _ -> UInt64 in
            term += random.below(2)
            return term
        }
        harness = Harness(
            voters: random.inRange(1...4),
            terms: terms,
            term: term,
            settings: settings,
            blank: terms.isEmpty && random.chance(1, of: 4)
        )
        self.random = random
    }

    mutating func run(steps: Int) {
        for _ in 0..<steps {
            let body = input()
            let output = harness.act(body)
            take(output)
            check(output)
        }
    }

    // MARK: - What comes in

    private mutating func input() -> (inout Raft) -> Void {
        switch random.below(20) {
        case 0, 1: return { $0.tick() }
        case 2:
            let commands = (0..<random.inRange(0...3)).map { _ in [UInt8](repeating: 1, count: random.inRange(0...40)) }
            return { _ = try? $0.propose(commands) }
        case 3:
            let change = ConfigurationChange((0..<random.inRange(0...2)).map { _ in step() })
            return { _ = try? $0.propose(change) }
        case 4:
            let context = random.below(4)
            return { $0.readIndex(context: context) }
        case 5:
            // A leader is rare here, and most names are of nobody.
            let targets = harness.raft.configuration.voters + [id()]
            let target = targets[random.inRange(0...targets.count - 1)]
            return { try? $0.transferLeadership(to: target) }
        case 6: return { $0.campaign() }
        case 7, 8, 9:
            guard !waiting.isEmpty else { return { _ in } }
            let number = waiting.removeFirst()
            return { $0.persisted(number) }
        case 10:
            guard let index = handedOut else { return { _ in } }
            return { $0.applied(through: index) }
        case 11:
            guard let transfer = installing else { return { _ in } }
            installing = nil
            if random.chance(1, of: 3) { return { $0.snapshotRefused(transfer) } }
            return { $0.snapshotInstalled(transfer) }
        case 12:
            let raft = harness.raft
            guard let term = raft.term(at: raft.appliedIndex) else { return { _ in } }
            let snapshot = SnapshotDescription(
                position: LogPosition(term: term, index: raft.appliedIndex),
                configuration: raft.appliedConfiguration,
                bytes: random.below(9)
            )
            let keeping = LogIndex(random.below(10))
            return { $0.compact(to: snapshot, keepingFrom: keeping) }
        default:
            let message = message()
            return { $0.step(message) }
        }
    }

    private mutating func step() -> ConfigurationChange.Step {
        let id = id()
        switch random.below(5) {
        case 0: return .addLearner(Group.member(id))
        case 1: return .promote(id)
        case 2: return .demote(id)
        case 3: return .update(Member(id: id, name: "n\(random.below(4))", address: ""))
        default: return .remove(id)
        }
    }

    private mutating func id() -> ReplicaID { Group.id(random.inRange(1...6)) }

    /// Mostly close to what is true, sometimes anything.
    private mutating func number(near value: UInt64) -> UInt64 {
        switch random.below(12) {
        case 0: return random.next()
        case 1: return .max - random.below(3)
        case 2: return (1 << 62) - 2 + random.below(4)
        case 3: return 0
        default: return value &+ random.below(5) &- 2
        }
    }

    private mutating func term() -> Term {
        // Often the own one, so that much is looked at closely.
        random.chance(2, of: 3) ? harness.raft.term : Term(number(near: harness.raft.term.rawValue))
    }

    private mutating func position() -> LogPosition {
        let raft = harness.raft
        let index = LogIndex(number(near: raft.lastPosition.index.rawValue))
        if random.chance(2, of: 3), let term = raft.term(at: index) { return LogPosition(term: term, index: index) }
        return LogPosition(term: Term(number(near: raft.lastPosition.term.rawValue)), index: index)
    }

    private mutating func configuration() -> Configuration {
        let ids = (1...random.inRange(1...5)).map(Group.id)
        var configuration = Configuration(members: ids.map(Group.member), voters: ids)
        if random.chance(1, of: 4) { configuration.outgoing = [ids[0]] }
        if random.chance(1, of: 4) { configuration.learners = [id()] }
        if random.chance(1, of: 6) { configuration.voters.reverse() }
        return configuration
    }

    private mutating func entries(after previous: LogPosition) -> [Entry] {
        var term = previous.term.rawValue
        return (0..<random.below(4)).map { offset in
            term = random.chance(1, of: 4) ? term &+ random.below(2) : term
            if random.chance(1, of: 20) { term = number(near: term) }
            let index = random.chance(1, of: 30) ? random.next() : previous.index.rawValue &+ 1 &+ offset
            let payload: Entry.Payload =
                switch random.below(6) {
                case 0: .noOperation
                case 1: .configuration(configuration())
                default: .command([UInt8(truncatingIfNeeded: random.next())])
                }
            return Entry(position: Harness.position(term, index), payload: payload)
        }
    }

    private mutating func message() -> Message {
        if !heard.isEmpty, random.chance(1, of: 6) {
            var message = heard[random.inRange(0...heard.count - 1)]
            if random.chance(1, of: 2) { message.term = term() }
            return message
        }
        let message = Message(from: id(), to: Group.id(1), term: term(), body: body())
        heard.append(message)
        return message
    }

    private mutating func body() -> Message.Body {
        let index = LogIndex(number(near: harness.raft.lastPosition.index.rawValue))
        switch random.below(13) {
        case 0:
            return .voteRequest(
                VoteRequest(isPreVote: random.chance(1, of: 2), last: position(), isTransfer: random.chance(1, of: 3))
            )
        case 1, 2:
            return .voteResponse(
                VoteResponse(isPreVote: random.chance(1, of: 2), granted: random.chance(2, of: 3))
            )
        case 3, 4, 5:
            let previous = position()
            return .appendRequest(AppendRequest(previous: previous, entries: entries(after: previous), commit: index))
        case 6, 7: return .appendResponse(.accepted(through: index))
        case 8: return .appendResponse(.rejected(previous: index, hint: position()))
        case 9: return .heartbeatRequest(HeartbeatRequest(commit: index, round: random.next()))
        case 10:
            return random.chance(1, of: 2)
                ? .heartbeatResponse(HeartbeatResponse(round: number(near: 3)))
                : .readIndexResponse(context: random.below(4), index: random.chance(1, of: 2) ? index : nil)
        case 11:
            let bytes = random.chance(1, of: 8) ? random.next() : random.below(6)
            let data = [UInt8](repeating: 1, count: random.inRange(0...4))
            let snapshot = SnapshotDescription(position: position(), configuration: configuration(), bytes: bytes)
            let length = random.chance(1, of: 8) ? UInt32.max : UInt32(data.count)
            let offset = random.chance(1, of: 2) ? 0 : number(near: 2)
            return .snapshotRequest(
                SnapshotRequest(snapshot: snapshot, offset: offset, length: length, data: data)
            )
        default:
            switch random.below(4) {
            case 0: return .timeoutNow
            case 1: return .readIndexRequest(context: random.next())
            case 2:
                return .snapshotResponse(SnapshotResponse(position: position(), outcome: .received(random.below(5))))
            default:
                return .snapshotResponse(SnapshotResponse(position: position(), outcome: .installed(through: index)))
            }
        }
    }

    // MARK: - What comes out

    private mutating func take(_ output: RaftOutput) {
        if let number = output.persist?.number { waiting.append(number) }
        if let last = output.snapshotParts.last, last.isLast { installing = last.transfer }
        for step in output.apply {
            switch step {
            case .entries(let entries): handedOut = entries.last?.position.index ?? handedOut
            case .restore(let description): handedOut = description.position.index
            }
        }
    }

    private mutating func note(_ output: RaftOutput) {
        let raft = harness.raft
        switch raft.role {
        case .follower: if raft.commitIndex > highestCommit { reached.insert(.committedAsFollower) }
        case .preCandidate: reached.insert(.preCandidate)
        case .candidate: reached.insert(.candidate)
        case .leader: reached.insert(raft.commitIndex > highestCommit ? .committedAsLeader : .leader)
        }
        if raft.configuration.isJoint { reached.insert(.joint) }
        if raft.transferTarget != nil { reached.insert(.transferring) }
        if raft.lastPosition.index < lastIndex { reached.insert(.truncated) }
        lastIndex = raft.lastPosition.index
        if output.apply.contains(where: { if case .restore = $0 { true } else { false } }) {
            reached.insert(.installed)
        }
        if output.reads.contains(where: { $0.index != nil }) { reached.insert(.read) }
        for message in output.messages {
            switch message.body {
            case .voteResponse(let response) where response.granted: reached.insert(.granted)
            case .appendResponse(.accepted): reached.insert(.accepted)
            case .appendResponse(.rejected): reached.insert(.rejected)
            default: break
            }
        }
    }

    private mutating func check(_ output: RaftOutput) {
        note(output)
        let raft = harness.raft
        #expect(raft.term >= highestTerm, "seed \(seed)")
        highestTerm = raft.term
        #expect(raft.commitIndex >= highestCommit, "seed \(seed)")
        highestCommit = raft.commitIndex
        #expect(raft.appliedIndex <= raft.commitIndex, "seed \(seed)")
        #expect(raft.durableIndex <= raft.lastPosition.index, "seed \(seed)")
        #expect(raft.firstIndex <= raft.lastPosition.index + 1, "seed \(seed)")
        #expect(raft.lastPosition.term <= raft.term, "seed \(seed)")
        if let vote = raft.vote {
            #expect(votes[raft.term] ?? vote == vote, "seed \(seed)")
            votes[raft.term] = vote
        }
        var index = raft.firstIndex
        while index <= raft.commitIndex {
            if let entry = raft.entry(at: index) {
                #expect(committed[index] ?? entry == entry, "seed \(seed): \(index) changed")
                committed[index] = entry
            }
            index = index + 1
        }
        for message in output.messages {
            if case .appendResponse(.accepted(let index)) = message.body {
                #expect(index <= raft.durableIndex, "seed \(seed)")
            }
            #expect(message.to != raft.id, "seed \(seed)")
        }
    }
}
