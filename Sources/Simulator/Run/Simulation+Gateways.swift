import Ledger
import Raft
import Replica
import Wire

// Gateways: what they ask of the ledger, what they tell each other, and what they decide.

extension Simulation {
    private static let lookNanosecondsMax: UInt64 = 1_000_000_000

    private var hasGateways: Bool { plan.habits.escrow || plan.habits.eventual }

    /// Gives a node's gateway its turn, if there is one.
    func withGateway(_ node: Int, _ body: (inout SimulatedGateway, SimulatedGateway.Now) -> Void) {
        guard nodes[node].gateway != nil, let process = nodes[node].process else { return }
        let now = SimulatedGateway.Now(
            clock: nodes[node].clock.boot(at: now) + 1,
            time: process.standing.time ?? .zero,
            moment: now
        )
        body(&nodes[node].gateway!, now)
    }

    // MARK: - What a gateway learns of its process

    /// What became of a step of the process is told to its gateway, and what that wants is done.
    func tellGateway(_ node: Int, _ outputs: [NodeOutput]) throws(Problem) {
        guard hasGateways, let process = nodes[node].process else { return }
        var isNews = nodes[node].gateway == nil
        var isApplied = false
        for output in outputs {
            switch output {
            case .restored: isNews = true
            case .applied(let application):
                isApplied = true
                isNews = isNews || application.results.contains { $0.changesFacts }
            default: break
            }
        }
        if isNews { try openGateway(node, process) }
        guard nodes[node].gateway != nil else { return }
        let members = process.standing.configuration.members.map(\.id)
        if nodes[node].members != members {
            nodes[node].members = members
            var areOthers = false
            withGateway(node) { areOthers = $0.membersChanged(members, $1) }
            if areOthers { try linksChanged() }
        }
        if isApplied, plan.habits.escrow {
            let recalls = process.takeRecalls()
            if !recalls.isEmpty { withGateway(node) { $0.recalled(recalls, $1) } }
        }
        if try carryOut(node) { return try settle(node) }
        scheduleLook(node)
    }

    private func openGateway(_ node: Int, _ process: any NodeProcess) throws(Problem) {
        guard process.standing.isReplica, let replica = process.standing.replica, let facts = process.ledger?.facts
        else { return }
        let isNew = nodes[node].gateway == nil
        if isNew {
            nodes[node].members = []
            nodes[node].gateway = SimulatedGateway(
                replica: replica,
                boot: generator.next() | 1,
                tellsPeers: plan.habits.eventual,
                now: .init(
                    clock: nodes[node].clock.boot(at: now) + 1,
                    time: process.standing.time ?? .zero,
                    moment: now
                ),
                generator: generator.split()
            )
        }
        var areOthers = false
        withGateway(node) { areOthers = $0.factsChanged(facts, $1) }
        if areOthers { eventual.limitsChanged(node) }
        if isNew || areOthers { try linksChanged() }
    }

    // MARK: - Time

    private func scheduleLook(_ node: Int) {
        guard let wake = nodes[node].gateway?.nextWake else { return }
        let shown = nodes[node].clock.boot(at: now) + 1
        let wait = min(Self.lookNanosecondsMax, max(100_000, wake - min(wake, shown)))
        guard nodes[node].lookAt.map({ $0 > now + wait }) ?? true else { return }
        nodes[node].lookAt = now + wait
        queue.push(.look(node: node, boot: nodes[node].boot), at: now + wait)
    }

    func look(_ node: Int, _ boot: UInt64) throws(Problem) {
        guard nodes[node].boot == boot, nodes[node].process != nil, nodes[node].pausedUntil == nil,
            nodes[node].lookAt == now
        else { return }
        nodes[node].lookAt = nil
        withGateway(node) { $0.tick($1) }
        try turnGateway(node)
    }

    /// A turn of the gateway alone.
    private func turnGateway(_ node: Int) throws(Problem) {
        guard nodes[node].gateway?.hasActions == true else { return scheduleLook(node) }
        advance(node)
        if try carryOut(node) { return try settle(node) }
        scheduleLook(node)
    }

    // MARK: - What it wants

    /// Carries out what a node's gateway wants.
    /// - Returns: whether its process was asked for something.
    @discardableResult
    func carryOut(_ node: Int) throws(Problem) -> Bool {
        var isAsked = false
        while nodes[node].gateway?.hasActions == true {
            for action in nodes[node].gateway?.takeActions() ?? [] {
                switch action {
                case .submit(let command, let errand):
                    guard let process = nodes[node].process else { continue }
                    let number = clients.takeNumber()
                    trace.note(.submit, node, number, 1, "number \(number): \(command)")
                    clients.waiting[number] = .init(client: -1, node: node, purpose: .errand(errand))
                    process.submit(command, request: RequestID(number))
                    isAsked = true
                case .decided(let number, let decision): try decided(node, number, decision)
                case .granted(let slice, let moment): escrow.granted(slice, sent: moment)
                case .tell(let peer, let bytes): tell(bytes, to: peer, from: node)
                case .fault(let what): throw .other(what, nodes: [node])
                }
            }
        }
        return isAsked
    }

    private func decided(
        _ node: Int,
        _ number: UInt64,
        _ decision: SimulatedGateway.Decision
    ) throws(Problem) {
        trace.note(.answer, node, number, decision.number, "number \(number): \(decision)")
        guard clients.waiting[number] != nil else {
            throw .other("number \(number) is decided twice, or was never asked", nodes: [node])
        }
        forget(number)
        let isAnswered = decision.number != SimulatedGateway.Decision.unavailable.number
        if isAnswered { counts.answered += 1 } else { counts.unanswered += 1 }
        if recovery.lane.number == number { recovery.lane.decided(decision) }
        do throws(HistoryFault) {
            switch decision {
            case .admitted(let taken): for taken in taken { try escrow.spent(taken) }
            case .admittedAlone(let charge): try admittedAlone(charge, node)
            case .refused, .unavailable: break
            }
        } catch { throw .history(error) }
    }

    private func admittedAlone(_ charge: Charge, _ node: Int) throws(HistoryFault) {
        guard charge.cost > 0, let definitions = nodes[node].process?.ledger?.facts.policies else { return }
        if recovery.isFlooding { recovery.flooded += UInt64(charge.cost) }
        for limit in charge.limits {
            guard let definition = definitions.definition(of: limit.limit) else { continue }
            try eventual.admitted(
                UInt64(charge.cost),
                of: .init(limit: limit.limit, key: limit.key),
                definition,
                node: node,
                boot: nodes[node].boot,
                clock: nodes[node].clock.boot(at: now),
                at: now
            )
        }
    }

    // MARK: - Answers

    func answered(
        _ node: Int,
        _ errand: SimulatedGateway.Errand,
        _ result: Result<NodeAnswer, ReplicaFailure>
    ) throws(Problem) {
        let outcome: Result<CommandResult, LedgerUnavailable>
        switch result {
        case .success(.applied(let results)):
            guard results.count == 1 else { throw .other("a command has \(results.count) results", nodes: [node]) }
            if case .rejected(let reason) = results[0] {
                throw .other("what a gateway asked is answered as rejected: \(reason)", nodes: [node])
            }
            outcome = .success(results[0])
        case .success(let answer): throw .other("a gateway has an answer of another kind: \(answer)", nodes: [node])
        case .failure(.overloaded), .failure(.notSupported): outcome = .failure(.overloaded)
        case .failure(.stopped): outcome = .failure(.stopped)
        case .failure: outcome = .failure(.noQuorum)
        }
        withGateway(node) { $0.answered(errand, outcome, $1) }
    }

    // MARK: - What gateways tell each other

    private func tell(_ bytes: [UInt8], to peer: ReplicaID, from node: Int) {
        let receiver = SimulatedNode.place(of: peer)
        let arrivals = network.arrivals(from: node, to: receiver, at: now)
        trace.note(
            arrivals.isEmpty ? .lose : .send,
            node,
            Trace.hash(bytes),
            UInt64(receiver),
            "to the gateway of \(receiver): \(bytes.count) bytes"
        )
        for moment in arrivals {
            queue.push(.word(from: node, to: receiver, replica: peer, bytes: bytes), at: moment)
        }
    }

    func heard(_ bytes: [UInt8], from sender: Int, at receiver: Int, for replica: ReplicaID) throws(Problem) {
        guard nodes[receiver].gateway?.replica == replica,
            !network.isCut(from: sender, to: receiver), let peer = nodes[sender].replica
        else { return }
        if nodes[receiver].pausedUntil != nil {
            nodes[receiver].held.append(.word(from: sender, to: receiver, replica: replica, bytes: bytes))
            return
        }
        trace.note(.receive, receiver, UInt64(sender), UInt64(bytes.count), "from the gateway of \(sender)")
        withGateway(receiver) { $0.received(bytes, from: peer, $1) }
        try turnGateway(receiver)
    }

    // MARK: - Who is connected

    /// The links, or who lives at their ends, or what they decide by, are others from now on.
    func linksChanged() throws(Problem) {
        guard plan.habits.eventual else { return }
        let up = nodes.indices.filter { nodes[$0].gateway != nil && nodes[$0].pausedUntil == nil }
        let neighbours = up.map { node in up.filter { $0 == node || isConnected(node, $0) } }
        var groups: [[Int]] = []
        for (node, group) in zip(up, neighbours) where group.count > 1 && group[0] == node {
            // Each with each other, and with nobody else.
            if group.allSatisfy({ member in up.firstIndex(of: member).map { neighbours[$0] == group } ?? false }) {
                groups.append(group)
            }
        }
        do throws(HistoryFault) { try eventual.connected(groups, at: now) } catch { throw .history(error) }
    }

    private func isConnected(_ one: Int, _ other: Int) -> Bool {
        guard let left = nodes[one].gateway, let right = nodes[other].gateway,
            !network.isCut(from: one, to: other), !network.isCut(from: other, to: one)
        else { return false }
        return left.peers.contains(right.replica) && right.peers.contains(left.replica)
            && left.revision == right.revision
    }
}

extension CommandResult {
    /// Whether a gateway may see other facts after it.
    fileprivate var changesFacts: Bool {
        switch self {
        case .policiesSet, .versionRaised, .pricesSet: true
        default: false
        }
    }
}

extension SimulatedGateway.Decision {
    /// For the trace.
    fileprivate var number: UInt64 {
        switch self {
        case .admitted: 1
        case .admittedAlone: 2
        case .refused: 3
        case .unavailable: 4
        }
    }
}

extension [PolicyFacts] {
    /// A limit's numbers.
    fileprivate func definition(of limit: LimitID) -> LimitDefinition? {
        for policy in self {
            if let facts = policy.limits.first(where: { $0.id == limit }) { return facts.definition }
        }
        return nil
    }
}
