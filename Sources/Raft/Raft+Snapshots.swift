import Wire

// Snapshots and compaction (section 7 of the paper), in parts with a window.

extension Raft {
    // MARK: - The driver's side

    /// A snapshot of what was applied is on disk. Entries up to `keepingFrom` (exclusive) are dropped from memory, never
    /// any above the snapshot. A driver keeps some for followers that are a little behind: at most
    /// ``RaftSettings/retainedBytesMax``. What follows a snapshot that is
    /// being sent is kept by itself, up to ``RaftSettings/retainedBytesMax``: else the member would be sent one snapshot
    /// after the other.
    /// - Precondition: the snapshot's position is applied, and it carries the membership of that position, as
    ///   ``appliedConfiguration`` was then.
    public mutating func compact(to snapshot: SnapshotDescription, keepingFrom: LogIndex) {
        let limit = min(keepingFrom, snapshot.position.index + 1)
        let affordable = log.first(upTo: snapshot.position.index, costingAtMost: settings.retainedBytesMax)
        log.compact(to: snapshot, keepingFrom: retainedFrom(below: max(limit, affordable)))
    }

    /// The first entry to keep for members that are being sent a snapshot, and live.
    private func retainedFrom(below limit: LogIndex) -> LogIndex {
        guard role == .leader else { return limit }
        var first = limit
        for tracker in members.trackers where tracker.progress.recentlyActive {
            guard let sent = tracker.snapshot?.description.position.index, sent >= log.previous.index,
                sent + 1 < first,
                log.cost(after: sent, through: LogIndex(limit.rawValue - 1)) <= settings.retainedBytesMax
            else { continue }
            first = sent + 1
        }
        return first
    }

    /// The snapshot whose last part was handed out is on disk: the log begins after it, unless it agrees with the log;
    /// then the log stays.
    /// - Parameter transfer: ``IncomingSnapshotPart/transfer`` of that part.
    public mutating func snapshotInstalled(_ transfer: UInt64) {
        guard let incoming = incomingSnapshot, incoming.isInstalling, incoming.number == transfer else { return }
        let position = incoming.description.position
        incomingSnapshot = nil
        let isFirst = isBlank
        let logStays = !isFirst && log.term(at: position.index) == position.term
        if log.install(incoming.description, isFirst: isFirst) {
            pendingRestore = incoming.description
            unappliedBytes = 0
        }
        if !logStays { persist.reset(to: position.index) }
        guard let leader, leader == incoming.leader, incoming.term == term else { return }
        matched = max(matched, position.index)
        answerSnapshot(position, .installed(through: position.index), to: leader)
    }

    /// It was not a snapshot, or could not be kept: the leader sends it again after a pause.
    /// - Parameter transfer: ``IncomingSnapshotPart/transfer`` of a part.
    public mutating func snapshotRefused(_ transfer: UInt64) {
        guard let incoming = incomingSnapshot, incoming.number == transfer else { return }
        let position = incoming.description.position
        incomingSnapshot = nil
        partAnswers = PartAnswers()
        guard leader == incoming.leader, incoming.term == term else { return }
        answerSnapshot(position, .refused, to: incoming.leader)
    }

    // MARK: - A follower's side

    /// A part of a snapshot from the leader of this term.
    mutating func stepSnapshotRequest(_ request: SnapshotRequest) {
        guard let leader else { return }
        let position = request.snapshot.position
        if let incoming = incomingSnapshot, incoming.isInstalling { return }
        if !isBlank {
            if position.index <= min(log.committed, persist.durable) {
                answerSnapshot(position, .installed(through: position.index), to: leader)
                return
            }
            if position.index <= log.committed || log.term(at: position.index) == position.term {
                // All of it is in the log already; it is committed, as everything in a snapshot is. The answer is that
                // of an append: it waits until the entries are durable.
                if position.index > log.committed { log.commit(through: position.index) }
                matched = max(matched, position.index)
                isAcknowledgementDue = true
                return
            }
        }
        let isSame =
            incomingSnapshot.map { $0.leader == leader && $0.term == term && $0.description == request.snapshot }
            ?? false
        if !isSame {
            // An older one of the same leader is late. One of the same position was written anew.
            if let incoming = incomingSnapshot, incoming.leader == leader, incoming.term == term,
                incoming.description.position > position
            {
                return
            }
            guard request.offset == 0 else {
                answerSnapshot(position, .received(0), to: leader)
                return
            }
            transfersBegun += 1
            incomingSnapshot = IncomingSnapshot(
                number: transfersBegun,
                leader: leader,
                term: term,
                description: request.snapshot
            )
            snapshotParts = []
            partAnswers = PartAnswers()
        }
        guard let incoming = incomingSnapshot else { return }
        guard incoming.isNext(offset: request.offset) else {
            // Out of turn. Where an answer is held, it comes and says the same.
            if !partAnswers.isHolding, snapshotParts.isEmpty {
                answerSnapshot(position, .received(incoming.received), to: leader)
            }
            return
        }
        if let part = incomingSnapshot?.take(request.data) { snapshotParts.append(part) }
    }

    func snapshotResponse(_ position: LogPosition, _ outcome: SnapshotResponse.Outcome) -> Message.Body {
        .snapshotResponse(SnapshotResponse(position: position, outcome: outcome))
    }

    private mutating func answerSnapshot(
        _ position: LogPosition,
        _ outcome: SnapshotResponse.Outcome,
        to leader: ReplicaID
    ) {
        send(snapshotResponse(position, outcome), to: leader)
    }

    /// Parts that are written now are acknowledged.
    mutating func releasePartAnswers(_ number: UInt64) {
        guard let offset = partAnswers.durable(number), let incoming = incomingSnapshot, !incoming.isInstalling,
            incoming.leader == leader, incoming.term == term
        else { return }
        answerSnapshot(incoming.description.position, .received(offset), to: incoming.leader)
    }

    // MARK: - A leader's side

    /// A member's answer to a part.
    mutating func stepSnapshotResponse(_ response: SnapshotResponse, from sender: ReplicaID) {
        guard role == .leader, let position = members.position(of: sender) else { return }
        members.trackers[position].heard()
        guard let snapshot = members.trackers[position].snapshot,
            snapshot.description.position == response.position
        else { return }
        switch response.outcome {
        case .received(let offset):
            if members.trackers[position].snapshot?.received(offset) == true {
                members.trackers[position].waitedTicks = 0
            }
        case .installed(let index):
            guard index == response.position.index else { return }
            let isNews = members.trackers[position].matched(through: index)
            members.trackers[position].sentThrough = max(members.trackers[position].sentThrough, index)
            members.trackers[position].probe(next: index + 1)
            if isNews { advanceCommit() }
            transferIfCaughtUp()
        case .refused:
            members.trackers[position].snapshot?.refused()
            members.trackers[position].waitedTicks = 0
        }
    }

    /// The parts that a member's window has room for. They have no data yet.
    mutating func sendSnapshotParts(at position: Int) {
        // One that does not live is not sent a snapshot.
        guard members.trackers[position].progress.recentlyActive,
            let description = members.trackers[position].snapshot?.description
        else { return }
        while let part = members.trackers[position].snapshot?.nextPart(settings) {
            let request = SnapshotRequest(snapshot: description, offset: part.offset, length: part.length, data: [])
            send(.snapshotRequest(request), to: members.trackers[position].id)
        }
    }
}
