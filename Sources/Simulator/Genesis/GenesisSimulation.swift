import Ledger
import Paxos
import Raft
import Replica
import Wire

/// Genesis under faults: nodes start in any order, are killed at any moment, come back with their disk, without it, or
/// without the log; messages are lost, repeated, late; lists of seeds differ. One cluster is founded or none, never two;
/// and whoever is left out is told why.
///
/// A value: all of a run follows from its seed.
public struct GenesisSimulation {
    enum Event {
        case start(Int)
        case kill(Int)
        case wake(Int, life: Int)
        case receive(Int, from: Int, [UInt8])
        case written(Int, life: Int)
        case calm
    }

    /// What the run is like.
    public let plan: GenesisPlan
    var generator: Xoshiro256
    var queue = EventQueue<Event>()
    var network: SimulatedNetwork
    var nodes: [GenesisNode]
    var rules: GenesisRules
    var now = Moment.zero
    var isCalm = false
    /// What happened, in words and as a hash.
    public private(set) var trace: Trace
    /// What came of it.
    public private(set) var report: GenesisReport

    /// - Parameters:
    ///   - nodes: how many, or nil to draw from 1 to 5.
    ///   - lists: how the lists of seeds are, or nil to draw.
    public init(seed: UInt64, nodes: Int? = nil, lists: GenesisPlan.Lists? = nil, trace: Trace.Reader = .none) {
        var generator = Xoshiro256(seed: seed)
        let plan = GenesisPlan(nodes: nodes, lists: lists, using: &generator)
        self.plan = plan
        network = SimulatedNetwork(nodes: plan.nodes, generator: generator.split())
        network.setQuality(plan.quality)
        self.nodes = (0..<plan.nodes).map { GenesisNode(number: $0) }
        self.generator = generator
        rules = GenesisRules()
        report = GenesisReport(lists: plan.lists)
        self.trace = Trace(trace)
        for node in 0..<plan.nodes {
            queue.push(.start(node), at: .zero + self.generator.below(plan.startNanosecondsMax))
        }
        for _ in 0..<plan.kills {
            let node = Int(self.generator.below(UInt64(plan.nodes)))
            queue.push(.kill(node), at: .zero + self.generator.below(plan.calm.nanoseconds))
        }
        queue.push(.calm, at: plan.calm)
        if plan.lists == .existing { initialise(plan.keeper) }
    }

    /// Runs to the end.
    /// - Throws: what rule was broken, at ``trace``'s step.
    public mutating func run() throws(InvariantViolation) -> GenesisReport {
        while let (moment, event) = queue.pop(), moment <= plan.end {
            now = moment
            trace.now = moment
            try handle(event)
            if isCalm, isSettled {
                report.settledNanoseconds = now - plan.calm
                break
            }
        }
        try checkEnd()
        report.steps = trace.steps
        report.hash = trace.hash
        return report
    }

    /// A node that was a cluster of its own before.
    private mutating func initialise(_ node: Int) {
        let replica = drawReplica()
        let seed = GenesisNode.seed(node)
        let value = FoundingValue(
            cluster: ClusterID(high: generator.next(), low: generator.next()),
            secret: (0..<LedgerBounds.secretBytes).map { _ in UInt8(truncatingIfNeeded: generator.next()) },
            ledgerVersion: 1,
            maxRecords: LedgerBounds.records,
            members: [Member(id: replica, name: seed.name, address: seed.address)]
        )
        nodes[node].storage = GenesisNode.Storage(outcome: .founded(value), replica: replica)
        rules.existed(value)
    }

    mutating func drawReplica() -> ReplicaID { ReplicaID(high: generator.next(), low: generator.next()) }

    // MARK: - Events

    private mutating func handle(_ event: Event) throws(InvariantViolation) {
        switch event {
        case .start(let node): try start(node)
        case .kill(let node): if nodes[node].isUp { crash(node) }
        case .wake(let node, let life):
            guard nodes[node].life == life, nodes[node].wakeAt == now, !crashes(node) else { return }
            nodes[node].wakeAt = nil
            try founding(node) { founding, now in founding.advance(to: now) }
        case .receive(let node, let from, let bytes):
            guard nodes[node].isUp, !network.isCut(from: from, to: node), !crashes(node) else { return }
            trace.note(.receive, node, UInt64(from), Trace.hash(bytes))
            try receive(node, bytes)
        case .written(let node, let life):
            guard nodes[node].life == life else { return }
            try land(node)
        case .calm: calm()
        }
        changeLinks()
    }

    /// From now on every node stays up, keeps its disk, and is heard.
    private mutating func calm() {
        isCalm = true
        trace.note(.phase, -1, 0, 0, "faults end")
        network.heal()
        network.setQuality(.perfect)
        for node in nodes.indices {
            // An operator's correction needs a restart.
            if !plan.corrected.isEmpty, nodes[node].isUp { stop(node) }
            if !nodes[node].isUp { queue.push(.start(node), at: now + generator.below(1_000_000_000)) }
        }
    }

    private mutating func changeLinks() {
        guard !isCalm, plan.stepsPerCut > 0, plan.nodes > 1, generator.chance(1, of: plan.stepsPerCut) else { return }
        let from = Int(generator.below(UInt64(plan.nodes)))
        let to = Int(generator.below(UInt64(plan.nodes)))
        let cut = !network.isCut(from: from, to: to)
        network.setCut(cut, from: from, to: to)
        trace.note(cut ? .partition : .heal, from, UInt64(to))
    }

    // MARK: - Processes

    private func list(of node: Int) -> [Int] {
        isCalm && !plan.corrected.isEmpty ? plan.corrected[node] : plan.listed[node]
    }

    private mutating func start(_ node: Int) throws(InvariantViolation) {
        guard !nodes[node].isUp else { return }
        trace.note(.start, node, UInt64(nodes[node].life))
        let record = nodes[node].record.map { bytes in
            do { return try FoundingRecord(decoding: bytes) } catch {
                preconditionFailure("a record is read as written")
            }
        }
        if let storage = nodes[node].storage {
            if let record, case .member = record.stage {
                nodes[node].process = .member
                try rules.takesPart(storage, record: record, node: nodes[node])
            } else if let record {
                nodes[node].process = .settling
                write(node, .record(record.becomingMember(of: storage.outcome.cluster).encode(), number: nil))
            } else {
                nodes[node].process = .member
            }
            return
        }
        let drawn = drawReplica()
        let candidate = FoundingCandidate(
            cluster: ClusterID(high: generator.next(), low: generator.next()),
            secret: (0..<LedgerBounds.secretBytes).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        )
        do {
            let founding = try Founding(
                name: nodes[node].name,
                seeds: try FoundingSeeds(list(of: node).map(GenesisNode.seed)),
                settings: plan.settings,
                ledgerVersion: 1,
                candidate: candidate,
                drawn: drawn,
                record: record,
                now: now.nanoseconds,
                seed: generator.next()
            )
            nodes[node].process = .founding(founding)
        } catch {
            trace.note(.stop, node, 0, 0, error.explanation)
            nodes[node].process = .refused(error)
            return
        }
        try self.founding(node) { founding, now in founding.advance(to: now) }
    }

    /// Ends a process. Of what was being written, the first part has arrived.
    private mutating func stop(_ node: Int) {
        var arriving = nodes[node].writes.count
        while arriving > 0, generator.chance(1, of: 2) { arriving -= 1 }
        for write in nodes[node].writes.prefix(arriving) { store(node, write) }
        nodes[node].writes = []
        nodes[node].process = .down
        nodes[node].life += 1
        nodes[node].wakeAt = nil
    }

    /// Whether the process ends here.
    private mutating func crashes(_ node: Int) -> Bool {
        guard !isCalm, generator.chance(plan.crashes, of: 100_000) else { return false }
        crash(node)
        return true
    }

    /// Ends a process, and draws what is left of its disk.
    private mutating func crash(_ node: Int) {
        var isMember = false
        if case .member = nodes[node].process { isMember = true }
        stop(node)
        report.crashes += 1
        trace.note(.crash, node)
        if node != plan.keeper, generator.chance(plan.wipes, of: 1_000) {
            trace.note(.wipe, node, 0, 0, "the disk comes back empty")
            if !rules.chosen.isEmpty {
                report.wipesAfter += 1
            } else if rules.isAccepted {
                report.wipesDuring += 1
            } else {
                report.wipesBefore += 1
            }
            let record = nodes[node].record.flatMap { try? FoundingRecord(decoding: $0) }
            if let record { nodes[node].formerReplicas.append(record.replica) }
            nodes[node].record = nil
            nodes[node].storage = nil
        } else if isMember, nodes[node].record != nil, node != plan.keeper, generator.chance(plan.lostLogs, of: 1_000) {
            trace.note(.wipe, node, 1, 0, "the log is lost, the record is not")
            report.lostLogs += 1
            if let storage = nodes[node].storage { nodes[node].formerReplicas.append(storage.replica) }
            nodes[node].storage = nil
        }
        queue.push(.start(node), at: now + generator.below(2_000_000_000))
    }

    // MARK: - Messages

    private mutating func receive(_ node: Int, _ bytes: [UInt8]) throws(InvariantViolation) {
        let message: FoundingMessage
        do { message = try FoundingMessage(decoding: bytes) } catch { preconditionFailure("a message is read as sent") }
        switch nodes[node].process {
        case .down, .refused: break
        case .founding: try founding(node) { founding, _ in founding.receive(message) }
        case .settling, .member:
            guard let storage = nodes[node].storage, let receiver = GenesisNode.number(of: message.sender) else {
                return
            }
            var members: [Member] = []
            if case .founded(let value) = storage.outcome { members = value.members }
            let answer = message.answered(
                by: storage.replica,
                name: nodes[node].name,
                cluster: storage.outcome.cluster,
                members: members
            )
            if let answer { send(answer, from: node, to: receiver) }
        }
    }

    private mutating func send(_ message: FoundingMessage, from node: Int, to receiver: Int) {
        let bytes = message.encode()
        trace.note(.send, node, UInt64(receiver), Trace.hash(bytes), "to \(receiver): \(message.body)")
        for moment in network.arrivals(from: node, to: receiver, at: now) {
            queue.push(.receive(receiver, from: node, bytes), at: moment)
        }
    }

    // MARK: - The driver's part

    /// Passes an event to a node's founding and carries out what it asks for.
    private mutating func founding(
        _ node: Int,
        _ event: (inout Founding, UInt64) -> Void
    ) throws(InvariantViolation) {
        guard case .founding(var founding) = nodes[node].process else { return }
        nodes[node].process = .down
        event(&founding, now.nanoseconds)
        let actions = founding.takeActions()
        let deadline = founding.deadline
        nodes[node].process = .founding(founding)
        for action in actions {
            guard !crashes(node) else { return }
            try perform(action, node)
        }
        guard let deadline, case .founding = nodes[node].process else { return }
        let moment = max(now, Moment(nanoseconds: deadline))
        guard nodes[node].wakeAt.map({ moment < $0 }) ?? true else { return }
        nodes[node].wakeAt = moment
        queue.push(.wake(node, life: nodes[node].life), at: moment)
    }

    private mutating func perform(_ action: FoundingAction, _ node: Int) throws(InvariantViolation) {
        switch action {
        case .persist(let number, let record): write(node, .record(record.encode(), number: number))
        case .send(let message, let seed):
            try rules.sent(message, by: nodes[node])
            if let receiver = GenesisNode.number(of: seed.name) { send(message, from: node, to: receiver) }
        case .create(let outcome):
            trace.note(.store, node, outcome.cluster.low, 0, "creates storage: \(outcome)")
            guard case .founding(let founding) = nodes[node].process else { return }
            write(node, .storage(GenesisNode.Storage(outcome: outcome, replica: founding.replica)))
        case .finished(let outcome):
            trace.note(.phase, node, outcome.cluster.low, 0, "takes part")
            try rules.finished(outcome, node: nodes[node])
            nodes[node].process = .member
        case .alarm(let alarm): trace.note(.alarm, node, 0, 0, alarm.explanation)
        }
    }

    private mutating func write(_ node: Int, _ write: GenesisNode.Write) {
        nodes[node].writes.append(write)
        if nodes[node].writes.count == 1 { beginWrite(node) }
    }

    private mutating func beginWrite(_ node: Int) {
        guard !nodes[node].writes.isEmpty else { return }
        let took = generator.inNanoseconds(100_000, isCalm ? 1_000_000 : plan.writeNanosecondsMax)
        queue.push(.written(node, life: nodes[node].life), at: now + took)
    }

    /// The first write is durable.
    private mutating func land(_ node: Int) throws(InvariantViolation) {
        let write = nodes[node].writes.removeFirst()
        store(node, write)
        beginWrite(node)
        try rules.check()
        // The process may end between the write and what it learns of it.
        guard !crashes(node) else { return }
        switch write {
        case .record(_, let number?): try founding(node) { founding, _ in founding.persisted(number) }
        case .record(let bytes, nil):
            guard let storage = nodes[node].storage, let record = try? FoundingRecord(decoding: bytes) else { return }
            nodes[node].process = .member
            try rules.takesPart(storage, record: record, node: nodes[node])
        case .storage: try founding(node) { founding, _ in founding.storageCreated() }
        }
    }

    private mutating func store(_ node: Int, _ write: GenesisNode.Write) {
        switch write {
        case .record(let bytes, _):
            trace.note(.stored, node, Trace.hash(bytes))
            nodes[node].record = bytes
            rules.stored(bytes, node)
        case .storage(let storage):
            trace.note(.stored, node, storage.outcome.cluster.low)
            nodes[node].storage = storage
            rules.created(storage)
        }
    }

    // MARK: - The end

    /// Whether every node's process knows of the cluster.
    private var isSettled: Bool {
        nodes.allSatisfy { node in
            if case .member = node.process { return true }
            return false
        }
    }

    private mutating func checkEnd() throws(InvariantViolation) {
        try rules.check()
        report.isFounded = !rules.chosen.isEmpty
        for node in nodes {
            switch node.process {
            case .member:
                if case .founded = node.storage?.outcome { report.founders += 1 } else { report.waiting += 1 }
            case .founding(let founding):
                guard !founding.alarms.isEmpty else {
                    throw rules.violation("every node founds, waits, or says why not", node: node)
                }
                report.alarmed += 1
            case .refused: report.alarmed += 1
            case .down, .settling: throw rules.violation("every node is up in the end", node: node)
            }
        }
        switch plan.lists {
        case .agreeing where !rules.accepted(anyOf: nodes.flatMap(\.formerReplicas)):
            guard report.settledNanoseconds != nil, report.waiting == 0 else {
                throw rules.violation("all seeds are up and hear each other, so a cluster is founded", node: nodes[0])
            }
        case .existing:
            guard report.founders <= 1 else {
                throw rules.violation("nobody founds beside a cluster that is there", node: nodes[plan.keeper])
            }
        case .agreeing, .differing, .overlapping, .lone: break
        }
    }
}
