import Raft
import RaftStorage
import Wire

// What goes wrong.

extension Simulation {
    /// Puts the next fault of a kind among the events.
    func schedule(_ kind: FaultKind) {
        let mean = kind.meanNanoseconds(plan.rates)
        guard mean > 0 else { return }
        queue.push(.fault(kind), at: now + faults.inNanoseconds(mean / 4, mean * 7 / 4))
    }

    /// A fault is due.
    func strike(_ kind: FaultKind) throws(Problem) {
        guard isChaos else { return }
        schedule(kind)
        switch kind {
        case .kill: if let node = anyUp() { try kill(node) }
        case .powerCut: if let node = anyUp() { try strikePower(node) }
        case .blackout: try blackOut()
        case .pause: try pause()
        case .partition: try cutLinks()
        case .wallJump: jumpWall()
        case .drift: changeDrift()
        case .diskError: failDisk()
        case .diskFull: fillDisk()
        case .flip: flipBit()
        case .wipe: try wipe()
        case .change: operations.isChangeDue = true
        case .transfer: operations.isTransferDue = true
        case .compact: operations.isCompactDue = true
        }
    }

    private func anyUp() -> Int? {
        let up = nodes.indices.filter { nodes[$0].process != nil }
        return up.isEmpty ? nil : faults.pick(up)
    }

    // MARK: - Processes

    /// The process ends at once, or within a call of the disk soon.
    private func kill(_ node: Int) throws(Problem) {
        if faults.chance(1, of: 2) {
            nodes[node].disk.faults.callsToKill = faults.inRange(0...12)
            trace.note(.disk, node, 3, 0, "the process will be killed within a call")
        } else {
            try crash(node, cutsPower: false)
        }
    }

    /// The power fails at once, or within a call of the disk soon.
    private func strikePower(_ node: Int) throws(Problem) {
        if faults.chance(1, of: 2) {
            nodes[node].disk.faults.callsToPowerCut = faults.inRange(0...12)
            trace.note(.disk, node, 1, 0, "the power will fail within a call")
        } else {
            try crash(node, cutsPower: true)
        }
    }

    private func blackOut() throws(Problem) {
        trace.note(.crash, -1, 1, 0, "all machines lose power")
        for node in nodes.indices where nodes[node].process != nil { try crash(node, cutsPower: true) }
    }

    /// A process stands still, a leader most often: it does not know that its time has passed. Now, or as soon as it has
    /// sent what a tick made it send: then it finds the answers, and who asked it meanwhile, at once.
    private func pause() throws(Problem) {
        let preferred = faults.chance(1, of: 2) ? leaderPlace : nil
        guard let node = preferred ?? anyUp(), nodes[node].pausedUntil == nil else { return }
        if faults.chance(1, of: 2) {
            nodes[node].isPauseDue = true
            trace.note(.pause, node, 0, 0, "as soon as it has sent something")
        } else {
            try standStill(node)
        }
    }

    func standStill(_ node: Int) throws(Problem) {
        nodes[node].isPauseDue = false
        let end = now + faults.inNanoseconds(20_000_000, faults.chance(1, of: 4) ? 3_000_000_000 : 600_000_000)
        nodes[node].pausedUntil = end
        trace.note(.pause, node, end.nanoseconds, 0, "until \(end.nanoseconds / 1_000_000) ms")
        queue.push(.resume(node: node, boot: nodes[node].boot), at: end)
        try linksChanged()
    }

    func resume(_ node: Int, _ boot: UInt64) throws(Problem) {
        guard nodes[node].boot == boot, nodes[node].pausedUntil != nil else { return }
        nodes[node].pausedUntil = nil
        trace.note(.resume, node)
        let held = nodes[node].held
        nodes[node].held = []
        // What came meanwhile is there at once, and before the process looks at its clock or after.
        if faults.chance(1, of: 2) { advance(node) }
        nodes[node].wakeAt = nil
        try linksChanged()
        nodes[node].lookAt = nil
        if faults.chance(1, of: 2) { askFirst(node) }
        try settle(node)
        for event in held { queue.push(event, at: now) }
    }

    // MARK: - Network

    private func cutLinks() throws(Problem) {
        partitions += 1
        let all = Array(nodes.indices)
        switch faults.below(6) {
        case 0, 1:
            // Two sides.
            var side = all.filter { _ in faults.chance(1, of: 2) }
            if side.isEmpty || side.count == all.count { side = [faults.pick(all)] }
            network.isolate(side)
            trace.note(.partition, -1, partitions, UInt64(side.count), "\(side) apart from all others")
        case 2:
            // One node, the leader where there is one: it hurts most.
            let node = leaderPlace ?? faults.pick(all)
            network.isolate([node])
            trace.note(.partition, -1, partitions, UInt64(node), "\(node) apart from all others")
        case 3:
            // Is heard, and hears nothing; or the other way round.
            let node = faults.pick(all)
            let hears = faults.chance(1, of: 2)
            for other in all {
                network.setCut(true, from: hears ? node : other, to: hears ? other : node)
            }
            trace.note(.partition, -1, partitions, UInt64(node), "\(node) \(hears ? "is not heard" : "hears nothing")")
        default:
            // Single links, each way by itself.
            let count = faults.inRange(1...max(1, all.count * (all.count - 1) / 3))
            var cut: [String] = []
            for _ in 0..<count {
                let (sender, receiver) = (faults.pick(all), faults.pick(all))
                network.setCut(true, from: sender, to: receiver)
                cut.append("\(sender)>\(receiver)")
            }
            trace.note(.partition, -1, partitions, UInt64(count), cut.joined(separator: " "))
        }
        try linksChanged()
        queue.push(
            .heal(partition: partitions),
            at: now + faults.inNanoseconds(20_000_000, faults.chance(1, of: 4) ? 4_000_000_000 : 900_000_000)
        )
    }

    func healLinks() throws(Problem) {
        network.heal()
        try linksChanged()
        trace.note(.heal, -1, partitions)
    }

    // MARK: - Clocks

    private func jumpWall() {
        let node = faults.pick(Array(nodes.indices))
        let step = Int64(faults.inRange(-30_000...30_000)) * 1_000_000
        nodes[node].clock.jumpWall(byNanoseconds: step)
        wallJumpNanoseconds += UInt64(abs(step))
        trace.note(.clock, node, UInt64(bitPattern: step), 0, "wall clock jumps by \(step / 1_000_000) ms")
    }

    private func changeDrift() {
        let node = faults.pick(Array(nodes.indices))
        let ppm = faults.inRange(-plan.driftPPMMax...plan.driftPPMMax)
        nodes[node].clock.drift(at: now, ppm: ppm)
        trace.note(.clock, node, UInt64(bitPattern: Int64(ppm)), 1, "drifts by \(ppm) ppm")
    }

    // MARK: - Disks

    private func failDisk() {
        let node = faults.pick(Array(nodes.indices))
        let call = faults.pick(DiskFaults.Call.allCases)
        nodes[node].disk.faults.failing = call
        trace.note(.disk, node, UInt64(call.rawValue), 2, "the next \(call) will fail")
    }

    private func fillDisk() {
        let node = faults.pick(Array(nodes.indices))
        guard nodes[node].disk.faults.capacityBytes == nil else { return }
        let room = faults.inRange(0...6_000)
        nodes[node].disk.faults.capacityBytes = nodes[node].disk.usedBytes + room
        trace.note(.disk, node, UInt64(room), 3, "\(room) bytes are left")
        queue.push(.roomMade(node: node), at: now + faults.inNanoseconds(50_000_000, 2_500_000_000))
    }

    /// A bit of what lies on disk. Its replica may have lost its promises from now on, and never notice before it reads.
    private func flipBit() {
        let node = faults.pick(Array(nodes.indices))
        let files = nodes[node].disk.coldFiles
        guard !files.isEmpty, let replica = nodes[node].replica, mayLose(replica) else { return }
        let path = faults.pick(files)
        guard let bytes = nodes[node].disk.bytes(of: path), bytes > 0 else { return }
        let offset = Int(faults.below(UInt64(bytes)))
        let bit = UInt8(faults.below(8))
        budget.lose(replica)
        nodes[node].disk.flip(path, bit: bit, at: offset)
        trace.note(.flip, node, UInt64(offset), UInt64(bit), "bit \(bit) of byte \(offset) of \(path)")
    }

    private func wipe() throws(Problem) {
        let node = faults.pick(Array(nodes.indices))
        guard let replica = nodes[node].replica, mayLose(replica) else { return }
        budget.lose(replica)
        if nodes[node].process != nil { try crash(node, cutsPower: true) }
        trace.note(.wipe, node)
        nodes[node].loseDisk()
        counts.lostDisks += 1
    }

    /// Whether a replica's disk may be lost: not while the cluster is being founded, which needs every founder.
    private func mayLose(_ replica: ReplicaID) -> Bool {
        founded.count == founders && budget.allows(losing: replica, in: membershipsInPlay)
    }

    /// Who leads, by the latest term, as far as a process says so.
    var leaderPlace: Int? {
        var best: (place: Int, term: Term)?
        for node in nodes.indices {
            guard let process = nodes[node].process, process.standing.role == .leader else { continue }
            if best.map({ process.standing.term > $0.term }) ?? true { best = (node, process.standing.term) }
        }
        return best?.place
    }
}
