import Ledger
import Raft
import Wire

// What the core wants done becomes actions, until nothing is left to do.
extension Replica {
    mutating func pump() {
        isBehind = false
        bytesAppliedInTurn = 0
        // The core's output first: a leader must have seen every time-stamp of its log before it makes one.
        var output = raft.takeOutput()
        repeat {
            carryOut(output)
            if stopped != nil { return }
            propose()
            // The rest is still the core's, and comes with the next turn.
            isBehind = bytesAppliedInTurn >= settings.turnBytesMax
            if isBehind { break }
            output = raft.takeOutput()
        } while !output.isEmpty
        installState()
        planSnapshot()
        answer()
    }

    private mutating func carryOut(_ output: RaftOutput) {
        if let persist = output.persist {
            for entry in persist.entries {
                if let stamp = Self.stamp(of: entry) { clock.observe(stamp) }
            }
            actions.append(.store(.persist(persist)))
        }
        for part in output.snapshotParts { receive(part) }
        for message in output.messages { route(message) }
        for step in output.apply {
            switch step {
            case .entries(let entries): apply(entries)
            case .restore(let snapshot): restore(snapshot)
            }
            if stopped != nil { return }
        }
        for read in output.reads { reads.answered(read, clock.now) }
    }

    /// A message of the core leaves, or fetches what it lacks first.
    private mutating func route(_ message: Message) {
        guard mayLeave(message) else { return }
        if case .snapshotRequest(let request) = message.body, request.length > 0 {
            readPart(of: request, for: message)
        } else {
            send(.raft(message), to: message.to)
        }
    }

    mutating func send(_ payload: PeerMessage.Payload, to peer: ReplicaID) {
        actions.append(
            .send(
                PeerMessage(
                    from: id,
                    to: peer,
                    time: clock.report,
                    supportedVersion: supportedVersion,
                    payload: payload
                )
            )
        )
    }

    /// The disk did something.
    public mutating func completed(_ completion: StorageCompletion<Machine>) {
        guard stopped == nil else { return }
        switch completion {
        case .persisted(let number): raft.persisted(number)
        case .full:
            if !isDiskFull { actions.append(.alarm(.diskFull(true))) }
            fullDiskRetryAt = clock.now.adding(nanoseconds: settings.fullDiskRetry)
        case .room:
            guard isDiskFull else { break }
            fullDiskRetryAt = nil
            actions.append(.alarm(.diskFull(false)))
        case .failed(let why): stop(.storageFailed(why))
        case .received, .receiveRefused, .receiveUnsupported, .snapshotted, .snapshotFailed, .snapshotSuperseded,
            .read:
            snapshotCompleted(completion)
        }
    }

    /// What is due with a tick.
    mutating func ticked() {
        if let record = clock.dueRecord(interval: settings.clockRecordInterval, jump: settings.wallJump) {
            actions.append(.store(.recordClock(record)))
        }
        if let retryAt = fullDiskRetryAt, clock.now >= retryAt {
            fullDiskRetryAt = clock.now.adding(nanoseconds: settings.fullDiskRetry)
            actions.append(.store(.retry))
        }
        // The others can go on without this disk, and not with a leader that takes nothing.
        if isDiskFull { handOver() }
        keyRenewal.ticked(hasLeader: raft.leader != nil)
        submissions.expire(clock.now)
        for request in reads.expire(clock.now, retryAfter: settings.retryInterval) {
            actions.append(.answer(request, .failure(.noQuorum)))
        }
        if let change, clock.now >= change.deadline { endChange(.failure(.noQuorum)) }
        peers.keep(raft.configuration)
        raiseVersionIfAllKnow()
        if settings.promotesLearners { promoteLearner() }
        pursueDivergence()
        reviewMemory()
        reviewContradiction()
    }

    /// What was acknowledged is not in the log any more, or is again. It is told when the disk knows it.
    private mutating func reviewMemory() {
        guard raft.hardStateIsDurable else { return }
        switch (forgottenThrough, raft.forgotten?.index) {
        case (nil, let lost?): actions.append(.alarm(.forgotten(true, through: lost)))
        case (let lost?, nil): actions.append(.alarm(.forgotten(false, through: lost)))
        case (nil, nil), (_?, _?): break
        }
        forgottenThrough = raft.forgotten?.index
    }

    /// The leader contradicts what is committed here, or does not any more.
    private mutating func reviewContradiction() {
        switch (contradictedAt, raft.contradicted?.index) {
        case (nil, let index?): actions.append(.alarm(.contradicted(true, at: index)))
        case (let index?, nil): actions.append(.alarm(.contradicted(false, at: index)))
        case (nil, nil), (_?, _?): break
        }
        contradictedAt = raft.contradicted?.index
    }

    /// A learner that has caught up becomes a voter. Who has not, is refused by the core, and tried again.
    private mutating func promoteLearner() {
        guard raft.role == .leader, !isStateDoubtful, !isDiskFull else { return }
        for id in raft.configuration.learners {
            if (try? raft.propose(ConfigurationChange([.promote(id)]))) != nil { return }
        }
    }

    /// Answers that may leave.
    private mutating func answer() {
        for (request, result) in submissions.takeAnswers() { actions.append(.answer(request, result)) }
        for (request, index) in reads.applied(through: appliedIndex) {
            actions.append(.answer(request, .success(.readable(index))))
        }
    }
}
