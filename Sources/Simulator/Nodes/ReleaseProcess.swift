import Ledger
import Raft
import RaftStorage
import Replica
import Wire

/// A process of one release.
///
/// The simulator holds it as `any NodeProcess`: without the specializations all that it calls would look its types up at
/// run time, a third of a run.
final class ReleaseProcess<Machine: SimulatedMachine>: NodeProcess {
    private var node: Node<Machine>
    private var storage: NodeStorage<Machine, SimulatedDisk>
    /// What the replica starts from, until the invariants know.
    private var restored: RestoredState?
    private var isKnown = false
    /// For the disk, in order.
    private var waiting: [NodeStorageRequest<Machine>] = []
    /// From the disk, not yet heard of.
    private var completions: [NodeStorageCompletion<Machine>] = []
    /// Persist requests that the storage has and that are not durable: after a full disk.
    private var unfinished: [PersistRequest] = []

    init(node: Node<Machine>, storage: NodeStorage<Machine, SimulatedDisk>, restored: RestoredState?) {
        self.node = node
        self.storage = storage
        self.restored = restored
    }

    private(set) var standing = NodeStanding()
    var ledger: Ledger? {
        @specialized(where Machine == Ledger)
        @specialized(where Machine == LaterLedger)
        get { node.withReplica { $0.machine?.ledger } ?? nil }
    }
    var tallied: UInt64 { node.withReplica { $0.machine?.tallied ?? 0 } ?? 0 }
    var nextWake: BootTime {
        @specialized(where Machine == Ledger)
        @specialized(where Machine == LaterLedger)
        get { node.nextWake }
    }
    var isStorageIdle: Bool {
        @specialized(where Machine == Ledger)
        @specialized(where Machine == LaterLedger)
        get { waiting.isEmpty && completions.isEmpty && !storage.isWritingSnapshot }
    }

    var summary: String {
        guard let replica = node.replica else { return "founding, \(node.founding?.alarms ?? [])" }
        let status = replica.status
        let leader = status.leader.map { "\($0.high - 1)" } ?? "-"
        var line = "\(status.role) of term \(status.term.rawValue), leader \(leader), "
        line += "commit \(status.commitIndex.rawValue), applied \(status.appliedIndex.rawValue), "
        line +=
            "log \(status.firstIndex.rawValue)...\(standing.last.rawValue), durable \(replica.raft.durableIndex.rawValue), "
        line += "snapshot \(status.snapshotIndex.rawValue), \(status.configuration.summary)"
        if status.isDiskFull { line += ", disk full" }
        if status.waitingCommands > 0 { line += ", \(status.waitingCommands) commands wait" }
        for member in status.progress where member.id != status.id {
            let progress = member.progress
            line += ", \(member.id.high - 1)/\(member.id.low) \(progress.state) match \(progress.match.rawValue)"
            line += " next \(progress.next.rawValue)\(progress.recentlyActive ? "" : " silent")"
        }
        return line
    }

    @specialized(where Machine == Ledger)
    @specialized(where Machine == LaterLedger)
    func advance(to now: BootTime, wall: WallTime) { node.advance(to: now, wall: wall) }
    @specialized(where Machine == Ledger)
    @specialized(where Machine == LaterLedger)
    func receive(_ message: NodeMessage) { node.receive(message) }
    @specialized(where Machine == Ledger)
    @specialized(where Machine == LaterLedger)
    func submit(_ command: LedgerCommand, request: RequestID) {
        node.submit([Machine.command(command)], request: request)
    }
    func submitTally(_ amount: UInt64, request: RequestID) -> Bool {
        guard let command = Machine.tally(amount) else { return false }
        node.submit([command], request: request)
        return true
    }
    @specialized(where Machine == Ledger)
    @specialized(where Machine == LaterLedger)
    func read(request: RequestID) { node.read(request: request) }
    func change(_ change: ConfigurationChange, request: RequestID) { node.change(change, request: request) }
    // An operator who is refused looks again later, as this one does anyway.
    func transferLeadership(to target: ReplicaID) { try? node.transferLeadership(to: target) }
    func compact() { node.compact() }
    // Nodes of the later release recall nothing, as such may be missed.
    func takeRecalls() -> [SliceRecall] { (self as? ReleaseProcess<Ledger>)?.node.takeRecalls() ?? [] }

    @specialized(where Machine == Ledger)
    @specialized(where Machine == LaterLedger)
    func tellStep(_ invariants: inout Invariants) throws(InvariantViolation) {
        let told: Void? = try node.withReplica { replica throws(InvariantViolation) in
            try tell(replica, &invariants)
        }
        if told == nil { standing.replica = node.founding?.replica }
    }

    private func tell(_ replica: Replica<Machine>, _ invariants: inout Invariants) throws(InvariantViolation) {
        standing = NodeStanding(
            replica: replica.id,
            isReplica: true,
            role: replica.raft.role,
            term: replica.raft.term,
            commit: replica.raft.commitIndex,
            applied: replica.appliedIndex,
            last: replica.raft.lastPosition.index,
            configuration: replica.raft.configuration,
            time: replica.time
        )
        if isKnown { return try invariants.stepped(replica.raft) }
        isKnown = true
        guard let restored else { preconditionFailure("a replica starts from what was found or made") }
        self.restored = nil
        try invariants.started(replica.raft, restored: restored)
        guard let machine = replica.machine else { return }
        try invariants.restored(machine.digest, at: restored.snapshot.position.index, by: replica.id)
    }

    @specialized(where Machine == Ledger)
    @specialized(where Machine == LaterLedger)
    func takeOutputs() -> [NodeOutput] {
        var outputs: [NodeOutput] = []
        for action in node.takeActions() {
            switch action {
            case .store(let request): waiting.append(request)
            case .send(let message, let destination): outputs.append(.send(message, to: destination))
            case .answer(let request, let result): outputs.append(.answer(request, result.map(Self.answer)))
            case .alarm(let alarm): outputs.append(.alarm(alarm))
            case .stop(let reason): outputs.append(.stop(reason))
            case .applied(let report): outputs.append(.applied(Self.application(report)))
            case .restored(let index, let digest): outputs.append(.restored(index, digest))
            case .joined(let cluster, let replica): outputs.append(.joined(cluster, replica))
            }
        }
        return outputs
    }

    private static func application(_ report: AppliedReport<Machine>) -> Application {
        Application(
            index: report.index,
            batch: Machine.ledgerBatch(report.batch),
            results: report.outputs.map(Machine.result),
            digest: report.digest
        )
    }

    private static func answer(_ answer: ReplicaAnswer<Machine>) -> NodeAnswer {
        switch answer {
        case .applied(let outputs): .applied(outputs.map(Machine.result))
        case .readable(let index): .readable(index)
        case .changed(let configuration): .changed(configuration)
        }
    }

    // MARK: - Disk

    @specialized(where Machine == Ledger)
    @specialized(where Machine == LaterLedger)
    func write(_ invariants: inout Invariants) -> WriteOutcome {
        let group = waiting
        waiting.removeAll(keepingCapacity: true)
        // A group, then a slice, as the cluster's log thread does it.
        var results = storage.execute(group)
        if storage.isWritingSnapshot { results += storage.writeSlice() }
        completions += results
        var outcome = WriteOutcome(requests: group.count)
        for result in results {
            switch result {
            case .replica(.persisted(let number)): outcome.persistedThrough = max(outcome.persistedThrough, number)
            case .replica(.full), .full: outcome.isFull = true
            case .replica(.failed(let why)), .failed(let why): outcome.failure = why
            case .created(let recovered): restored = recovered.restored
            default: break
            }
        }
        guard standing.isReplica, let id = standing.replica else { return outcome }
        for case .replica(.persist(let request)) in group { unfinished.append(request) }
        for case .replica(.receive(let part)) in group where part.isLast {
            invariants.snapshotHanded(part.snapshot.position, by: id)
        }
        // What is durable is told as such; what was handed over besides may be on the disk, or not.
        let durable = unfinished.prefix { $0.number <= outcome.persistedThrough }
        for request in durable { invariants.stored(request, by: id) }
        unfinished.removeFirst(durable.count)
        if !durable.isEmpty { invariants.synchronized(id) }
        if outcome.failure != nil { for request in unfinished { invariants.stored(request, by: id) } }
        for result in results {
            switch result {
            case .replica(.received(_, let position, _)): invariants.snapshotStored(position, by: id)
            case .replica(.snapshotted(let description)): invariants.snapshotStored(description.position, by: id)
            default: break
            }
        }
        return outcome
    }

    @specialized(where Machine == Ledger)
    @specialized(where Machine == LaterLedger)
    func completeWrites() {
        let heard = completions
        completions.removeAll(keepingCapacity: true)
        for completion in heard { node.completed(completion) }
    }
}
