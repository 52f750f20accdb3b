import Ledger
import Replica

// After the recovery: nothing is lost for ever. When every bucket has had the time to fill, who asks for all of it has it;
// and nodes that decide by themselves are one limit again.

/// A client that asks a gateway for one unit after the other.
struct Lane {
    /// What it waits for.
    var number: UInt64?
    var admitted = 0
    /// Why it did not go on.
    var isRefused = false
    var isUnavailable = false

    mutating func decided(_ decision: SimulatedGateway.Decision) {
        number = nil
        switch decision {
        case .admitted, .admittedAlone: admitted += 1
        case .refused: isRefused = true
        case .unavailable: isUnavailable = true
        }
    }
}

extension Simulation {
    /// Longer than any bucket takes to fill, by the slowest clock.
    private static let fillNanoseconds: UInt64 = 2_500_000_000
    private static let answerNanosecondsMax: UInt64 = 20_000_000_000
    private static let floodNanoseconds: UInt64 = 1_200_000_000
    private static let floodPause: UInt64 = 4_000_000
    private static let tries = 3
    /// A client whose terms nobody overrides.
    private static let client = QuotaKey(high: 1, low: UInt64(Workload.registers))

    /// Asks for all of every bucket.
    func seeThatAllIsWhole() throws(Problem) {
        guard !levels.isEmpty, let node = recovery.well.first else { return }
        // What a cut-off peer admitted is charged once more at most, with a second's worth.
        let debts = plan.habits.eventual ? UInt64(nodes.count) * 1_200_000_000 : 0
        try rest(max(Self.fillNanoseconds, debts))
        // Only now: what an operator asked for may have happened meanwhile.
        guard let facts = nodes[node].process?.ledger?.facts else { return }
        for policy in facts.policies where levels[policy.id] == .strong || !plan.habits.escrow {
            if levels[policy.id] == .eventual { continue }
            for limit in policy.limits { try seeThatItIsWhole(limit, of: policy, node) }
        }
        for policy in facts.policies {
            switch levels[policy.id] {
            case .escrow where plan.habits.escrow: try seeThatSlicesPayAll(policy, node)
            case .eventual where plan.habits.eventual: try seeThatNodesAreOneLimit(policy)
            default: break
            }
        }
    }

    private func rest(_ nanoseconds: UInt64) throws(Problem) {
        let end = now + nanoseconds
        try pump { end }
    }

    private func charge(_ limits: [LimitFacts], of policy: PolicyFacts, cost: UInt64) -> Charge {
        let limits = limits.map { limit in
            let isShared = limit.definition.role == .ceiling
            return LimitCharge(
                limit: limit.id,
                key: isShared ? QuotaKey(high: 9, low: 9) : Self.client,
                fallback: QuotaKey(high: 6, low: Self.client.low / 2),
                reserve: 0
            )
        }
        return Charge(policy: policy.id, cost: UInt32(cost), pass: nil, limits: limits)
    }

    /// The log admits a whole burst.
    private func seeThatItIsWhole(_ limit: LimitFacts, of policy: PolicyFacts, _ node: Int) throws(Problem) {
        for _ in 0..<Self.tries {
            recovery.whole = .asked
            let number = clients.takeNumber()
            ask(number, -1, node, .whole)
            advance(node)
            let charge = charge([limit], of: policy, cost: limit.definition.burst)
            nodes[node].process?.submit(.charge(charge), request: RequestID(number))
            try settle(node)
            let end = now + Self.answerNanosecondsMax
            while case .asked = recovery.whole, now < end { try rest(5_000_000) }
            if case .answered = recovery.whole { return }
            // It may have been charged nevertheless.
            try rest(Self.fillNanoseconds)
        }
        throw .other("nobody says whether a bucket is whole again", nodes: [node])
    }

    /// A client at one gateway has a whole burst, unit by unit.
    private func seeThatSlicesPayAll(_ policy: PolicyFacts, _ node: Int) throws(Problem) {
        let burst = Int(policy.limits.map(\.definition.burst).min() ?? 0)
        for _ in 0..<Self.tries {
            recovery.lane = Lane()
            let end = now + Self.answerNanosecondsMax
            while recovery.lane.admitted < burst, now < end, !recovery.lane.isUnavailable {
                if recovery.lane.isRefused {
                    throw .other(
                        "after the faults a gateway refuses unit \(recovery.lane.admitted + 1) of \(burst)",
                        nodes: [node]
                    )
                }
                if recovery.lane.number == nil {
                    try askGateway(node, charge(policy.limits, of: policy, cost: 1), .escrow)
                } else {
                    try rest(2_000_000)
                }
            }
            if recovery.lane.admitted >= burst { return }
            try rest(Self.fillNanoseconds)
        }
        throw .other("after the faults a gateway does not decide", nodes: [node])
    }

    private func askGateway(_ node: Int, _ charge: Charge, _ level: PolicyLevel) throws(Problem) {
        let number = clients.takeNumber()
        ask(number, -1, node, .quota)
        recovery.lane.number = number
        advance(node)
        withGateway(node) { $0.charge(number, charge, level, $1) }
        try settle(node)
    }

    // MARK: - Nodes that decide by themselves

    /// One node has a whole burst; then all want all there is.
    private func seeThatNodesAreOneLimit(_ policy: PolicyFacts) throws(Problem) {
        guard let limit = policy.limits.first?.definition else { return }
        let members = nodes.indices.filter { nodes[$0].gateway != nil && nodes[$0].process != nil }
        let group = members.filter { node in
            nodes[node].gateway?.revision == nodes[recovery.well[0]].gateway?.revision
        }
        guard let first = group.first else { return }
        recovery.lane = Lane()
        for _ in 0..<limit.burst { try askGateway(first, charge(policy.limits, of: policy, cost: 1), .eventual) }
        guard recovery.lane.admitted == Int(limit.burst) else {
            throw .other(
                "after the faults a node admits \(recovery.lane.admitted) of \(limit.burst) by itself",
                nodes: [first]
            )
        }
        recovery.isFlooding = true
        recovery.flood = charge(policy.limits, of: policy, cost: 1)
        for node in group { queue.push(.flood(node: node), at: now + generator.below(Self.floodPause)) }
        try rest(Self.floodNanoseconds)
        recovery.isFlooding = false
        let expected = Self.floodNanoseconds / limit.interval * 9 / 10
        guard recovery.flooded >= expected else {
            throw .other("nodes that want more admit \(recovery.flooded) units, of \(expected)", nodes: group)
        }
    }

    /// A gateway is asked again and again.
    func flood(_ node: Int) throws(Problem) {
        guard recovery.isFlooding, let charge = recovery.flood else { return }
        queue.push(.flood(node: node), at: now + Self.floodPause)
        guard nodes[node].gateway != nil else { return }
        let number = clients.takeNumber()
        ask(number, -1, node, .quota)
        withGateway(node) { $0.charge(number, charge, .eventual, $1) }
        try carryOut(node)
    }
}
