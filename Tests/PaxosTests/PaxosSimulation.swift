import Paxos
import TestSupport
import Wire

/// Nodes that each propose, accept and learn, under virtual time, with a network that loses, repeats and reorders, and
/// with crashes between any two steps. Disks keep what was written, unless the settings say otherwise.
struct PaxosSimulation {
    struct Settings {
        var nodes = 3
        var quorum = Quorum.majority
        /// Chances in a thousand: of a message to be lost, or to come twice; of a node to crash at a step.
        var loss: UInt64 = 100
        var repeats: UInt64 = 100
        var crashes: UInt64 = 20
        /// Until when there are faults, in milliseconds.
        var faultsUntil: UInt64 = 2_000
        /// Crash this node at this step, once, instead of by chance.
        var crashAt: (node: Int, step: Int)?
        /// Nodes whose acceptor comes back empty from a crash.
        var forgetful: [Int] = []
        /// Proposers come back from a crash with round 0.
        var forgetsRounds = false
    }

    private enum Event {
        case start(Int)
        case message(from: Int, to: Int, [UInt8])
        case written(Int, life: Int, Write)
        case timer(Int, life: Int, number: Int)
    }

    private enum Write {
        case round(UInt64)
        case acceptor([UInt8], thenSend: PaxosMessage, to: Int)
    }

    private struct Node {
        // On disk.
        var round: UInt64 = 0
        var stored: [UInt8] = AcceptorState().encode()
        // In memory.
        var running = false
        var life = 0
        var timer = 0
        var proposer: Proposer
        var acceptor = Acceptor()
        var learner: Learner
    }

    private let settings: Settings
    private var random: Seeded
    private var draws: Seeded
    private var nodes: [Node] = []
    private var queue: [(time: UInt64, event: Event)] = []
    private(set) var now: UInt64 = 0
    private(set) var steps = 0
    private(set) var crashes = 0
    /// What any acceptor has ever made durable.
    private var accepted: [(proposal: Proposal, by: [Int])] = []
    /// What was chosen: accepted by a quorum, or learned. One at most, if all is well.
    private(set) var chosen: [[UInt8]] = []
    /// How many nodes know.
    var learned: Int { nodes.count { $0.learner.chosen != nil } }

    init(_ settings: Settings, seed: UInt64) {
        self.settings = settings
        random = Seeded(seed)
        draws = Seeded(random.next())
        for number in 0..<settings.nodes {
            nodes.append(Node(proposer: proposer(number, round: 0), learner: learner()))
            push(.start(number), after: random.below(300))
        }
    }

    /// Runs until every node knows the value, or until the time is over.
    mutating func run(until end: UInt64) throws {
        while learned < nodes.count, let (time, event) = queue.popLast() {
            guard time <= end else { return }
            now = time
            steps += 1
            try handle(event)
        }
    }

    private var acceptors: [ReplicaID] { (0..<settings.nodes).map { replica(UInt64($0)) } }

    private func proposer(_ number: Int, round: UInt64) -> Proposer {
        Proposer(
            replica: replica(UInt64(number)),
            acceptors: acceptors,
            quorum: settings.quorum,
            round: round,
            backOff: BackOff(minimum: 40, maximum: 2_000)
        )
    }

    private func learner() -> Learner { Learner(acceptors: acceptors, quorum: settings.quorum) }

    private mutating func push(_ event: Event, after delay: UInt64) {
        // The next event is the last one. Of those at the same time, the one that was put in first.
        var place = queue.count
        while place > 0, queue[place - 1].time <= now + delay { place -= 1 }
        queue.insert((now + delay, event), at: place)
    }

    // MARK: - Faults

    private var faulty: Bool { now < settings.faultsUntil }

    /// Whether the node crashes here. What it had sent is on its way; what it was writing may be on disk or not.
    private mutating func crashes(_ number: Int) -> Bool {
        if let crash = settings.crashAt {
            guard crash.node == number, crash.step == steps, crashes == 0 else { return false }
        } else {
            guard faulty, random.perMille(settings.crashes) else { return false }
        }
        crashes += 1
        // What was being written has arrived or not, in the order in which it was written.
        let writes = queue.filter { isWrite($0.event, of: number) }.reversed()
        queue = queue.filter { !isWrite($0.event, of: number) }
        for case .written(_, _, let write) in writes.map(\.event) {
            guard random.perMille(500) else { break }
            store(write, number)
        }
        nodes[number].running = false
        nodes[number].life += 1
        push(.start(number), after: random.below(500))
        return true
    }

    private func isWrite(_ event: Event, of number: Int) -> Bool {
        guard case .written(number, _, _) = event else { return false }
        return true
    }

    private mutating func send(_ message: PaxosMessage, from: Int, to: Int) {
        let bytes = message.encode()
        if from != to, faulty, random.perMille(settings.loss) { return }
        let copies = faulty && random.perMille(settings.repeats) ? 2 : 1
        for _ in 0..<copies {
            push(.message(from: from, to: to, bytes), after: faulty ? random.below(120) : 1 + random.below(10))
        }
    }

    // MARK: - Steps

    private mutating func handle(_ event: Event) throws {
        switch event {
        case .start(let number):
            guard !nodes[number].running else { return }
            nodes[number].running = true
            if settings.forgetful.contains(number), nodes[number].life > 0 {
                nodes[number].stored = AcceptorState().encode()
            }
            let round = settings.forgetsRounds ? 0 : nodes[number].round
            nodes[number].acceptor = Acceptor(state: try AcceptorState(decoding: nodes[number].stored))
            nodes[number].proposer = proposer(number, round: round)
            nodes[number].learner = learner()
            let value = [UInt8(number), UInt8(truncatingIfNeeded: nodes[number].life)]
            perform(nodes[number].proposer.propose(value), number)
        case .timer(let number, let life, let timer):
            guard nodes[number].life == life, nodes[number].timer == timer else { return }
            perform(nodes[number].proposer.timerFired(using: &draws), number)
        case .written(let number, let life, let write):
            guard nodes[number].life == life else { return }
            store(write, number)
            guard !crashes(number) else { return }
            switch write {
            case .round(let round): perform(nodes[number].proposer.roundPersisted(round, using: &draws), number)
            case .acceptor(_, thenSend: let message, let to):
                guard case .accepted = message else { return send(message, from: number, to: to) }
                // Everyone learns. A crash between two sendings reaches some only.
                for receiver in nodes.indices {
                    guard !crashes(number) else { return }
                    send(message, from: number, to: receiver)
                }
            }
        case .message(let from, let to, let bytes):
            guard nodes[to].running, !crashes(to) else { return }
            try receive(try PaxosMessage(decoding: bytes), from: from, to: to)
        }
    }

    private mutating func receive(_ message: PaxosMessage, from: Int, to: Int) throws {
        let sender = replica(UInt64(from))
        switch message {
        case .prepare(let ballot): perform(nodes[to].acceptor.prepareReceived(ballot), to, proposer: from)
        case .accept(let proposal): perform(nodes[to].acceptor.acceptReceived(proposal), to, proposer: from)
        case .promise(let ballot, let accepted):
            let action = nodes[to].proposer.promiseReceived(ballot, accepted: accepted, from: sender, using: &draws)
            perform(action, to)
        case .refused(let ballot, let promised):
            perform(nodes[to].proposer.refusalReceived(ballot, promised: promised, using: &draws), to)
        case .accepted(let proposal):
            nodes[to].proposer.acceptedReceived(proposal, from: sender)
            if let value = nodes[to].learner.acceptedReceived(proposal, from: sender) {
                nodes[to].proposer.stop()
                note(value)
            }
        }
    }

    private mutating func perform(_ action: Proposer.Action, _ number: Int) {
        switch action {
        case .none: break
        case .persist(let round):
            push(.written(number, life: nodes[number].life, .round(round)), after: 20)
        case .send(let message, let receivers, let timer):
            setTimer(number, timer)
            for receiver in receivers {
                guard !crashes(number) else { return }
                send(message, from: number, to: acceptors.firstIndex(of: receiver)!)
            }
        case .wait(let timer): setTimer(number, timer)
        }
    }

    private mutating func setTimer(_ number: Int, _ timer: UInt64) {
        nodes[number].timer += 1
        push(.timer(number, life: nodes[number].life, number: nodes[number].timer), after: timer)
    }

    private mutating func perform(_ action: Acceptor.Action, _ number: Int, proposer: Int) {
        switch action {
        case .ignore: break
        case .send(let message): send(message, from: number, to: proposer)
        case .persist(let state, thenSend: let message):
            let write = Write.acceptor(state.encode(), thenSend: message, to: proposer)
            // In order: a disk that is written to by one thread. The same moment keeps the order of the queue.
            push(.written(number, life: nodes[number].life, write), after: 20)
        }
    }

    private mutating func store(_ write: Write, _ number: Int) {
        switch write {
        case .round(let round): nodes[number].round = max(nodes[number].round, round)
        case .acceptor(let bytes, thenSend: let message, _):
            nodes[number].stored = bytes
            guard case .accepted(let proposal) = message else { return }
            let place = accepted.firstIndex { $0.proposal == proposal } ?? accepted.endIndex
            if place == accepted.endIndex { accepted.append((proposal, [])) }
            if !accepted[place].by.contains(number) { accepted[place].by.append(number) }
            if settings.quorum.isReached(by: accepted[place].by.count, of: nodes.count) { note(proposal.value) }
        }
    }

    private mutating func note(_ value: [UInt8]) {
        if !chosen.contains(value) { chosen.append(value) }
    }
}
