import Ledger
import Raft
import Replica
import Wire

// Operators: changes of the membership, leadership moved, snapshots asked for.

/// What operators are about.
struct Operations {
    var isChangeDue = false
    var isTransferDue = false
    var isCompactDue = false
    /// Memberships that some replica had of late, which a message on its way may bring to another.
    var recent: [(seen: Moment, configuration: Configuration)] = []
    /// Changes that were asked for.
    var asked: [RequestID: ConfigurationChange] = [:]
}

extension Simulation {
    /// How long a membership that is in force nowhere may still be on its way: longer than any pause and any delay.
    private static let memberOnItsWayNanoseconds: UInt64 = 8_000_000_000
    private static let operateNanoseconds: UInt64 = 50_000_000
    private static let votersMax = 7

    /// An operator looks around.
    func operate() throws(Problem) {
        guard isChaos else { return }
        queue.push(.operate, at: now + generator.inNanoseconds(Self.operateNanoseconds / 2, Self.operateNanoseconds))
        if operations.isCompactDue {
            operations.isCompactDue = false
            let node = generator.pick(Array(nodes.indices))
            if let process = nodes[node].process, nodes[node].pausedUntil == nil {
                trace.note(.compact, node)
                advance(node)
                process.compact()
                try settle(node)
            }
        }
        guard let leader = leaderPlace, nodes[leader].pausedUntil == nil, let process = nodes[leader].process else {
            return
        }
        if operations.isTransferDue {
            operations.isTransferDue = false
            let target = generator.pick(process.standing.configuration.voters)
            trace.note(.transfer, leader, target.high, target.low, "to \(target.high - 1)")
            advance(leader)
            process.transferLeadership(to: target)
            try settle(leader)
        }
        if plan.habits.prices, generator.chance(1, of: 10) { try setPrices(leader) }
        guard operations.isChangeDue, let change = nextChange(process.standing.configuration) else { return }
        operations.isChangeDue = false
        // Once in a while somebody asks the wrong node.
        let up = nodes.indices.filter { nodes[$0].process != nil && nodes[$0].pausedUntil == nil }
        let asked = generator.chance(1, of: 10) ? generator.pick(up) : leader
        let request = RequestID(clients.takeNumber())
        operations.asked[request] = change
        trace.note(.change, asked, request.rawValue, 0, change.summary)
        advance(asked)
        nodes[asked].process?.change(change, request: request)
        try settle(asked)
    }

    /// A node that takes itself for the leader follows the load, as it sees it.
    private func setPrices(_ node: Int) throws(Problem) {
        guard let process = nodes[node].process, let facts = process.ledger?.facts,
            facts.ledgerVersion >= Ledger.lendingVersion
        else { return }
        let factors = facts.policies.filter { _ in generator.chance(1, of: 2) }.map { policy in
            PolicyPrice(policy: policy.id, factor: generator.pick([Price.one, Price.one * 3 / 2, 9 * Price.one, .max]))
        }
        let number = clients.takeNumber()
        ask(number, -1, node, .prices)
        advance(node)
        let change = PriceChange(expectedVersion: facts.priceVersion, factors: factors)
        process.submit(.setPrices(change), request: RequestID(number))
        try settle(node)
    }

    /// A change that leaves a group that can decide.
    private func nextChange(_ present: Configuration) -> ConfigurationChange? {
        guard !present.isJoint else { return nil }
        // A lost member is replaced before anything else is done, as long as nobody is in a hurry.
        if generator.chance(3, of: 4), let change = replacement(present) { return change }
        var candidates: [ConfigurationChange.Step] = []
        for learner in present.learners { candidates.append(.promote(learner)) }
        for voter in present.voters where present.voters.count > 1 {
            candidates.append(.demote(voter))
            if present.voters.count > 2 { candidates.append(.remove(voter)) }
        }
        for learner in present.learners { candidates.append(.remove(learner)) }
        for node in nodes.indices where nodes[node].process != nil && !present.hasMember(named: nodes[node].name) {
            guard let member = nodes[node].member, !budget.lost.contains(member.id) else { continue }
            candidates += [.addLearner(member), .addLearner(member)]
        }
        guard !candidates.isEmpty else { return nil }
        var steps = [generator.pick(candidates)]
        if generator.chance(1, of: 3) {
            let other = generator.pick(candidates)
            if other.replica != steps[0].replica { steps.append(other) }
        }
        let voters = present.voters(after: steps)
        guard !voters.isEmpty, voters.count <= Self.votersMax,
            budget.decides(Configuration(members: [], voters: voters))
        else { return nil }
        for step in steps {
            // Nobody adds a node of an earlier release to a group that may use the later one's commands.
            if case .addLearner(let member) = step, plan.isMixed,
                !nodes[SimulatedNode.place(of: member.id)].isNewRelease
            {
                return nil
            }
        }
        return ConfigurationChange(steps)
    }

    /// In place of a member whose disk is lost, the replica that its machine is now.
    private func replacement(_ present: Configuration) -> ConfigurationChange? {
        for member in present.members where budget.lost.contains(member.id) {
            let node = SimulatedNode.place(of: member.id)
            guard nodes[node].replica != member.id, nodes[node].process != nil, let new = nodes[node].member,
                !plan.isMixed || nodes[node].isNewRelease
            else { continue }
            let voters = present.voters.filter { $0 != member.id }
            guard !voters.isEmpty, budget.decides(Configuration(members: [], voters: voters)) else { continue }
            return ConfigurationChange([.remove(member.id), .addLearner(new)])
        }
        return nil
    }

    /// Every membership that may yet decide: in force at a replica or on a disk, or on its way to one.
    var membershipsInPlay: [Configuration] {
        operations.recent.removeAll { $0.seen + Self.memberOnItsWayNanoseconds < now }
        return nodes.compactMap(\.lastMembership) + operations.recent.map(\.configuration)
    }
}

extension ConfigurationChange.Step {
    /// Whom it is about.
    var replica: ReplicaID {
        switch self {
        case .addLearner(let member), .update(let member): member.id
        case .promote(let id), .demote(let id), .remove(let id): id
        }
    }
}

extension ConfigurationChange {
    /// In words, for the trace.
    var summary: String {
        steps.map { step in
            let name = "\(step.replica.high - 1)/\(step.replica.low)"
            switch step {
            case .addLearner: return "add \(name)"
            case .promote: return "promote \(name)"
            case .demote: return "demote \(name)"
            case .remove: return "remove \(name)"
            case .update: return "update \(name)"
            }
        }.joined(separator: ", ")
    }
}

extension Configuration {
    fileprivate func hasMember(named name: String) -> Bool { members.contains { $0.name == name } }

    /// Who votes when a change is over.
    fileprivate func voters(after steps: [ConfigurationChange.Step]) -> [ReplicaID] {
        var voters = voters
        for step in steps {
            switch step {
            case .promote(let id): voters.append(id)
            case .demote(let id), .remove(let id): voters.removeAll { $0 == id }
            case .addLearner, .update: break
            }
        }
        return voters
    }
}
