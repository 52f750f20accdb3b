import Ledger
import Raft
import Replica

// Clients: what they ask, what they are told, and whether the log says the same.

extension Simulation {
    /// Longer than any node lets a request wait.
    private static let patienceNanoseconds: UInt64 = 5_000_000_000

    /// A client thinks of something to ask, if it waits for nothing.
    func think(_ client: Int) throws(Problem) {
        guard isChaos else { return }
        queue.push(.think(client: client), at: now + generator.inNanoseconds(100_000, plan.thinkNanosecondsMax))
        guard clients.requests[client] == nil else { return }
        if generator.chance(1, of: 5) { clients.nodes[client] = generator.pick(Array(nodes.indices)) }
        let node = clients.nodes[client]
        guard let process = nodes[node].process, nodes[node].pausedUntil == nil else {
            clients.nodes[client] = generator.pick(Array(nodes.indices))
            return
        }
        guard let facts = process.ledger?.facts else { return }
        let number = clients.takeNumber()
        advance(node)
        let isChange = plan.changesLimits && generator.chance(1, of: 60)
        if facts.policies.isEmpty || isChange {
            let policies =
                facts.policies.isEmpty ? Workload.policies : Workload.revision(generous: generator.chance(1, of: 2))
            ask(number, client, node, .policies)
            process.submit(
                .setPolicies(expectedRevision: facts.revision, policies: policies),
                request: RequestID(number)
            )
        } else if plan.isMixed, generator.chance(1, of: 8) {
            ask(number, client, node, .tally)
            if !process.submitTally(number, request: RequestID(number)) { forget(number) }
        } else if let request = clients.workload.next(
            number: number,
            facts: facts,
            time: process.standing.time ?? .zero
        ) {
            submit(number, client, node, request, process)
            if case .charge(let charge) = request {
                try chargeMore(charge, client, node, facts)
            }
        }
        try settle(node)
    }

    /// Who was answered at once asks again at once.
    private func chargeMore(
        _ charge: Charge,
        _ client: Int,
        _ node: Int,
        _ facts: LedgerFacts
    ) throws(Problem) {
        guard let policy = facts.policies.first(where: { $0.id == charge.policy }),
            Workload.level(of: policy) != .strong
        else { return }
        for _ in 0..<generator.inRange(0...5) {
            try carryOut(node)
            guard clients.requests[client] == nil, let process = nodes[node].process else { return }
            let number = clients.takeNumber()
            submit(number, client, node, .charge(clients.workload.another(number: number, policy)), process)
        }
    }

    /// A process that stood still sees a client's request before anything else, its clock included: mostly a read, which
    /// it must not answer from what it knew before.
    func askFirst(_ node: Int) {
        guard isChaos, let process = nodes[node].process, let facts = process.ledger?.facts, !facts.policies.isEmpty,
            let client = (0..<plan.clients).first(where: { clients.requests[$0] == nil })
        else { return }
        let number = clients.takeNumber()
        let request: Workload.Request?
        if plan.habits.escrow, faults.chance(1, of: 2),
            let policy = facts.policies.first(where: { Workload.level(of: $0) == .escrow })
        {
            // By slices that may be over.
            request = .charge(clients.workload.another(number: number, policy))
        } else if faults.chance(3, of: 4) {
            request = clients.workload.read(facts)
        } else {
            request = clients.workload.next(number: number, facts: facts, time: process.standing.time ?? .zero)
        }
        guard let request else { return }
        clients.nodes[client] = node
        submit(number, client, node, request, process)
    }

    private func submit(
        _ number: UInt64,
        _ client: Int,
        _ node: Int,
        _ request: Workload.Request,
        _ process: any NodeProcess
    ) {
        let id = RequestID(number)
        switch request {
        case .charge(let charge):
            let level = levels[charge.policy] ?? .strong
            if level != .strong {
                guard nodes[node].gateway != nil else { return }
                ask(number, client, node, .quota)
                return withGateway(node) { $0.charge(number, charge, level, $1) }
            }
            ask(number, client, node, .workload(request, history: nil))
            process.submit(.charge(charge), request: id)
        case .record(let report):
            ask(number, client, node, .prices)
            process.submit(.record(report), request: id)
        case .spend(let spend):
            history.called(number, .spend(spend), at: trace.steps)
            ask(number, client, node, .workload(request, history: number))
            process.submit(.spend(spend), request: id)
        case .change(let change):
            history.called(number, .change(change), at: trace.steps)
            ask(number, client, node, .workload(request, history: number))
            process.submit(.override(change), request: id)
        case .readOverride(let policy, let key):
            history.called(number, .readOverride(policy: policy, key: key), at: trace.steps)
            ask(number, client, node, .read(request, history: number, invariants.readAsked()))
            process.read(request: id)
        case .readPass(let challenge, let expiry):
            history.called(number, .readPass(challenge, recordExpiry: expiry), at: trace.steps)
            ask(number, client, node, .read(request, history: number, invariants.readAsked()))
            process.read(request: id)
        }
    }

    /// Notes a request before it is made.
    func ask(_ number: UInt64, _ client: Int, _ node: Int, _ purpose: Clients.Purpose) {
        trace.note(
            .submit,
            node,
            number,
            UInt64(bitPattern: Int64(client)),
            "number \(number) of client \(client): \(purpose)"
        )
        clients.waiting[number] = .init(client: client, node: node, purpose: purpose)
        guard client >= 0 else { return }
        clients.requests[client] = number
        queue.push(.giveUp(client: client, request: number), at: now + Self.patienceNanoseconds)
    }

    func forget(_ number: UInt64) {
        guard let waiting = clients.waiting.removeValue(forKey: number), waiting.client >= 0 else { return }
        clients.requests[waiting.client] = nil
    }

    /// A client waits no longer; what it asked may happen yet.
    func giveUp(_ client: Int, _ request: UInt64) {
        guard clients.requests[client] == request else { return }
        clients.requests[client] = nil
        counts.unanswered += 1
        trace.note(.answer, -1, request, 0, "client \(client) gives number \(request) up")
    }

    /// A process is gone, with all that it was asked.
    func clientsLose(_ node: Int) {
        // In the order of the numbers, whatever the table's.
        for number in clients.waiting.keys.sorted() where clients.waiting[number]?.node == node {
            if clients.waiting[number]?.isOfClient == true { counts.unanswered += 1 }
            forget(number)
        }
    }

    // MARK: - Answers

    func answered(
        _ node: Int,
        _ request: RequestID,
        _ result: Result<NodeAnswer, ReplicaFailure>
    ) throws(Problem) {
        let number = request.rawValue
        trace.note(.answer, node, number, 0, "number \(number): \(result)")
        if operations.asked.removeValue(forKey: request) != nil { return }
        guard let waiting = clients.waiting[number] else {
            throw .other("number \(number) is answered twice, or was never asked", nodes: [node])
        }
        forget(number)
        if case .errand(let errand) = waiting.purpose { return try answered(node, errand, result) }
        switch result {
        case .failure(let failure):
            counts.unanswered += 1
            failed(number, waiting, failure)
        case .success(let answer):
            counts.answered += 1
            do throws(HistoryFault) { try succeeded(number, waiting, answer, node) } catch { throw .history(error) }
            try compare(number, waiting, answer, node)
        }
    }

    private func failed(_ number: UInt64, _ waiting: Clients.Waiting, _ failure: ReplicaFailure) {
        switch failure {
        case .overloaded, .notSupported: clients.refused.insert(number)
        case .noQuorum, .stopped, .unknown, .diverged, .notLeader, .refused: break
        }
        if case .probe = waiting.purpose { recovery.probes[waiting.node] = .due }
        if case .whole = waiting.purpose { recovery.whole = .due }
    }

    private func succeeded(
        _ number: UInt64,
        _ waiting: Clients.Waiting,
        _ answer: NodeAnswer,
        _ node: Int
    ) throws(HistoryFault) {
        switch (waiting.purpose, answer) {
        case (.workload(.change(let change), let history?), .applied(let results)):
            guard case .overridden(let outcome) = results.first else { return }
            if case .set(let version) = outcome {
                clients.workload.learned(change.policy, change.key, version: version)
            }
            if case .conflict(let version) = outcome {
                clients.workload.learned(change.policy, change.key, version: version)
            }
            try self.history.answered(history, .changed(outcome), at: trace.steps)
        case (.workload(.spend, let history?), .applied(let results)):
            guard case .spent(let outcome) = results.first else { return }
            try self.history.answered(history, .spent(outcome), at: trace.steps)
        case (.read(.readOverride(let policy, let key), let history, _), .readable):
            guard let ledger = nodes[node].process?.ledger else { return }
            try self.history.answered(history, .override(ledger.override(policy: policy, key: key)), at: trace.steps)
        case (.read(.readPass(let challenge, let expiry), let history, _), .readable):
            guard let ledger = nodes[node].process?.ledger else { return }
            try self.history.answered(
                history,
                .pass(ledger.pass(challenge, recordExpiry: expiry), at: ledger.time),
                at: trace.steps
            )
        case (.probe, _): recovery.probes[node] = .answered
        default: break
        }
    }

    /// What a client was told is what the log says, and a read saw what it must.
    private func compare(
        _ number: UInt64,
        _ waiting: Clients.Waiting,
        _ answer: NodeAnswer,
        _ node: Int
    ) throws(Problem) {
        switch (waiting.purpose, answer) {
        case (.read(_, _, let expectation), .readable):
            guard let process = nodes[node].process, let replica = process.standing.replica else { return }
            try checked { () throws(InvariantViolation) in
                try invariants.readAnswered(expectation, at: process.standing.applied, by: replica)
            }
        case (.workload(.charge, _), .applied(let results)):
            guard let place = clients.places[number] else {
                throw .other("charge \(number) is acknowledged and was never applied", nodes: [node])
            }
            guard [place.result] == results else {
                throw .other("charge \(number) came to \(place.result) and is answered \(results)", nodes: [node])
            }
        case (.whole, .applied(let results)):
            guard case .charged(.admitted) = results.first else {
                throw .other("after the faults a bucket is not whole again: \(results)", nodes: [node])
            }
            recovery.whole = .answered
        case (.workload, .applied(let results)), (.policies, .applied(let results)), (.tally, .applied(let results)),
            (.prices, .applied(let results)):
            if case .rejected(let reason) = results.first {
                throw .other("number \(number) is answered as rejected: \(reason)", nodes: [node])
            }
        case (.probe, .applied): break
        default: throw .other("number \(number) has an answer of another kind: \(answer)", nodes: [node])
        }
    }

    /// What was applied for the first time anywhere, looked at once.
    func clientsSaw(_ application: Application, _ node: Int) throws(Problem) {
        guard application.index > clients.seenThrough else { return }
        clients.seenThrough = application.index
        for (command, result) in zip(application.batch.commands, application.results) {
            guard let mark = Workload.mark(of: command.command) else { continue }
            if case .rejected = result { continue }
            if clients.refused.contains(mark) {
                throw .other(
                    "charge \(mark) was refused, and is applied at \(application.index.rawValue)",
                    nodes: [node]
                )
            }
            guard let place = clients.places[mark] else {
                clients.places[mark] = .init(session: command.session, sequence: command.sequence, result: result)
                continue
            }
            if place.session != command.session || place.sequence != command.sequence {
                throw .other(
                    "charge \(mark) is applied twice: as number \(place.sequence) of session \(place.session.rawValue), "
                        + "and as number \(command.sequence) of session \(command.session.rawValue)",
                    nodes: [node]
                )
            }
        }
    }
}
