import Ledger
import Raft
import RaftStorage
import Replica
import Wire

// Machines and their processes: starts, crashes, time, messages, disks.

extension Simulation {
    private static let healthyDiskNanosecondsMax: UInt64 = 1_000_000
    private static let wakeNanosecondsMax: UInt64 = 1_000_000_000

    // MARK: - Start and end

    /// A machine that is down starts its process, on what its disk holds.
    func start(_ node: Int) throws(Problem) {
        nodes[node].isStartDue = false
        guard nodes[node].process == nil, !nodes[node].isRetired else { return }
        nodes[node].disk.restart()
        nodes[node].boot += 1
        nodes[node].wakeAt = nil
        nodes[node].lookAt = nil
        // A machine is given a later release when it is down anyway.
        if plan.isMixed, generator.chance(1, of: 3) { nodes[node].isNewRelease = true }
        do throws(StorageError) {
            try nodes[node].start(at: now, plan: plan, founders: founders, generator: &generator)
        } catch {
            return try startFailed(node, error)
        }
        guard let process = nodes[node].process else { return }
        trace.note(
            .start,
            node,
            nodes[node].boot,
            0,
            "\(nodes[node].isNewRelease ? "later" : "earlier") release: \(process.summary)"
        )
        try settle(node)
    }

    private func startFailed(_ node: Int, _ error: StorageError) throws(Problem) {
        trace.note(.storeFailed, node, 0, 0, "start: \(error)")
        if case .damaged = error {
            guard let replica = nodes[node].replica, budget.lost.contains(replica) else {
                throw .other("files that nothing has damaged are refused: \(error)", nodes: [node])
            }
            // What a node does then, and an operator after it: an empty folder, and another replica.
            nodes[node].loseDisk()
            counts.lostDisks += 1
        }
        counts.crashes += 1
        if nodes[node].disk.isOff { nodes[node].disk.cutPower(powerCut()) } else { nodes[node].disk.crashProcess() }
        scheduleStart(node)
    }

    /// A process is gone.
    func crash(_ node: Int, cutsPower: Bool) throws(Problem) {
        guard let process = nodes[node].process else { return }
        counts.crashes += 1
        let mode = cutsPower ? powerCut() : nil
        trace.note(
            .crash,
            node,
            UInt64(mode.map { $0.rawValue + 1 } ?? 0),
            0,
            mode.map { "the power fails, \($0)" } ?? "killed"
        )
        if process.standing.isReplica, let replica = process.standing.replica { invariants.crashed(replica) }
        nodes[node].process = nil
        nodes[node].gateway = nil
        nodes[node].pausedUntil = nil
        nodes[node].isPauseDue = false
        nodes[node].held = []
        nodes[node].isWriting = false
        if let mode {
            nodes[node].disk.cutPower(mode)
            nodes[node].clock.reboot(at: now)
        } else {
            nodes[node].disk.crashProcess()
        }
        clientsLose(node)
        try linksChanged()
        scheduleStart(node)
    }

    private func powerCut() -> PowerCut {
        switch faults.below(6) {
        case 0: .losesAll
        case 1: .losesNothing
        default: .losesSome
        }
    }

    /// A machine comes back after a while.
    func scheduleStart(_ node: Int) {
        guard !nodes[node].isStartDue, !nodes[node].isRetired else { return }
        nodes[node].isStartDue = true
        let delay = isChaos ? faults.inNanoseconds(5_000_000, faults.chance(1, of: 5) ? 4_000_000_000 : 700_000_000) : 0
        queue.push(.start(node: node), at: now + delay)
    }

    // MARK: - Time

    /// Sees to it that a process looks at its clock when it wants to.
    private func scheduleTick(_ node: Int) {
        guard let process = nodes[node].process else { return }
        let shown = nodes[node].clock.boot(at: now)
        let wake = process.nextWake.nanoseconds
        // Clocks drift by thousandths: too early by so much costs one more look.
        let wait = min(Self.wakeNanosecondsMax, max(100_000, wake - min(wake, shown)))
        guard nodes[node].wakeAt.map({ $0 > now + wait }) ?? true else { return }
        nodes[node].wakeAt = now + wait
        queue.push(.tick(node: node, boot: nodes[node].boot), at: now + wait)
    }

    func tick(_ node: Int, _ boot: UInt64) throws(Problem) {
        guard nodes[node].boot == boot, nodes[node].process != nil, nodes[node].pausedUntil == nil,
            nodes[node].wakeAt == now
        else { return }
        nodes[node].wakeAt = nil
        trace.note(.tick, node)
        advance(node)
        let sent = nodes[node].sent
        try settle(node)
        if nodes[node].isPauseDue, nodes[node].process != nil, nodes[node].sent != sent { try standStill(node) }
    }

    /// A process looks at its clocks, as it does before anything else.
    func advance(_ node: Int) {
        nodes[node].process?.advance(
            to: BootTime(nanoseconds: nodes[node].clock.boot(at: now)),
            wall: WallTime(nanoseconds: nodes[node].clock.wall(at: now))
        )
    }

    // MARK: - Messages

    func arrive(from sender: Int, to receiver: Int, _ bytes: [UInt8]) throws(Problem) {
        guard nodes[receiver].process != nil, !network.isCut(from: sender, to: receiver) else {
            return trace.note(.lose, receiver, UInt64(sender), 0, "from \(sender), on the way")
        }
        if nodes[receiver].pausedUntil != nil {
            // As many as a socket holds.
            if nodes[receiver].held.count < 2_000 {
                nodes[receiver].held.append(.arrival(from: sender, to: receiver, bytes: bytes))
            }
            return
        }
        let message: NodeMessage
        do { message = try NodeMessage(decoding: bytes) } catch {
            throw .other("a message of \(sender) cannot be read: \(error)", nodes: [receiver, sender])
        }
        trace.note(.receive, receiver, UInt64(sender), UInt64(bytes.count), "from \(sender): \(message.summary)")
        advance(receiver)
        nodes[receiver].process?.receive(message)
        try settle(receiver)
    }

    private func send(_ message: NodeMessage, to destination: NodeDestination, from node: Int) throws(Problem) {
        if case .peer(let peer) = message, case .raft(let raft) = peer.payload {
            try checked { () throws(InvariantViolation) in try invariants.sent(raft) }
        }
        let receiver: Int?
        switch destination {
        case .replica(let replica): receiver = SimulatedNode.place(of: replica)
        case .seed(let seed): receiver = nodes.indices.first { SimulatedNode.seed($0) == seed }
        }
        guard let receiver, nodes.indices.contains(receiver) else {
            throw .other("a message to nobody: \(destination)", nodes: [node])
        }
        nodes[node].sent += 1
        let bytes = message.encode()
        let arrivals = network.arrivals(from: node, to: receiver, at: now)
        trace.note(
            arrivals.isEmpty ? .lose : .send,
            node,
            Trace.hash(bytes),
            UInt64(receiver),
            "to \(receiver): \(message.summary)"
        )
        for moment in arrivals { queue.push(.arrival(from: node, to: receiver, bytes: bytes), at: moment) }
    }

    // MARK: - Disks

    /// Lets the disk begin if there is something to write.
    private func beginWrite(_ node: Int) {
        guard !nodes[node].isWriting, !recovery.isHung(node), let process = nodes[node].process, !process.isStorageIdle
        else { return }
        nodes[node].isWriting = true
        let slowest = isChaos ? plan.diskNanosecondsMax : Self.healthyDiskNanosecondsMax
        let wait = generator.inNanoseconds(20_000, slowest)
        queue.push(.write(node: node, boot: nodes[node].boot), at: now + wait)
    }

    func write(_ node: Int, _ boot: UInt64) throws(Problem) {
        guard nodes[node].boot == boot, let process = nodes[node].process else { return }
        // A process that stands still has a thread that may write on; what it says is heard later.
        let outcome = process.write(&invariants)
        trace.note(
            outcome.failure == nil ? .store : .storeFailed,
            node,
            UInt64(outcome.requests),
            outcome.persistedThrough,
            "\(outcome.requests) requests, durable through number \(outcome.persistedThrough)"
                + (outcome.isFull ? ", full" : "") + (outcome.failure.map { ", " + $0 } ?? "")
        )
        let disk = nodes[node].disk
        if disk.isOff || disk.isKilled { return try crash(node, cutsPower: disk.isOff) }
        queue.push(.written(node: node, boot: boot), at: now + generator.inNanoseconds(1_000, 300_000))
    }

    func written(_ node: Int, _ boot: UInt64) throws(Problem) {
        guard nodes[node].boot == boot, let process = nodes[node].process else { return }
        if nodes[node].pausedUntil != nil {
            nodes[node].held.append(.written(node: node, boot: boot))
            return
        }
        nodes[node].isWriting = false
        trace.note(.stored, node)
        advance(node)
        process.completeWrites()
        try settle(node)
    }

    // MARK: - After each step

    /// Checks what a step changed, and carries out what the process wants done.
    func settle(_ node: Int) throws(Problem) {
        guard let process = nodes[node].process else { return }
        let outputs = process.takeOutputs()
        try checked { () throws(InvariantViolation) in try process.tellStep(&invariants) }
        let standing = process.standing
        noteStanding(node, standing)
        if let replica = standing.replica, let time = standing.time {
            try checked { () throws(InvariantViolation) in
                try invariants.observed(time, by: replica, latestPossible: latestPossibleTime)
            }
        }
        for output in outputs {
            switch output {
            case .send(let message, let destination): try send(message, to: destination, from: node)
            case .applied(let application): try applied(application, node)
            case .restored(let index, let digest): try restored(node, index, digest)
            case .answer(let request, let result): try answered(node, request, result)
            case .alarm(let alarm): try alarmed(alarm, node)
            case .joined(let cluster, let replica):
                nodes[node].replica = replica
                trace.note(.join, node, replica.low, cluster.low, "as replica \(replica.low)")
                if let ledger = process.ledger { prices.founded(ledger.facts.ledgerVersion) }
                try joined(node, cluster)
            case .stop(let reason): return try stopped(node, reason)
            }
        }
        beginWrite(node)
        scheduleTick(node)
        try tellGateway(node, outputs)
    }

    private func restored(_ node: Int, _ index: LogIndex, _ digest: LedgerDigest) throws(Problem) {
        counts.restores += 1
        trace.note(.restore, node, index.rawValue, digest.low, "through \(index.rawValue)")
        guard let replica = nodes[node].replica else { return }
        try checked { () throws(InvariantViolation) in try invariants.restored(digest, at: index, by: replica) }
    }

    /// Tells of what is new about a process.
    private func noteStanding(_ node: Int, _ new: NodeStanding) {
        let membership = new.configuration
        if membership != nodes[node].lastMembership, !membership.members.isEmpty {
            nodes[node].lastMembership = membership
            operations.recent.append((now, membership))
            trace.note(.change, node, UInt64(membership.voters.count), 0, membership.summary)
        }
        let old = nodes[node].standing
        nodes[node].standing = new
        if new.role != old.role || new.term != old.term {
            if new.role == .leader { counts.elections += 1 }
            trace.note(.role, node, new.term.rawValue, 0, "\(new.role) of term \(new.term.rawValue)")
        }
        if new.commit != old.commit {
            trace.note(.commit, node, new.commit.rawValue, 0, "through \(new.commit.rawValue)")
        }
    }

    private func applied(_ application: Application, _ node: Int) throws(Problem) {
        trace.note(
            .apply,
            node,
            application.index.rawValue,
            application.digest.low,
            "index \(application.index.rawValue), \(application.batch.commands.count) commands"
        )
        guard let replica = nodes[node].replica else { return }
        try checked { () throws(InvariantViolation) in try invariants.applied(application, by: replica) }
        do {
            if levels.isEmpty,
                application.results.contains(where: { if case .policiesSet = $0 { true } else { false } }),
                let facts = nodes[node].process?.ledger?.facts
            {
                for policy in facts.policies { levels[policy.id] = Workload.level(of: policy) }
                admissions.policies(facts)
                escrow.policies(facts.policies)
            }
            try admissions.applied(application)
            try escrow.applied(application)
            try prices.applied(application)
        } catch { throw .history(error) }
        try clientsSaw(application, node)
    }

    private func alarmed(_ alarm: NodeAlarm, _ node: Int) throws(Problem) {
        trace.note(.alarm, node, 0, 0, "\(alarm)")
        switch alarm {
        case .replica(.diskFull), .replica(.snapshotFailed), .replica(.snapshotKept), .founding: break
        case .replica(.diverged), .replica(.noAgreement):
            throw .other("states differ: \(alarm)", nodes: [node])
        case .replica(.forgotten):
            throw .other("a disk is said to have lost what no disk has lost: \(alarm)", nodes: [node])
        case .replica(.contradicted):
            throw .other("a leader contradicts what is committed: \(alarm)", nodes: [node])
        case .damaged(let what):
            guard let replica = nodes[node].replica, budget.lost.contains(replica) else {
                throw .other("files that nothing has damaged are refused: \(what)", nodes: [node])
            }
            // It is another replica once it has joined again. If it ends before, it finds the same damage.
            counts.lostDisks += 1
            nodes[node].lastMembership = nil
        }
    }

    private func stopped(_ node: Int, _ reason: StopReason) throws(Problem) {
        trace.note(.stop, node, 0, 0, "\(reason)")
        switch reason {
        case .storageFailed: break
        case .lostAlone(let what):
            guard let replica = nodes[node].replica, budget.lost.contains(replica) else {
                throw .other("files that nothing has damaged are refused: \(what)", nodes: [node])
            }
            // What can be read of its log is older than the membership: an operator empties the folder.
            counts.lostDisks += 1
            try crash(node, cutsPower: nodes[node].disk.isOff)
            nodes[node].loseDisk()
            return
        case .undecodableEntry, .undecodableSnapshot:
            throw .other("a release was given what it cannot read: \(reason)", nodes: [node])
        }
        try crash(node, cutsPower: nodes[node].disk.isOff)
    }

    /// No clock that is right can have counted further.
    private var latestPossibleTime: LedgerTime {
        let drift = UInt64(plan.driftPPMMax) * (now.nanoseconds / 1_000_000) + 1_000_000
        return LedgerTime(nanoseconds: now.nanoseconds + drift + wallJumpNanoseconds)
    }

    /// A rule of the group is checked.
    func checked(_ rule: () throws(InvariantViolation) -> Void) throws(Problem) {
        do { try rule() } catch { throw .invariant(error) }
    }
}
