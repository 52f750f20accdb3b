import Raft
import Replica
import Wire

// The driver's part: messages, and what founding asks for.
extension GenesisSimulation {
    mutating func receive(_ node: Int, _ bytes: [UInt8]) throws(InvariantViolation) {
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

    mutating func send(_ message: FoundingMessage, from node: Int, to receiver: Int) {
        let bytes = message.encode()
        trace.note(.send, node, UInt64(receiver), Trace.hash(bytes), "to \(receiver): \(message.body)")
        for moment in network.arrivals(from: node, to: receiver, at: now) {
            queue.push(.receive(receiver, from: node, bytes), at: moment)
        }
    }

    /// Passes an event to a node's founding and carries out what it asks for.
    mutating func founding(
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

    mutating func perform(_ action: FoundingAction, _ node: Int) throws(InvariantViolation) {
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

    mutating func write(_ node: Int, _ write: GenesisNode.Write) {
        nodes[node].writes.append(write)
        if nodes[node].writes.count == 1 { beginWrite(node) }
    }

    mutating func beginWrite(_ node: Int) {
        guard !nodes[node].writes.isEmpty else { return }
        let took = generator.inNanoseconds(100_000, isCalm ? 1_000_000 : plan.writeNanosecondsMax)
        queue.push(.written(node, life: nodes[node].life), at: now + took)
    }

    /// The first write is durable.
    mutating func land(_ node: Int) throws(InvariantViolation) {
        let write = nodes[node].writes.removeFirst()
        store(node, write)
        beginWrite(node)
        try rules.check()
        considerStriking()
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

    mutating func store(_ node: Int, _ write: GenesisNode.Write) {
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
}
