import Wire

// What is to be done: gathered when it is asked for, so that all inputs since then make one persist request, and one
// append for each member.

extension Raft {
    /// What is to be done. Empties it.
    public mutating func takeOutput() -> RaftOutput {
        var output = RaftOutput()
        if isEstablished, reads.needsRound {
            heartbeatElapsedTicks = 0
            sendHeartbeats()
        }
        gatherAppends()
        output.persist = gatherPersistRequest()
        if !snapshotParts.isEmpty {
            swap(&output.snapshotParts, &snapshotParts)
            if let incomingSnapshot { partAnswers.left(through: incomingSnapshot.received) }
        }
        gatherAcknowledgement()
        // Nothing is said in a term, or after a vote, that a crash would forget.
        if persist.hardStateIsDurable, !outbox.isEmpty { swap(&output.messages, &outbox) }
        gatherApplySteps(into: &output)
        if !answeredReads.isEmpty { swap(&output.reads, &answeredReads) }
        return output
    }

    /// The persist request of this number, and all before it, are on disk.
    /// - Precondition: it was handed out.
    public mutating func persisted(_ number: UInt64) {
        persist.acknowledge(number)
        releasePartAnswers(number)
        remember()
        leadIfElected()
        advanceCommit()
    }

    /// Everything handed out up to here is applied.
    public mutating func applied(through index: LogIndex) {
        guard index > log.applied else { return }
        unappliedBytes = max(0, unappliedBytes - log.cost(after: max(log.applied, log.previous.index), through: index))
        log.apply(through: index)
    }

    // MARK: - To the disk

    private mutating func gatherPersistRequest() -> PersistRequest? {
        let hasEntries = persist.next <= log.last.index
        guard hasEntries || persist.hardStateIsWaiting || partAnswers.needsFence else { return nil }
        let hardState = persist.hardStateIsWaiting ? self.hardState : nil
        let entries = log.entries(from: persist.next, through: log.last.index)
        let number = persist.request(
            through: log.last.index,
            bytes: log.cost(after: LogIndex(persist.next.rawValue - 1), through: log.last.index)
        )
        partAnswers.fence(number: number)
        return PersistRequest(number: number, hardState: hardState, entries: entries)
    }

    /// The answer to all appends since the last one: what agrees with the leader and is durable.
    private mutating func gatherAcknowledgement() {
        guard isAcknowledgementDue, persist.hardStateIsDurable, let leader, role == .follower else { return }
        let through = min(matched, persist.durable)
        if through == matched {
            isAcknowledgementDue = false
        } else if through <= acknowledged {
            return
        }
        acknowledged = max(acknowledged, through)
        send(.appendResponse(.accepted(through: through)), to: leader)
    }

    // MARK: - To the members

    /// A leader's appends and parts of snapshots, as far as each member's window has room.
    mutating func gatherAppends() {
        // Before the term is durable nobody may hear of it, nor get entries of it: after a crash this replica could lead
        // the same term with others.
        guard role == .leader, persist.hardStateIsDurable else { return }
        for position in members.trackers.indices where members.trackers[position].id != id {
            gatherAppends(at: position)
        }
    }

    private mutating func gatherAppends(at position: Int) {
        if members.trackers[position].progress.state != .snapshot,
            members.trackers[position].progress.next <= log.previous.index
        {
            // What it needs next is gone.
            members.trackers[position].send(log.snapshot)
        }
        switch members.trackers[position].progress.state {
        case .probe:
            let isNudge = members.trackers[position].isNudgeDue
            guard isNudge || !members.trackers[position].isProbeSent else { return }
            members.trackers[position].isProbeSent = true
            // A repeated question goes without entries: the member may be slow, not deaf.
            if isNudge { sendEmpty(at: position) } else { sendNext(at: position) }
        case .replicate:
            while members.trackers[position].progress.next <= log.last.index,
                !members.trackers[position].inflights.isFull(settings)
            {
                sendNext(at: position)
            }
            // The members learn of what is committed at once, not with the next heartbeat.
            let isBehind =
                members.trackers[position].progress.next > log.last.index
                && members.trackers[position].commitSent < log.committed
            if isBehind || members.trackers[position].isNudgeDue { sendEmpty(at: position) }
        case .snapshot:
            sendSnapshotParts(at: position)
        }
    }

    /// The next entries, as many as one message holds; none if there are none.
    private mutating func sendNext(at position: Int) {
        let first = members.trackers[position].progress.next
        guard first <= log.last.index else {
            sendEmpty(at: position)
            return
        }
        let end = log.end(
            from: first,
            through: log.last.index,
            bytesMax: min(settings.appendBytesMax, Entry.commandBytesMax),
            entriesMax: min(settings.appendEntriesMax, Message.entriesMax)
        )
        let entries = log.entries(from: first, through: end)
        sendAppend(entries, at: position)
        members.trackers[position].sentThrough = max(members.trackers[position].sentThrough, end)
        let bytes = log.cost(after: LogIndex(first.rawValue - 1), through: end)
        if members.trackers[position].progress.state == .replicate {
            if members.trackers[position].inflights.isEmpty { members.trackers[position].waitedTicks = 0 }
            members.trackers[position].inflights.sent(through: end, bytes: bytes)
            members.trackers[position].progress.next = end + 1
        } else {
            members.trackers[position].probed = (end, bytes)
        }
    }

    private mutating func sendEmpty(at position: Int) {
        members.trackers[position].isNudgeDue = false
        members.trackers[position].probed = (.zero, 0)
        sendAppend([], at: position)
        let previous = LogIndex(members.trackers[position].progress.next.rawValue - 1)
        members.trackers[position].sentThrough = max(members.trackers[position].sentThrough, previous)
    }

    private mutating func sendAppend(_ entries: [Entry], at position: Int) {
        let previous = LogIndex(members.trackers[position].progress.next.rawValue - 1)
        guard let term = log.term(at: previous) else { return }
        members.trackers[position].commitSent = log.committed
        let request = AppendRequest(
            previous: LogPosition(term: term, index: previous),
            entries: entries,
            commit: log.committed
        )
        send(.appendRequest(request), to: members.trackers[position].id)
    }

    // MARK: - To the state machine

    /// What is committed and durable here, within the bound. Durable: so that the applied index never passes the log
    /// that a restart finds.
    private mutating func gatherApplySteps(into output: inout RaftOutput) {
        if let restore = pendingRestore {
            output.apply.append(.restore(restore))
            pendingRestore = nil
        }
        let ready = min(log.committed, persist.durable)
        guard ready > log.handedOut else { return }
        let first = log.handedOut + 1
        let firstBytes = log.entry(at: first)?.cost ?? 0
        // One entry may always be on its way, however long it is.
        guard unappliedBytes == 0 || unappliedBytes + firstBytes <= settings.unappliedBytesMax else { return }
        let end = log.end(
            from: first,
            through: ready,
            bytesMax: settings.unappliedBytesMax - unappliedBytes,
            entriesMax: .max
        )
        let entries = log.entries(from: first, through: end)
        unappliedBytes += log.cost(after: log.handedOut, through: end)
        log.handOut(through: end)
        output.apply.append(.entries(entries))
    }
}
