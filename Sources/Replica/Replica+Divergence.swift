import Ledger
import Raft
import Wire

// Replicas compare digests after certain entries. One that differs from the majority's has a wrong state, by a fault of
// memory, disk or program; its log is right. It votes no more, campaigns no more, answers nothing, and fetches a snapshot
// of one that agrees with the majority, from which it applies the log again.
//
// It is not the core that installs that snapshot: for the core the replica lacks nothing, and entries above its snapshot
// are still in its log.
extension Replica {
    /// The digest after this entry is compared.
    mutating func checkpoint(_ index: LogIndex) {
        guard let machine, divergence == nil else { return }
        let digest = machine.digest
        checkpoints.took(digest, at: index)
        for member in raft.configuration.members where member.id != id {
            send(.checkpoint(index, digest), to: member.id)
        }
        compareDigests(at: index)
    }

    mutating func compareDigests(at index: LogIndex) {
        guard divergence == nil, let own = checkpoints.own(at: index) else { return }
        switch checkpoints.verdict(at: index, id, raft.configuration.voters) {
        case .open: break
        case .disputed:
            if dispute == nil { dispute = Dispute(index: index, since: clock.now) }
        case .none: declareDispute(at: index)
        case .majority(let digest):
            endDispute(through: index)
            guard digest != own else { return }
            divergence = Divergence(
                index: index,
                digest: digest,
                sources: checkpoints.agreeing(digest, at: index),
                now: clock.now
            )
            actions.append(.alarm(.diverged(true, at: index)))
            failAll()
        }
    }

    private mutating func failAll() {
        submissions.fail(.diverged)
        for request in reads.takeAll() { actions.append(.answer(request, .failure(.diverged))) }
    }

    /// Nobody knows whose state is right: nothing is decided until a majority agrees again.
    private mutating func declareDispute(at index: LogIndex) {
        guard dispute?.isDeclared != true else { return }
        dispute = Dispute(index: index, since: clock.now, isDeclared: true)
        actions.append(.alarm(.noAgreement(true, at: index)))
        failAll()
    }

    private mutating func endDispute(through index: LogIndex) {
        guard let ended = dispute, ended.index <= index else { return }
        dispute = nil
        if ended.isDeclared { actions.append(.alarm(.noAgreement(false, at: ended.index))) }
    }

    /// Who could settle a dispute may have left, or not answer for too long.
    private mutating func pursueDispute() {
        guard let open = dispute else { return }
        compareDigests(at: open.index)
        guard dispute == open, !open.isDeclared,
            clock.now.nanoseconds(since: open.since) >= settings.decisionTimeout
        else { return }
        declareDispute(at: open.index)
    }

    /// A leader that ought not to lead hands over to the voter that is furthest of those that live.
    mutating func handOver() {
        guard raft.role == .leader else { return }
        let heir = raft.progress
            .filter { $0.id != id && $0.progress.recentlyActive && raft.configuration.voters.contains($0.id) }
            .max { $0.progress.match < $1.progress.match }
        // One that cannot be had now is asked again with the next tick.
        if let heir { try? raft.transferLeadership(to: heir.id) }
    }

    /// Whether a message of the core may leave: a replica whose state is wrong neither votes nor campaigns.
    func mayLeave(_ message: Message) -> Bool {
        guard divergence != nil else { return true }
        switch message.body {
        case .voteRequest: return false
        case .voteResponse(let response): return !response.granted
        default: return true
        }
    }

    /// Goes on fetching a right state.
    mutating func pursueDivergence() {
        checkpoints.keep(raft.configuration)
        pursueDispute()
        guard var pursuit = divergence else { return }
        handOver()
        if pursuit.hasState { return }
        if let source = pursuit.sourceToAsk(clock.now, retryAfter: settings.retryInterval) {
            divergence = pursuit
            requestState(from: source)
        }
    }

    private mutating func requestState(from source: ReplicaID) {
        guard let pursuit = divergence else { return }
        let first = raft.firstIndex.rawValue
        send(
            .stateRequest(
                pursuit.position,
                atLeast: LogIndex(first > 0 ? first - 1 : 0),
                offset: pursuit.received
            ),
            to: source
        )
    }

    /// Another replica needs a state.
    mutating func sendState(to peer: ReplicaID, _ position: LogPosition?, atLeast: LogIndex, offset: UInt64) {
        let newest = raft.snapshot
        guard machine != nil, !isStateDoubtful, !snapshots.isDoubtful,
            snapshots.readCount < settings.snapshotReadsMax
        else { return }
        guard newest.position.index >= atLeast else {
            // It asks again.
            snapshots.isWanted = true
            return
        }
        guard position == nil || position == newest.position, offset < newest.bytes else { return }
        let number = snapshots.addReader(.diverged(peer, bytes: newest.bytes))
        let count = min(UInt64(settings.raft.snapshotChunkBytes), newest.bytes - offset)
        actions.append(
            .store(
                .read(SnapshotRead(number: number, position: newest.position, offset: offset, count: Int(count)))
            )
        )
    }

    mutating func receiveState(_ part: PeerMessage.StatePart, from source: ReplicaID) {
        switch divergence?.received(part, from: source, now: clock.now) {
        case .part?: requestState(from: source)
        case .state?, .damage?, .nothing?, nil: break
        }
    }

    /// Applies the log to the state that was fetched: as much of it as a turn may have. With the end of it that is the state.
    mutating func installState() {
        guard divergence?.isInstallable(through: appliedIndex) == true, var state = divergence?.takeState() else {
            return
        }
        guard state.index.rawValue + 1 >= raft.firstIndex.rawValue, state.machine.version <= supportedVersion else {
            divergence?.restart()
            return
        }
        var bytesApplied = 0
        while state.index < appliedIndex {
            guard bytesApplied < settings.turnBytesMax else {
                divergence?.keep(state)
                isBehind = true
                return
            }
            let index = LogIndex(state.index.rawValue + 1)
            guard let entry = raft.entry(at: index) else {
                divergence?.restart()
                return
            }
            state.index = index
            guard case .command(let bytes) = entry.payload else { continue }
            guard let batch = try? Machine.decode(bytes, supportedVersion: supportedVersion) else {
                divergence?.restart()
                return
            }
            _ = state.machine.apply(batch, index: index)
            bytesApplied += bytes.count
        }
        machine = state.machine
        checkpoints.forget(through: appliedIndex)
        submissions.restored(state.machine.session(of: id))
        // The snapshot on disk, or the one that is being written, may be of the wrong state.
        snapshots.isSpoiled = true
        endDivergence()
        if settings.reportsApplied { actions.append(.restored(appliedIndex, digest: state.machine.digest)) }
    }

    /// The state is another one now.
    mutating func endDivergence() {
        guard let ended = divergence else { return }
        divergence = nil
        actions.append(.alarm(.diverged(false, at: ended.index)))
    }
}
