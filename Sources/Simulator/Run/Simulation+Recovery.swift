import Ledger
import Raft
import Replica
import Wire

// After the faults: a majority is healed, and must elect, commit and converge; then the history is looked at.

/// How far the recovery is.
struct Recovery {
    /// How far a node's probe is: a command that must be done.
    enum Probe {
        case due
        case asked
        case answered
    }

    /// By node.
    var probes: [Int: Probe] = [:]
    /// What a majority must do without.
    enum Loss {
        /// Machines that are down.
        case down
        /// Machines that run, and whose disks are full for good.
        case full
        /// Machines that run, and whose disks never answer again.
        case hung
    }

    /// Machines that the others must do without.
    var isLost: Set<Int> = []
    /// What is wrong with them.
    var loss = Loss.down
    /// How far the question is whether a bucket is whole.
    var whole = Probe.due
    /// Who asks a gateway for one unit after the other.
    var lane = Lane()
    /// What gateways are flooded with, whether they are, and what they have admitted of it.
    var flood: Charge?
    var isFlooding = false
    var flooded: UInt64 = 0

    /// Whether a machine's disk never answers.
    func isHung(_ node: Int) -> Bool { loss == .hung && isLost.contains(node) }
    /// Whether a machine's disk is never given room again.
    func isFull(_ node: Int) -> Bool { loss == .full && isLost.contains(node) }
}

extension Simulation {
    private static let lookNanoseconds: UInt64 = 50_000_000
    private static let probeLagMax: UInt64 = 16

    /// Heals all machines, or just enough of them, and waits.
    func recover() throws(Problem) {
        isChaos = false
        partitions += 1
        network.heal()
        network.setQuality(.perfect)
        try linksChanged()
        eventual.delay = plan.wordNanosecondsMax(.perfect)
        for node in nodes.indices {
            nodes[node].disk.faults = .init()
            nodes[node].isPauseDue = false
        }
        // Founding waits for every founder.
        if faults.chance(1, of: 2), founded.count == founders { try loseMinority() }
        let kept = nodes.indices.filter { !recovery.isLost.contains($0) }
        trace.note(.phase, -1, UInt64(kept.count), 0, "no faults any more but disks \(recovery.loss); well are \(kept)")
        for node in kept {
            // Who comes later lists other seeds, and would dispute a founding that is not over.
            let isEarly = node >= founders && founded.count < founders
            if nodes[node].process == nil, !isEarly { scheduleStart(node) }
            if nodes[node].pausedUntil != nil { try resume(node, nodes[node].boot) }
        }
        let end = now + plan.recoveryNanosecondsMax
        while now < end {
            let next = now + Self.lookNanoseconds
            try pump { next }
            if try hasRecovered(kept) { return }
        }
        throw .other(
            "\(plan.recoveryNanosecondsMax / 1_000_000_000) s after the last fault " + whatIsMissing(kept),
            nodes: Array(kept)
        )
    }

    /// Takes away as many machines as a majority can do without, or only their disks.
    private func loseMinority() throws(Problem) {
        recovery.loss = faults.pick([.down, .down, .full, .hung])
        let memberships = membershipsInPlay
        var order = Array(nodes.indices)
        for place in order.indices { order.swapAt(place, Int(faults.below(UInt64(order.count)))) }
        for node in order {
            let down = recovery.isLost.union([node])
            var left = budget
            for gone in down.sorted() { if let replica = nodes[gone].replica { left.lose(replica) } }
            guard memberships.allSatisfy({ left.decides($0) }) else { continue }
            recovery.isLost = down
            nodes[node].isRetired = true
            switch recovery.loss {
            case .down: if nodes[node].process != nil { try crash(node, cutsPower: true) }
            case .full: nodes[node].disk.faults.capacityBytes = nodes[node].disk.usedBytes
            case .hung: break
            }
        }
    }

    /// Whether there is a leader, every member that is up got something done, and all of them are in one state.
    private func hasRecovered(_ kept: [Int]) throws(Problem) -> Bool {
        guard let leader = leaderPlace, let process = nodes[leader].process else { return false }
        let members = kept.filter { node in
            process.standing.configuration.members.contains { $0.id == nodes[node].replica }
        }
        let commit = process.standing.commit
        for node in members {
            guard let process = nodes[node].process else { return false }
            // One that is far behind has no answer to give before it has caught up, and would ask again and again.
            let isBehind = process.standing.applied + Self.probeLagMax < commit
            if recovery.probes[node] ?? .due == .due, !isBehind {
                recovery.probes[node] = .asked
                let number = clients.takeNumber()
                ask(number, -1, node, .probe)
                advance(node)
                process.submit(.raiseVersion(to: 0), request: RequestID(number))
                try settle(node)
            }
        }
        guard members.allSatisfy({ recovery.probes[$0] == .answered }), !process.standing.configuration.isJoint else {
            return false
        }
        let states = members.compactMap { nodes[$0].process }
        let last = process.standing.last
        guard states.allSatisfy({ $0.standing.applied == last && $0.standing.commit == last }) else { return false }
        // Not with the leader's, whose disk may be one that does not answer: it applies what is durable.
        for (node, state) in zip(members, states)
        where state.ledger?.digest != states[0].ledger?.digest || state.tallied != states[0].tallied {
            throw .other("converged to different states", nodes: [members[0], node])
        }
        return true
    }

    private func whatIsMissing(_ kept: [Int]) -> String {
        guard let leader = leaderPlace, let process = nodes[leader].process else { return "there is no leader" }
        if process.standing.configuration.isJoint { return "the membership is still joint" }
        let members = kept.filter { node in
            process.standing.configuration.members.contains { $0.id == nodes[node].replica }
        }
        let unanswered = members.filter { recovery.probes[$0] != .answered }
        if !unanswered.isEmpty { return "nodes \(unanswered) have got nothing done" }
        return "the members have not converged"
    }

    /// The run is over: what clients saw is looked at as a whole.
    func finish() throws(Problem) {
        do throws(HistoryFault) {
            if case .unknown = try history.finish() { counts.unknownHistories += 1 }
        } catch { throw .history(error) }
        do throws(HistoryFault) {
            try escrow.finish()
            try eventual.finish()
            if let ledger = leaderPlace.flatMap({ nodes[$0].process?.ledger }) { try prices.check(ledger) }
        } catch { throw .history(error) }
        counts.slices = escrow.slicesLent
        counts.spent = escrow.unitsSpent
        counts.together = eventual.together
        counts.prices = prices.changes
        counts.committed = invariants.lastCommitted.rawValue
        counts.memberships = invariants.membershipsCommitted - 1
        counts.tallied = nodes.reduce(0) { max($0, $1.process?.tallied ?? 0) }
        trace.note(.phase, -1, counts.committed, 0, "over")
    }

    // MARK: - Failure

    /// A problem with all that helps to understand it.
    func failure(_ problem: Problem) -> SimulationFailure {
        let what: String
        var concerned: [Int]
        switch problem {
        case .invariant(let violation):
            what = "\(violation)"
            concerned = violation.replicas.map(SimulatedNode.place)
        case .history(let fault):
            what = "\(fault)"
            concerned = []
        case .other(let text, let nodes):
            what = text
            concerned = nodes
        }
        concerned = nodes.indices.filter { concerned.contains($0) }
        return SimulationFailure(
            seed: seed,
            nodes: founders,
            step: trace.steps,
            moment: now,
            what: what,
            concerned: concerned,
            lastEvents: trace.last(of: concerned.isEmpty ? Array(nodes.indices) : concerned),
            standing: nodes.map(\.summary)
        )
    }
}

extension SimulatedNode {
    /// How it stands, in a line.
    var summary: String {
        guard let process else { return "\(place): down, replica \(replica?.low ?? 0)" }
        return "\(place): replica \(replica?.low ?? 0), \(process.summary)" + (pausedUntil == nil ? "" : ", paused")
    }
}

extension Configuration {
    /// In words, for the trace.
    var summary: String {
        func names(_ ids: [ReplicaID]) -> String { ids.map { "\($0.high - 1)/\($0.low)" }.joined(separator: " ") }
        return "voters [\(names(voters))]" + (outgoing.isEmpty ? "" : " outgoing [\(names(outgoing))]")
            + (learners.isEmpty ? "" : " learners [\(names(learners))]")
    }
}
