import Ledger
import Raft
import Replica
import Wire

// Processes: how they start and end, and what is left of their disks.
extension GenesisSimulation {
    func list(of node: Int) -> [Int] {
        isCalm && !plan.corrected.isEmpty ? plan.corrected[node] : plan.listed[node]
    }

    mutating func start(_ node: Int) throws(InvariantViolation) {
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
    mutating func stop(_ node: Int) {
        var arriving = nodes[node].writes.count
        while arriving > 0, generator.chance(1, of: 2) { arriving -= 1 }
        for write in nodes[node].writes.prefix(arriving) { store(node, write) }
        nodes[node].writes = []
        nodes[node].process = .down
        nodes[node].life += 1
        nodes[node].wakeAt = nil
    }

    /// Whether the process ends here.
    mutating func crashes(_ node: Int) -> Bool {
        guard !isCalm, generator.chance(plan.crashes, of: 100_000) else { return false }
        crash(node)
        return true
    }

    /// Ends a process, and draws what is left of its disk.
    mutating func crash(_ node: Int) {
        var isMember = false
        if case .member = nodes[node].process { isMember = true }
        stop(node)
        report.crashes += 1
        trace.note(.crash, node)
        if node != plan.keeper, generator.chance(plan.wipes, of: 1_000) {
            wipe(node)
        } else if isMember, nodes[node].record != nil, generator.chance(plan.lostLogs, of: 1_000) {
            // Even of the keeper: its record remembers the cluster.
            trace.note(.wipe, node, 1, 0, "the log is lost, the record is not")
            report.lostLogs += 1
            if let storage = nodes[node].storage { nodes[node].formerReplicas.append(storage.replica) }
            nodes[node].storage = nil
        }
        queue.push(.start(node), at: now + generator.below(2_000_000_000))
    }

    /// A disk comes back empty.
    private mutating func wipe(_ node: Int) {
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
    }

    /// After a write: a disk is to be lost soon, at the worst of times.
    mutating func considerStriking() {
        guard plan.strikes, !isCalm else { return }
        let due = (rules.isAccepted ? 1 : 0) + (rules.chosen.isEmpty ? 0 : 1)
        while strikes < due {
            strikes += 1
            queue.push(.strike, at: now + generator.below(50_000_000))
        }
    }

    /// A disk is lost.
    mutating func strike() {
        let node = Int(generator.below(UInt64(plan.nodes)))
        guard !isCalm, node != plan.keeper, nodes[node].isUp else { return }
        stop(node)
        report.crashes += 1
        trace.note(.crash, node)
        wipe(node)
        queue.push(.start(node), at: now + generator.below(2_000_000_000))
    }
}
