import Wire

// A leader's side of AppendEntries and of heartbeats (sections 5.3 and 5.4 of the paper).

extension Raft {
    /// Appends commands, one entry each, all or none.
    /// - Returns: the first one's position, or where it would be if there are none.
    @discardableResult
    public mutating func propose(_ commands: [[UInt8]]) throws(ProposalRefusal) -> LogPosition {
        guard role == .leader else { throw .notLeader(leader) }
        guard transfer == nil else { throw .transferring }
        var bytes = 0
        for command in commands {
            guard command.count <= Entry.commandBytesMax else { throw .commandTooLong }
            bytes += Entry.Payload.command(command).cost
        }
        // One proposal is always taken, however long it is, so that a low bound stops nobody for ever.
        guard uncommittedBytes == 0 || uncommittedBytes + bytes <= settings.uncommittedBytesMax,
            persist.bytesInFlight <= settings.unpersistedBytesMax
        else { throw .tooMuchWaiting }
        let first = LogPosition(term: term, index: log.last.index + 1)
        for command in commands { appendAsLeader(.command(command)) }
        return first
    }

    /// Appends an entry of the own term. It is sent with the next output, before it is on the own disk.
    mutating func appendAsLeader(_ payload: Entry.Payload) {
        let entry = Entry(position: LogPosition(term: term, index: log.last.index + 1), payload: payload)
        log.append(entry)
        uncommittedBytes += entry.cost
        if case .configuration = payload { configurationChanged() }
    }

    /// A follower's answer to an append.
    mutating func stepAppendResponse(_ response: AppendResponse, from sender: ReplicaID) {
        guard role == .leader, let position = members.position(of: sender) else { return }
        members.trackers[position].heard()
        switch response {
        case .accepted(let index):
            // What was never sent was not understood, or is an answer to nobody.
            guard index <= members.trackers[position].sentThrough else { return }
            acknowledge(through: index, at: position)
        case .rejected(let previous, let hint):
            rejected(previous: previous, hint: hint, at: position)
        }
    }

    /// A member's log is the own one up to `index`.
    mutating func acknowledge(through index: LogIndex, at position: Int) {
        let state = members.trackers[position].progress.state
        members.trackers[position].progress.denials = 0
        let isNews = members.trackers[position].matched(through: index)
        switch state {
        case .probe:
            if isNews || index >= members.trackers[position].progress.match { members.trackers[position].replicate() }
        case .replicate:
            break
        case .snapshot:
            // The log goes on from where it is, without the rest of the snapshot.
            if members.trackers[position].progress.match >= log.previous.index {
                members.trackers[position].probe(next: members.trackers[position].progress.match + 1)
            }
        }
        guard isNews else { return }
        advanceCommit()
        transferIfCaughtUp()
    }

    /// A member's log has no such entry. An answer to anything but what it was asked last is stale.
    private mutating func rejected(previous: LogIndex, hint: LogPosition, at position: Int) {
        let progress = members.trackers[position].progress
        guard previous < progress.next, previous >= progress.match else { return }
        switch progress.state {
        case .probe:
            guard members.trackers[position].isProbeSent, previous.rawValue == progress.next.rawValue - 1 else {
                return
            }
            guard previous > progress.match || previous == .zero else {
                // It has acknowledged that. Where it was not an answer to an earlier question that came late, its disk has
                // lost entries: asked again at once it would say the same again.
                members.trackers[position].progress.denials += 1
                return
            }
        case .replicate:
            guard previous > progress.match else { return }
        case .snapshot:
            return
        }
        if previous == .zero {
            // It does not even have what was before the first entry.
            members.trackers[position].send(log.snapshot)
            return
        }
        let below = LogPosition(
            term: hint.term,
            index: min(hint.index, LogIndex(previous.rawValue - 1))
        )
        members.trackers[position].probe(next: log.agreement(atMost: below).index + 1)
    }

    /// The greatest index that a majority has durably, of the own term (section 5.4.2): what is before is committed
    /// with it, and nothing of an earlier term by being counted.
    mutating func advanceCommit() {
        guard role == .leader else { return }
        if let own = members.position(of: id) {
            members.trackers[own].progress.match = persist.durable
            members.trackers[own].progress.next = log.last.index + 1
        }
        // Who says that it lacks what it had acknowledged does not hold it any more.
        let reached = LogIndex(members.reached { members.trackers[$0].progress.durableMatch.rawValue })
        guard reached > log.committed, reached <= log.last.index, log.term(at: reached) == term else { return }
        uncommittedBytes -= log.cost(after: log.committed, through: reached)
        let wasEstablished = isEstablished
        log.commit(through: reached)
        if !wasEstablished, isEstablished { reads.established(index: log.committed) }
        committedAsLeader()
    }

    /// Whether this leader has committed an entry of its own term, and so knows what is committed.
    var isEstablished: Bool { role == .leader && log.committed >= termStart }

    // MARK: - Heartbeats

    /// A leader's tick: signs of life, its quorum, the end of a transfer that did not come about.
    mutating func tickLeader() {
        for position in members.trackers.indices { members.trackers[position].tick(settings) }
        heartbeatElapsedTicks += 1
        if heartbeatElapsedTicks >= settings.heartbeatTicks {
            heartbeatElapsedTicks = 0
            sendHeartbeats()
        }
        tickTransfer()
        persist.tick()
        if persist.waitedTicks >= settings.persistTicksMax,
            members.trackers.contains(where: { $0.isVoter && $0.id != id })
        {
            stepDown()
            return
        }
        if electionElapsedTicks >= settings.electionTicksMin {
            electionElapsedTicks = 0
            checkQuorum()
        }
    }

    /// Begins a round: each member is told that this leader lives, and answers (dissertation, 6.4).
    mutating func sendHeartbeats() {
        round += 1
        reads.began(round: round)
        for tracker in members.trackers where tracker.id != id {
            let commit = min(log.committed, tracker.progress.match)
            send(.heartbeatRequest(HeartbeatRequest(commit: commit, round: round)), to: tracker.id)
        }
        if let own = members.position(of: id) { members.trackers[own].roundAnswered = round }
        confirmReads()
    }

    /// A leader that no majority has answered for an election timeout leads nobody (dissertation, 6.2).
    private mutating func checkQuorum() {
        let heard = members.reached { position in
            members.trackers[position].id == id || members.trackers[position].progress.recentlyActive ? 1 : 0
        }
        if settings.checkQuorum, heard == 0 { stepDown() }
    }

    /// A member lives.
    mutating func stepHeartbeatResponse(_ response: HeartbeatResponse, from sender: ReplicaID) {
        guard role == .leader, let position = members.position(of: sender), response.round <= round else { return }
        members.trackers[position].heard()
        retryIfLate(at: position)
        guard response.round > members.trackers[position].roundAnswered else { return }
        members.trackers[position].roundAnswered = response.round
        confirmReads()
    }

    /// A member that lives, and has not answered for long what it was sent: it is asked where it is. One that does not
    /// live is sent heartbeats only.
    private mutating func retryIfLate(at position: Int) {
        guard members.trackers[position].isWaiting, members.trackers[position].waitedTicks >= settings.retryTicks
        else { return }
        members.trackers[position].waitedTicks = 0
        switch members.trackers[position].progress.state {
        case .probe, .replicate:
            members.trackers[position].isNudgeDue = true
        case .snapshot:
            // There is a newer one, and the old one may not be on disk any more.
            if let snapshot = members.trackers[position].snapshot, snapshot.description != log.snapshot,
                snapshot.isRetry || snapshot.isPaused
            {
                members.trackers[position].send(log.snapshot)
            } else {
                members.trackers[position].snapshot?.retry()
            }
        }
    }
}
