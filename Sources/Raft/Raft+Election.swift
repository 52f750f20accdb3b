import Wire

// Elections: section 5.2 and 5.4.1 of the paper, pre-vote (dissertation, 9.6), check-quorum (6.2), stickiness (4.2.3).

extension Raft {
    /// Whether a leader of this term was heard within the shortest election timeout. A leader hears itself.
    var hearsLeader: Bool {
        role == .leader || leader != nil && electionElapsedTicks < settings.electionTicksMin
    }

    /// Whether this replica may campaign: nobody holds it back, it has a vote, no snapshot is about to replace its log, and the
    /// log has all that it has acknowledged.
    ///
    /// One whose removal is in its log but not known to be committed campaigns too, though it does not count itself: the
    /// others may need the entries that only it has to make the removal come true (dissertation, 4.2.2). So does one
    /// without a vote that had to refuse a candidate: it counts there, by a change of the membership that did not reach
    /// this log, and the candidate cannot win without it, nor with it.
    var isPromotable: Bool {
        guard !isHeldBack, incomingSnapshot?.isInstalling != true, forgotten == nil, term < .max else { return false }
        return configuration.isVoter(id) || hasRefusedAsOther
            || log.configurationIndex > log.committed && log.mayHaveBeenVoter(id)
    }

    /// Campaigns now, without waiting for the timeout: a group of one at start, and tests.
    public mutating func campaign() {
        guard role != .leader, isPromotable else { return }
        if settings.preVote { askPreVotes() } else { campaignForReal(isTransfer: false) }
    }

    /// Asks whether an election could be won. Term and vote stay as they are.
    private mutating func askPreVotes() {
        leave(to: .preCandidate)
        votes = VoteTally()
        votes.record(id, granted: true)
        guard votes.outcome(in: configuration) != .won else {
            campaignForReal(isTransfer: false)
            return
        }
        requestVotes(isPreVote: true, isTransfer: false, term: Term(term.rawValue + 1))
    }

    /// Begins a term and asks for votes. They leave when the own vote is durable.
    mutating func campaignForReal(isTransfer: Bool) {
        leave(to: .candidate)
        enter(term: Term(term.rawValue + 1), vote: id)
        electionElapsedTicks = 0
        drawElectionTimeout()
        votes = VoteTally()
        votes.record(id, granted: true)
        requestVotes(isPreVote: false, isTransfer: isTransfer, term: term)
    }

    /// Leads, if this candidate has a majority. Its own vote counts once it is durable, like any other: the only voter too
    /// could forget it in a crash, and find another membership in what is left of its log.
    mutating func leadIfElected() {
        guard role == .candidate, persist.hardStateIsDurable, votes.outcome(in: configuration) == .won else { return }
        becomeLeader()
    }

    private mutating func requestVotes(isPreVote: Bool, isTransfer: Bool, term: Term) {
        let request = VoteRequest(isPreVote: isPreVote, last: log.last, isTransfer: isTransfer)
        for member in configuration.members where member.id != id && configuration.isVoter(member.id) {
            send(.voteRequest(request), to: member.id, in: term)
        }
    }

    /// Answers a candidate, or one that would be. Its term is at least the own one.
    mutating func stepVoteRequest(_ request: VoteRequest, from sender: ReplicaID, term asked: Term) {
        // Who has nothing cannot judge a log; nobody counts on its vote either. Nor can who has lost entries and knows only of
        // some: another may be missing that was decided with its acknowledgement.
        let isUpToDate = !isBlank && forgotten == nil && request.last >= log.last
        if !isBlank, !isUpToDate, !configuration.isVoter(id), !hearsLeader { hasRefusedAsOther = true }
        if request.isPreVote {
            // A term that is begun already, or the own one, cannot be won (it would be a term without a campaign).
            let granted = asked > term && isUpToDate && !hearsLeader
            send(
                .voteResponse(VoteResponse(isPreVote: true, granted: granted)),
                to: sender,
                in: granted ? asked : term
            )
            // Nothing changes here: in particular not the time since a leader was heard.
            return
        }
        let isFree = hardState.vote == sender || hardState.vote == nil && leader == nil
        let granted = isFree && isUpToDate
        if granted {
            if hardState.vote != sender {
                hardState.vote = sender
                persist.hardStateChanged()
            }
            electionElapsedTicks = 0
        }
        send(.voteResponse(VoteResponse(isPreVote: false, granted: granted)), to: sender)
    }

    /// A voter has answered.
    mutating func stepVoteResponse(_ response: VoteResponse, from sender: ReplicaID, term answered: Term) {
        switch role {
        case .preCandidate:
            guard response.isPreVote,
                response.granted ? answered.rawValue == term.rawValue + 1 : answered == term
            else { return }
        case .candidate:
            guard !response.isPreVote, answered == term else { return }
        case .follower, .leader:
            return
        }
        votes.record(sender, granted: response.granted)
        switch votes.outcome(in: configuration) {
        case .open:
            break
        case .lost:
            leave(to: .follower)
        case .won:
            if role == .preCandidate { campaignForReal(isTransfer: false) } else { leadIfElected() }
        }
    }

    // MARK: - Roles

    /// Follows in a term, the own or a later one.
    mutating func becomeFollower(term new: Term, leader heard: ReplicaID?) {
        leave(to: .follower)
        if new > term { enter(term: new, vote: nil) }
        leader = heard
        if heard != nil {
            electionElapsedTicks = 0
            hasRefusedAsOther = false
        }
    }

    /// Leads no more, in the same term.
    mutating func stepDown() { leave(to: .follower) }

    /// The leader was not heard for an election timeout, and this replica has no vote to do anything about it.
    mutating func forgetLeader() { leave(to: .follower) }

    /// Leads the term: its first entry is empty, and with it all before it can be committed (section 8).
    mutating func becomeLeader() {
        precondition(role == .candidate && hardState.vote == id, "a candidate becomes the leader")
        leave(to: .leader)
        leader = id
        contradicted = nil
        electionElapsedTicks = 0
        heartbeatElapsedTicks = 0
        uncommittedBytes = log.cost(after: log.committed, through: log.last.index)
        members = MemberTable()
        members.adopt(configuration, next: log.last.index + 1)
        termStart = log.last.index + 1
        appendAsLeader(.noOperation)
        // The first append tells of the new leader too; nobody waits for a heartbeat.
        advanceCommit()
    }

    /// Ends what belongs to the present role, and takes another. The term stays.
    private mutating func leave(to next: Role) {
        if role == .leader {
            for asker in reads.abandon() { answerRead(asker, index: nil) }
            members = MemberTable()
            transfer = nil
            termStart = .max
            round = 0
            electionElapsedTicks = 0
            drawElectionTimeout()
        }
        role = next
        leader = nil
        votes = VoteTally()
        for context in forwardedReads.abandon() { answeredReads.append(ReadState(context: context, index: nil)) }
    }

    /// Takes on a later term. What waits to be said in the old one is not said: an acknowledgement of entries that are
    /// not yet durable must not be heard after a vote for another leader (it would be counted for the old one).
    private mutating func enter(term new: Term, vote: ReplicaID?) {
        precondition(new > hardState.term, "terms grow")
        hardState = HardState(term: new, vote: vote, forgotten: hardState.forgotten)
        persist.hardStateChanged()
        outbox = []
        matched = .zero
        acknowledged = .zero
        isAcknowledgementDue = false
        partAnswers = PartAnswers()
        if incomingSnapshot?.isInstalling != true { incomingSnapshot = nil }
    }
}
