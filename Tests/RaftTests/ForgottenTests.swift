import Testing
import Wire

@testable import Raft

/// A disk that has lost what its replica acknowledged.
@Suite struct ForgottenTests {
    private func heartbeat(term: UInt64, commit: UInt64) -> Message {
        let request = HeartbeatRequest(commit: LogIndex(commit), round: 1)
        return Harness.message(from: 2, term: term, .heartbeatRequest(request))
    }

    /// Whether it would vote for a candidate of the term with such a log. Transfers bypass stickiness.
    private func votes(_ harness: Harness, term: UInt64, last: LogPosition) -> Bool {
        var harness = harness
        let request = VoteRequest(isPreVote: false, last: last, isTransfer: true)
        return harness.settle(Harness.message(from: 3, term: term, .voteRequest(request))).contains {
            if case .voteResponse(let response) = $0.body { response.granted } else { false }
        }
    }

    @Test func aHeartbeatThatNamesMoreThanTheLogHasIsTheProof() {
        var follower = Harness(terms: [1, 1, 1])
        _ = follower.settle(heartbeat(term: 1, commit: 3))
        #expect(follower.raft.forgotten == nil)
        _ = follower.settle(heartbeat(term: 1, commit: 5))
        #expect(follower.raft.forgotten == Harness.position(1, 5))
        _ = follower.settle(heartbeat(term: 1, commit: 4))
        #expect(follower.raft.forgotten == Harness.position(1, 5), "it knows the most of it")
    }

    @Test func whoHasForgottenVotesForNobodyAndDoesNotCampaign() {
        var follower = Harness(terms: [1, 1, 1])
        #expect(votes(follower, term: 2, last: Harness.position(1, 3)))
        _ = follower.settle(heartbeat(term: 1, commit: 5))
        #expect(!votes(follower, term: 2, last: Harness.position(1, 4)))
        #expect(!votes(follower, term: 2, last: Harness.position(1, 5)), "it may have acknowledged more")
        #expect(!votes(follower, term: 3, last: Harness.position(2, 9)))
        _ = follower.act { $0.campaign() }
        #expect(follower.raft.role == .follower)
        for _ in 0..<1_000 { _ = follower.act { $0.tick() } }
        #expect(follower.raft.role == .follower)
    }

    /// Somebody else's disk had lost them, and was counted for another leader.
    @Test func whoHasKeptWhatWasCommittedSeesThatTheLeaderContradictsIt() {
        var follower = Harness(terms: [1, 1, 1])
        _ = follower.settle(heartbeat(term: 1, commit: 3))
        _ = follower.settle(Harness.append(term: 1, after: Harness.position(1, 3), terms: [], commit: 3))
        #expect(follower.raft.commitIndex == LogIndex(3))
        _ = follower.settle(Harness.append(term: 2, after: Harness.position(1, 1), terms: [2]))
        #expect(follower.raft.contradicted == Harness.position(2, 2))
        #expect(follower.raft.lastPosition == Harness.position(1, 3), "it keeps what it has")
        // A leader that has it.
        _ = follower.settle(Harness.append(term: 3, after: Harness.position(1, 3), terms: [3]))
        #expect(follower.raft.contradicted == nil)
        #expect(follower.raft.lastPosition == Harness.position(3, 4))
    }

    @Test func itIsOverOnceTheLogHasIt() {
        var follower = Harness(terms: [1, 1, 1])
        _ = follower.settle(heartbeat(term: 1, commit: 5))
        _ = follower.settle(Harness.append(term: 2, after: Harness.position(1, 3), terms: [1]))
        _ = follower.settle(heartbeat(term: 2, commit: 4))
        #expect(follower.raft.forgotten == Harness.position(1, 5))
        _ = follower.step(Harness.append(term: 2, after: Harness.position(1, 4), terms: [1, 2]))
        _ = follower.step(heartbeat(term: 2, commit: 4))
        #expect(follower.raft.forgotten != nil, "it is not on the disk yet")
        _ = follower.write()
        _ = follower.settle(heartbeat(term: 2, commit: 6))
        #expect(follower.raft.forgotten == nil)
        _ = follower.act { $0.campaign() }
        #expect(follower.raft.role != .follower)
    }

    @Test func aRestartDoesNotForgetItAsWell() throws {
        var follower = Harness(terms: [1, 1, 1])
        let output = follower.step(heartbeat(term: 1, commit: 5))
        #expect(output.messages.isEmpty, "nothing is said before it is on the disk")
        let written = try #require(output.persist?.hardState)
        #expect(written == HardState(term: Term(1), vote: nil, forgotten: Harness.position(1, 5)))
        var again = Harness(terms: [1, 1, 1], forgotten: written.forgotten)
        for _ in 0..<1_000 { _ = again.act { $0.tick() } }
        #expect(again.raft.role == .follower)
        #expect(!votes(again, term: 2, last: Harness.position(1, 9)))
        _ = again.step(Harness.append(term: 1, after: Harness.position(1, 3), terms: [1, 1]))
        let over = again.write()
        #expect(over.persist?.hardState == HardState(term: Term(1), vote: nil))
        _ = again.write()
        #expect(votes(again, term: 2, last: Harness.position(1, 5)))
    }

    /// The leader that gives the entries back may be gone before it says how much of them is decided.
    @Test func itIsOverOnceTheDiskHasItWithoutAnotherWordOfTheLeader() {
        var follower = Harness(terms: [1, 1, 1])
        _ = follower.settle(heartbeat(term: 1, commit: 5))
        _ = follower.step(Harness.append(term: 2, after: Harness.position(1, 3), terms: [1, 1]))
        #expect(follower.raft.forgotten == Harness.position(1, 5))
        _ = follower.write()
        #expect(follower.raft.forgotten == nil)
    }

    @Test func aLogOfALaterTermHasItAfterARestart() {
        let lost = Harness.position(2, 4)
        let other = Harness(terms: [1, 1, 1, 1], term: 2, forgotten: lost)
        #expect(other.raft.forgotten == lost, "its entries may be of another leader")
        #expect(Harness(terms: [1, 1, 2], forgotten: lost).raft.forgotten == lost)
        #expect(Harness(terms: [1, 1, 1, 2], term: 7, forgotten: lost).raft.forgotten == nil)
        #expect(Harness(terms: [1, 1, 1, 3], term: 7, forgotten: lost).raft.forgotten == nil)
    }

    @Test func whatWasLostTwiceIsTheMostOfBoth() {
        var follower = Harness(terms: [1, 1, 1], forgotten: Harness.position(1, 9))
        _ = follower.settle(heartbeat(term: 3, commit: 5))
        #expect(follower.raft.forgotten == Harness.position(3, 9))
    }

    /// It would say the same again, and be asked again, as fast as messages go.
    @Test func aLeaderDoesNotAskAtOnceAgainForWhatWasAcknowledged() {
        var leader = Harness()
        _ = leader.lead()
        _ = leader.accept(from: 2, through: 1)
        _ = leader.settle(heartbeatAnswer(2))
        _ = leader.act { _ = try? $0.propose([[1], [2]]) }
        _ = leader.settle()
        _ = leader.accept(from: 2, through: 3)
        _ = leader.act { _ = try? $0.propose([[3]]) }
        _ = leader.settle()
        // Its log ends with the first entry now.
        let probe = leader.settle(reject(previous: 4)).compactMap(\.append)
        #expect(probe.map(\.previous.index) == [LogIndex(3)])
        for denials in 1...3 {
            #expect(leader.settle(reject(previous: 3)).compactMap(\.append).isEmpty)
            #expect(leader.raft.progress[1].progress.denials == denials)
        }
        var asked = 0
        for _ in 0..<RaftSettings().retryTicks {
            leader.tick()
            let sent = leader.settle(heartbeatAnswer(leader.round)).compactMap(\.append)
            asked += sent.count { $0.previous.index == LogIndex(3) }
        }
        #expect(asked == 1, "it is asked again, after a pause")
        _ = leader.accept(from: 2, through: 4)
        #expect(leader.raft.progress[1].progress.denials == 0)
        #expect(leader.raft.progress[1].progress.match == LogIndex(4))
    }

    @Test func aLeaderDoesNotDecideByWhatAMemberSaysItLacks() {
        var leader = Harness()
        _ = leader.lead()
        _ = leader.accept(from: 2, through: 1)
        _ = leader.accept(from: 3, through: 1)
        _ = leader.act { _ = try? $0.propose([[1]]) }
        _ = leader.step(accepted(from: 2, through: 2))
        _ = leader.act { _ = try? $0.propose([[2]]) }
        // Its log ends with the first entry now, and the own disk is slow.
        _ = leader.step(reject(previous: 3))
        _ = leader.step(reject(previous: 2))
        #expect(leader.raft.progress[1].progress.denials == 1)
        _ = leader.write()
        #expect(leader.raft.commitIndex == LogIndex(1))
        _ = leader.step(accepted(from: 3, through: 2))
        #expect(leader.raft.commitIndex == LogIndex(2), "the own disk and another one")
    }

    private func accepted(from: Int, through index: UInt64) -> Message {
        Harness.message(from: from, term: 1, .appendResponse(.accepted(through: LogIndex(index))))
    }

    private func reject(previous: UInt64) -> Message {
        let hint = Harness.position(1, 1)
        return Harness.message(from: 2, term: 1, .appendResponse(.rejected(previous: LogIndex(previous), hint: hint)))
    }

    private func heartbeatAnswer(_ round: UInt64) -> Message {
        Harness.message(from: 2, term: 1, .heartbeatResponse(HeartbeatResponse(round: round)))
    }
}

extension Harness {
    /// The last heartbeat round that it began.
    fileprivate var round: UInt64 { raft.round }

    fileprivate mutating func tick() { _ = act { $0.tick() } }
}
