import Wire

// What comes in: ticks and messages. A message is judged first by what it is alone, then by its term (section 5.1).

extension Raft {
    /// Time passes: one tick.
    public mutating func tick() {
        electionElapsedTicks += 1
        if role == .leader {
            tickLeader()
            return
        }
        for context in forwardedReads.tick(limit: settings.electionTicksMin) {
            answeredReads.append(ReadState(context: context, index: nil))
        }
        if electionElapsedTicks >= electionTimeoutTicks {
            electionElapsedTicks = 0
            // A campaign begins when its term is on disk: a disk slower than the timeout must not end each before that.
            if role == .candidate, !persist.hardStateIsDurable { return }
            drawElectionTimeout()
            if isPromotable { campaign() } else { forgetLeader() }
        }
    }

    /// A message has come. What is not for this replica, cannot be true, or is out of date, changes nothing.
    public mutating func step(_ message: Message) {
        guard message.to == id, message.from != id, message.isPlausible,
            message.term.rawValue <= term.rawValue + Term.jumpMax
        else { return }
        if message.term > term {
            guard takesHigherTerm(of: message) else { return }
        } else if message.term < term {
            answerOutdated(message)
            return
        }
        switch message.body {
        case .voteRequest(let request):
            stepVoteRequest(request, from: message.from, term: message.term)
        case .voteResponse(let response):
            stepVoteResponse(response, from: message.from, term: message.term)
        case .appendRequest(let request):
            guard follow(message.from) else { return }
            stepAppendRequest(request)
        case .appendResponse(let response):
            stepAppendResponse(response, from: message.from)
        case .heartbeatRequest(let request):
            guard follow(message.from) else { return }
            stepHeartbeatRequest(request)
            compareMemory(acknowledged: request.commit)
        case .heartbeatResponse(let response):
            stepHeartbeatResponse(response, from: message.from)
        case .snapshotRequest(let request):
            guard follow(message.from) else { return }
            stepSnapshotRequest(request)
        case .snapshotResponse(let response):
            stepSnapshotResponse(response, from: message.from)
        case .readIndexRequest(let context):
            stepReadIndexRequest(context, from: message.from)
        case .readIndexResponse(let context, let index):
            stepReadIndexResponse(context, index: index, from: message.from)
        case .timeoutNow:
            stepTimeoutNow(from: message.from)
        }
    }

    /// Whether a message of a higher term is to be looked at further; takes on its term where it is one that counts.
    private mutating func takesHigherTerm(of message: Message) -> Bool {
        switch message.body {
        case .voteRequest(let request) where request.isPreVote:
            return true
        case .voteResponse(let response) where response.isPreVote && response.granted:
            // In the term of the campaign that is not yet begun.
            return true
        case .voteRequest(let request):
            // A server that hears a leader neither votes nor takes on the term (dissertation, 4.2.3).
            if settings.checkQuorum, !request.isTransfer, hearsLeader { return false }
            becomeFollower(term: message.term, leader: nil)
            return true
        case .appendRequest, .heartbeatRequest, .snapshotRequest:
            becomeFollower(term: message.term, leader: message.from)
            return true
        case .voteResponse, .appendResponse, .heartbeatResponse, .snapshotResponse, .readIndexRequest,
            .readIndexResponse,
            .timeoutNow:
            // One that was removed from the group must not depose its leader.
            guard configuration.contains(message.from) || role != .leader else { return false }
            becomeFollower(term: message.term, leader: nil)
            return true
        }
    }

    /// Tells a sender that is behind what the term is; answers are not answered.
    private mutating func answerOutdated(_ message: Message) {
        switch message.body {
        case .voteRequest(let request):
            send(.voteResponse(VoteResponse(isPreVote: request.isPreVote, granted: false)), to: message.from)
        case .appendRequest(let request):
            send(
                .appendResponse(.rejected(previous: request.previous.index, hint: .zero)),
                to: message.from
            )
        case .heartbeatRequest(let request):
            send(.heartbeatResponse(HeartbeatResponse(round: request.round)), to: message.from)
        case .snapshotRequest(let request):
            send(
                .snapshotResponse(SnapshotResponse(position: request.snapshot.position, outcome: .refused)),
                to: message.from
            )
        case .readIndexRequest(let context):
            send(.readIndexResponse(context: context, index: nil), to: message.from)
        case .voteResponse, .appendResponse, .heartbeatResponse, .snapshotResponse, .readIndexResponse, .timeoutNow:
            break
        }
    }

    /// The sender leads this term.
    /// - Returns: false where another leads it: at most one can (section 5.2), so the sender is faulty.
    private mutating func follow(_ sender: ReplicaID) -> Bool {
        guard role != .leader, leader == nil || leader == sender else { return false }
        if leader == nil || role != .follower { becomeFollower(term: term, leader: sender) }
        electionElapsedTicks = 0
        return true
    }
}
