import Testing
import Wire

@testable import Raft

@Suite struct ElectionTests {
    private func ask(
        from: Int,
        term: UInt64,
        last: LogPosition,
        isPreVote: Bool = false,
        isTransfer: Bool = false
    ) -> Message {
        let request = VoteRequest(isPreVote: isPreVote, last: last, isTransfer: isTransfer)
        return Harness.message(from: from, term: term, .voteRequest(request))
    }

    private func heartbeat(from: Int, term: UInt64) -> Message {
        Harness.message(from: from, term: term, .heartbeatRequest(HeartbeatRequest(commit: .zero, round: 1)))
    }

    private func granted(_ messages: [Message]) -> [Bool] {
        messages.compactMap {
            if case .voteResponse(let response) = $0.body { response.granted } else { nil }
        }
    }

    @Test(arguments: [1, 2, 3, 5, 7]) func aGroupElectsOneLeaderThatCommits(_ count: Int) {
        var group = Group(count)
        let leader = group.elect()
        group.propose([1], [2])
        group.tick(10)
        for node in group.nodes {
            #expect(node.raft.leader == Group.id(leader))
            #expect(node.machine.commands == [[1], [2]])
        }
        #expect(group[leader].raft.term == Term(1))
    }

    @Test func timeoutsAreRandomWithinTheirRange() {
        var seen: Set<Int> = []
        for seed in 0..<200 {
            let snapshot = SnapshotDescription(
                position: .zero,
                configuration: Configuration(
                    members: [1, 2].map { Group.member(Group.id($0)) },
                    voters: [1, 2].map(Group.id)
                ),
                bytes: 0
            )
            var raft = Raft(
                id: Group.id(1),
                settings: RaftSettings(),
                restored: RestoredState(hardState: .initial, snapshot: snapshot, entries: []),
                seed: UInt64(seed)
            )
            var ticks = 0
            while raft.role == .follower {
                raft.tick()
                ticks += 1
            }
            seen.insert(ticks)
        }
        #expect(seen.min()! >= 15 && seen.max()! <= 30)
        #expect(seen.count > 10)
    }

    // MARK: - Votes

    /// redpanda#19: two candidates in one term.
    @Test func oneVoteATermEvenAfterSteppingDown() {
        var one = Harness(terms: [1])
        #expect(granted(one.settle(ask(from: 2, term: 2, last: Harness.position(1, 1)))) == [true])
        #expect(granted(one.settle(ask(from: 3, term: 2, last: Harness.position(1, 9)))) == [false])
        #expect(granted(one.settle(ask(from: 2, term: 2, last: Harness.position(1, 1)))) == [true])

        var candidate = Harness(terms: [1])
        candidate.raftCampaigns()
        // It has voted for itself in term 2, and follows nobody there yet.
        #expect(granted(candidate.settle(ask(from: 2, term: 2, last: Harness.position(1, 9)))) == [false])
        _ = candidate.settle(heartbeat(from: 3, term: 2))
        #expect(candidate.raft.role == .follower)
        #expect(candidate.raft.vote == Group.id(1))
        #expect(granted(candidate.settle(ask(from: 2, term: 2, last: Harness.position(1, 9)))) == [false])
    }

    @Test func aVoteSurvivesARestart() {
        var one = Harness(terms: [1], term: 2, vote: 2)
        #expect(granted(one.settle(ask(from: 3, term: 2, last: Harness.position(1, 5)))) == [false])
        #expect(granted(one.settle(ask(from: 2, term: 2, last: Harness.position(1, 5)))) == [true])
    }

    @Test(arguments: [
        ((1, 3), false), ((2, 1), false), ((2, 2), true), ((2, 3), true), ((3, 1), true),
    ]) func aVoteIsForALogThatIsAtLeastAsUpToDate(_ last: (UInt64, UInt64), _ expected: Bool) {
        var one = Harness(terms: [1, 2])
        #expect(granted(one.settle(ask(from: 2, term: 5, last: Harness.position(last.0, last.1)))) == [expected])
        #expect(one.raft.term == Term(5))
    }

    @Test func nothingIsSaidBeforeTermAndVoteAreDurable() {
        var one = Harness(terms: [1])
        let output = one.step(ask(from: 2, term: 2, last: Harness.position(1, 1)))
        #expect(output.messages.isEmpty)
        #expect(output.persist?.hardState == HardState(term: Term(2), vote: Group.id(2)))
        #expect(granted(one.write().messages) == [true])
    }

    @Test func aCandidateAsksWhenItsOwnVoteIsDurable() {
        var settings = RaftSettings()
        settings.preVote = false
        var one = Harness(terms: [1], settings: settings)
        let output = one.act { $0.campaign() }
        #expect(output.messages.isEmpty)
        #expect(output.persist?.hardState == HardState(term: Term(2), vote: Group.id(1)))
        #expect(one.write().messages.map(\.to) == [Group.id(2), Group.id(3)])
    }

    /// Else it could lead a term, forget in a crash that it had begun, and vote in it for another.
    @Test func theOnlyVoterLeadsWhenItsVoteIsDurable() {
        var lone = Harness(voters: 1)
        _ = lone.act { $0.campaign() }
        #expect(lone.raft.role == .candidate)
        #expect(lone.raft.lastPosition == .zero)
        _ = lone.write()
        #expect(lone.raft.role == .leader)
        #expect(lone.raft.lastPosition == Harness.position(1, 1))
    }

    @Test func whoIsHeldBackVotesAndDoesNotCampaign() {
        var lone = Harness(voters: 1)
        _ = lone.act { $0.isHeldBack = true }
        _ = lone.act { $0.campaign() }
        for _ in 0..<500 { _ = lone.act { $0.tick() } }
        #expect(lone.raft.role == .follower)
        var one = Harness(terms: [1])
        _ = one.act { $0.isHeldBack = true }
        _ = one.step(ask(from: 2, term: 2, last: Harness.position(1, 1)))
        #expect(granted(one.write().messages) == [true])
        _ = lone.act { $0.isHeldBack = false }
        _ = lone.act { $0.campaign() }
        _ = lone.write()
        #expect(lone.raft.role == .leader)
    }

    @Test func aDiskSlowerThanTheTimeoutDoesNotEndACampaignBeforeItBegan() {
        var lone = Harness(voters: 1)
        _ = lone.act { $0.campaign() }
        for _ in 0..<500 { _ = lone.act { $0.tick() } }
        #expect(lone.raft.term == Term(1))
        _ = lone.write()
        #expect(lone.raft.role == .leader)
    }

    @Test func whatIsHeldForTheDiskIsBounded() {
        var settings = RaftSettings()
        settings.heldMessagesMax = 10
        var one = Harness(terms: [1], settings: settings)
        for _ in 0..<100 { _ = one.step(heartbeat(from: 2, term: 2)) }
        #expect(one.write().messages.count == 10)
        #expect(one.settle(heartbeat(from: 2, term: 2)).count == 1)
    }

    @Test func anAnswerOfAnEarlierTermIsNotSaidInALaterOne() {
        var one = Harness(terms: [1])
        _ = one.step(ask(from: 2, term: 2, last: Harness.position(1, 1)))
        _ = one.step(ask(from: 3, term: 3, last: Harness.position(1, 1)))
        let messages = one.settle() + one.write().messages
        #expect(messages.map(\.to) == [Group.id(3)])
        #expect(messages.map(\.term) == [Term(3)])
    }

    // MARK: - Pre-vote

    @Test func aPreVoteChangesNothing() {
        var one = Harness(terms: [1])
        let output = one.step(ask(from: 2, term: 2, last: Harness.position(1, 1), isPreVote: true))
        #expect(granted(output.messages) == [true])
        #expect(output.messages.first?.term == Term(2))
        #expect(output.persist == nil)
        #expect(one.raft.term == Term(1))
        #expect(one.raft.vote == nil)
    }

    @Test func aPreVoteIsRefusedWhileALeaderIsHeard() {
        var one = Harness(terms: [1])
        _ = one.settle(heartbeat(from: 2, term: 1))
        let question = ask(from: 3, term: 2, last: Harness.position(1, 9), isPreVote: true)
        #expect(granted(one.settle(question)) == [false])
        for _ in 0..<14 { _ = one.act { $0.tick() } }
        #expect(granted(one.settle(question)) == [false])
        _ = one.act { $0.tick() }
        // An election timeout without the leader, and it may have begun its own campaign.
        #expect(granted(one.settle(question)).last == true)
    }

    /// hashicorp/raft#609: granting a pre-vote must not count as having heard the leader.
    @Test func aFloodOfPreVotesKeepsNobodyFromElecting() {
        var group = Group(3)
        group.elect(1)
        group.crash(1)
        for _ in 0..<60 {
            group.tick()
            for number in 2...3 {
                group.deliver(
                    Message(
                        from: Group.id(1),
                        to: Group.id(number),
                        term: Term(50),
                        body: .voteRequest(
                            VoteRequest(isPreVote: true, last: Harness.position(40, 40), isTransfer: false)
                        )
                    )
                )
            }
        }
        #expect(group.leader != nil && group.leader != 1)
    }

    /// A node that comes back after a long time alone deposes nobody.
    @Test func oneThatWasAloneDoesNotDisturb() {
        var group = Group(3)
        group.elect(1)
        group.isolate(3)
        group.tick(300)
        #expect(group[3].raft.term == Term(1))
        group.heal()
        group.tick(100)
        #expect(group.leader == 1)
        #expect(group[3].raft.leader == Group.id(1))
        #expect(group[1].raft.term == Term(1))
    }

    /// Five nodes, two of which cannot hear each other: one leader, and no election after the first.
    @Test func twoOfFiveThatCannotHearEachOtherSettle() {
        for (one, other) in [(1, 2), (4, 5)] {
            var group = Group(5)
            group.cut(one, other)
            group.tick(300)
            let leader = group.leader
            let term = group[leader!].raft.term
            group.tick(2_000)
            #expect(group.leader == leader)
            #expect(group[leader!].raft.term == term)
        }
        // The leader is one of the two.
        var group = Group(5)
        group.elect(1)
        group.cut(1, 2)
        group.tick(2_000)
        #expect(group.leader == 1)
        #expect(group[1].raft.term == Term(1))
        #expect(group[2].raft.term == Term(1))
    }

    @Test func oneThatHearsNothingButIsHeardDeposesNobody() {
        var group = Group(3)
        group.elect(1)
        group.cut(from: 1, to: 3)
        group.cut(from: 2, to: 3)
        group.tick(1_000)
        #expect(group.leader == 1)
        #expect(group[1].raft.term == Term(1))
    }

    @Test func withoutPreVoteAndStickinessItWouldDepose() {
        var group = Group(3) {
            $0.preVote = false
            $0.checkQuorum = false
        }
        group.elect(1)
        group.cut(from: 1, to: 3)
        group.cut(from: 2, to: 3)
        group.tick(100)
        #expect(group.nodes.map(\.raft.term).max()! > Term(1))
    }

    // MARK: - Check-quorum and stickiness

    @Test func aLeaderThatNobodyAnswersStepsDown() {
        var group = Group(3)
        group.elect(1)
        group.isolate(1)
        group.tick(31)
        #expect(group[1].raft.role != .leader)
        #expect(group[1].raft.leader == nil)
    }

    /// It is heard, and hears nobody: only check-quorum ends that.
    @Test func aLeaderThatIsHeardAndHearsNobodyGivesWay() {
        var group = Group(3)
        group.elect(1)
        group.cut(from: 2, to: 1)
        group.cut(from: 3, to: 1)
        group.tick(200)
        #expect(group.leader == 2 || group.leader == 3)
        group.propose([7])
        #expect(group[2].machine.commands == [[7]])
    }

    @Test func whoHearsALeaderNeitherVotesNorTakesOnTheTerm() {
        var one = Harness(terms: [1])
        _ = one.settle(heartbeat(from: 2, term: 1))
        #expect(one.settle(ask(from: 3, term: 9, last: Harness.position(8, 8))).isEmpty)
        #expect(one.raft.term == Term(1))
        #expect(granted(one.settle(ask(from: 3, term: 9, last: Harness.position(8, 8), isTransfer: true))) == [true])
        #expect(one.raft.term == Term(9))
    }

    // MARK: - Terms

    @Test func anOlderTermIsToldTheNewerOne() {
        var one = Harness(terms: [3])
        for body: Message.Body in [
            .voteRequest(VoteRequest(isPreVote: false, last: .zero, isTransfer: true)),
            .voteRequest(VoteRequest(isPreVote: true, last: .zero, isTransfer: false)),
            .appendRequest(AppendRequest(previous: .zero, entries: [], commit: .zero)),
            .heartbeatRequest(HeartbeatRequest(commit: .zero, round: 1)),
            .readIndexRequest(context: 1),
        ] {
            let answers = one.settle(Harness.message(from: 2, term: 2, body))
            #expect(answers.map(\.term) == [Term(3)])
        }
        for body: Message.Body in [
            .voteResponse(VoteResponse(isPreVote: false, granted: true)),
            .appendResponse(.accepted(through: LogIndex(1))),
            .heartbeatResponse(HeartbeatResponse(round: 1)),
            .readIndexResponse(context: 1, index: nil),
            .timeoutNow,
        ] {
            #expect(one.settle(Harness.message(from: 2, term: 2, body)).isEmpty)
        }
        #expect(one.raft.term == Term(3))
        #expect(one.raft.role == .follower)
    }

    @Test func aTermFromFarAheadIsAFaultyPeers() {
        var one = Harness(terms: [3])
        for term: UInt64 in [.max, .max - 1, 1 << 63, (1 << 62) + 1, 4 + Term.jumpMax] {
            _ = one.settle(heartbeat(from: 2, term: term))
            _ = one.settle(ask(from: 2, term: term, last: .zero))
            _ = one.settle(ask(from: 2, term: term, last: .zero, isPreVote: true))
            #expect(one.raft.term == Term(3))
        }
        _ = one.settle(heartbeat(from: 2, term: 3 + Term.jumpMax))
        #expect(one.raft.term == Term(3 + Term.jumpMax))
    }

    @Test func whoIsNoVoterDoesNotCampaign() {
        var group = Group(3, learners: 1)
        group.elect(1)
        group.isolate(3)
        group.tick(200)
        #expect(group[3].raft.role == .follower)
        #expect(group[3].raft.leader == nil)
        group[3].act { $0.campaign() }
        #expect(group[3].raft.role == .follower)
    }

    @Test func anotherReplicasMessagesAreNotTaken() {
        var one = Harness(terms: [1])
        var message = heartbeat(from: 2, term: 5)
        message.to = Group.id(7)
        #expect(one.settle(message).isEmpty)
        message.to = Group.id(1)
        message.from = Group.id(1)
        #expect(one.settle(message).isEmpty)
        #expect(one.raft.term == Term(1))
    }

    @Test func aSecondLeaderOfATermIsNotFollowed() {
        var one = Harness(terms: [1])
        _ = one.settle(heartbeat(from: 2, term: 2))
        #expect(one.settle(heartbeat(from: 3, term: 2)).isEmpty)
        #expect(one.settle(Harness.append(from: 3, term: 2, after: Harness.position(1, 1), terms: [2])).isEmpty)
        #expect(one.raft.leader == Group.id(2))
        #expect(one.terms == [1])

        var leader = Harness(terms: [1])
        _ = leader.lead()
        #expect(leader.settle(heartbeat(from: 3, term: 2)).isEmpty)
        #expect(leader.raft.role == .leader)
    }
}

extension Harness {
    /// Begins a real campaign: asks, is told yes by 2, and has its own vote on disk.
    fileprivate mutating func raftCampaigns() {
        _ = act { $0.campaign() }
        let yes = VoteResponse(isPreVote: true, granted: true)
        _ = settle(Harness.message(from: 2, term: raft.term.rawValue + 1, .voteResponse(yes)))
        precondition(raft.role == .candidate, "not a candidate")
    }
}
