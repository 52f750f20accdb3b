import Replica

// What must hold when a run is over.
extension GenesisSimulation {
    /// Whether every node's process knows of the cluster.
    var isSettled: Bool {
        nodes.allSatisfy { node in
            if case .member = node.process { return true }
            return false
        }
    }

    mutating func checkEnd() throws(InvariantViolation) {
        try rules.check()
        report.isFounded = !rules.chosen.isEmpty
        var members: [Int] = []
        for node in nodes {
            switch node.process {
            case .member:
                members.append(node.number)
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
        for node in nodes {
            guard case .founding = node.process else { continue }
            guard !list(of: node.number).contains(where: members.contains) else {
                throw rules.violation("whoever asks a member is told of the cluster", node: node)
            }
        }
        try checkLists()
    }

    /// What must have come of the lists as they are.
    func checkLists() throws(InvariantViolation) {
        switch plan.lists {
        case .agreeing where !rules.accepted(anyOf: nodes.flatMap(\.formerReplicas)):
            guard let settled = report.settledNanoseconds, settled <= Self.settlingNanosecondsMax, report.waiting == 0
            else {
                throw rules.violation("all seeds are up and hear each other, so a cluster is founded", node: nodes[0])
            }
        case .differing where plan.corrected.isEmpty:
            guard !report.isFounded, report.alarmed == plan.nodes else {
                throw rules.violation("nodes whose lists differ found nothing", node: nodes[0])
            }
        case .existing:
            guard report.founders <= 1 else {
                throw rules.violation("nobody founds beside a cluster that is there", node: nodes[plan.keeper])
            }
        case .agreeing, .differing, .overlapping, .lone: break
        }
    }
}
