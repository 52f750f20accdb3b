import Testing
import Wire

@testable import Raft

/// A leader's side of AppendEntries.
@Suite struct ReplicationTests {
    private func reject(from: Int, term: UInt64, previous: UInt64, hint: LogPosition) -> Message {
        Harness.message(from: from, term: term, .appendResponse(.rejected(previous: LogIndex(previous), hint: hint)))
    }

    private func propose(_ harness: inout Harness, _ count: Int) -> RaftOutput {
        harness.act { raft in
            _ = try? raft.propose((0..<count).map { [UInt8($0)] })
        }
    }

    private func appends(_ messages: [Message], to number: Int) -> [AppendRequest] {
        messages.filter { $0.to == Group.id(number) }.compactMap(\.append)
    }

    @Test func aLeaderBeginsWithAnEmptyEntry() {
        var leader = Harness(terms: [1, 1])
        let sent = appends(leader.lead(), to: 2)
        #expect(sent.count == 1)
        #expect(sent.first?.previous == Harness.position(1, 2))
        #expect(sent.first?.entries == [Entry(position: Harness.position(2, 3), payload: .noOperation)])
    }

    /// Dissertation, 10.2.1: the leader's own write and its followers' go side by side.
    @Test func aLeaderSendsBeforeItHasWritten() {
        var leader = Harness()
        _ = leader.lead()
        _ = leader.accept(from: 2, through: 1)
        let output = propose(&leader, 2)
        #expect(output.persist?.entries.count == 2)
        #expect(appends(output.messages, to: 2).first?.entries.count == 2)
        // Two of three have it: the follower and this one, when its disk says so.
        _ = leader.act {
            $0.step(Harness.message(from: 2, term: 1, .appendResponse(.accepted(through: LogIndex(3)))))
        }
        #expect(leader.raft.commitIndex == LogIndex(1))
        _ = leader.write()
        #expect(leader.raft.commitIndex == LogIndex(3))
    }

    @Test func twoFollowersCommitWithoutTheLeadersDisk() {
        var leader = Harness()
        _ = leader.lead()
        _ = leader.accept(from: 2, through: 1)
        _ = leader.accept(from: 3, through: 1)
        _ = propose(&leader, 1)
        for number in 2...3 {
            _ = leader.act {
                $0.step(Harness.message(from: number, term: 1, .appendResponse(.accepted(through: LogIndex(2)))))
            }
        }
        #expect(leader.raft.commitIndex == LogIndex(2))
        #expect(leader.raft.durableIndex == LogIndex(1))
        // It applies what it has itself.
        #expect(leader.raft.appliedIndex == LogIndex(1))
    }

    /// etcd#14370: a lone node must not acknowledge what its disk does not have.
    @Test func aLoneLeaderCommitsWhatIsDurable() {
        var lone = Harness(voters: 1)
        let output = lone.act { $0.campaign() }
        #expect(output.apply.isEmpty)
        #expect(lone.raft.role == .candidate)
        _ = lone.write()
        #expect(lone.raft.role == .leader)
        #expect(lone.raft.commitIndex == .zero)
        _ = lone.write()
        #expect(lone.raft.commitIndex == LogIndex(1))
        _ = propose(&lone, 1)
        #expect(lone.raft.commitIndex == LogIndex(1))
        _ = lone.write()
        #expect(lone.raft.commitIndex == LogIndex(2))
    }

    /// Nothing of a term may be elsewhere before the term is on the own disk: it could be led twice.
    @Test func aLoneVoterSendsNothingToItsLearnersBeforeItsTermIsDurable() {
        var group = Group(2, learners: 1)
        group[1].isDiskSlow = true
        group[1].act { $0.campaign() }
        #expect(group.intercept().isEmpty)
        group[1].write()
        #expect(group[1].raft.role == .leader)
        group.settle()
        #expect(group[2].raft.lastPosition == Harness.position(1, 1))
    }

    /// logcabin#44, figure 8 of the paper.
    @Test func anEntryOfAnEarlierTermIsNotCommittedByCounting() {
        var leader = Harness(terms: [1, 2], term: 3)
        _ = leader.lead()
        #expect(leader.raft.term == Term(4))
        _ = leader.settle(reject(from: 2, term: 4, previous: 2, hint: Harness.position(1, 1)))
        _ = leader.accept(from: 2, through: 2)
        #expect(leader.raft.commitIndex == .zero)
        _ = leader.accept(from: 2, through: 3)
        #expect(leader.raft.commitIndex == LogIndex(3))
    }

    // MARK: - Where logs agree

    @Test func aRejectionIsAnsweredFromTheHint() {
        var leader = Harness(terms: [1, 1, 2, 2, 3, 3])
        _ = leader.lead()
        // The follower's last term at or below is 1, up to index 4; the leader's last entry of term 1 is at 2.
        let sent = leader.settle(reject(from: 2, term: 4, previous: 6, hint: Harness.position(1, 4)))
        #expect(appends(sent, to: 2).map(\.previous) == [Harness.position(1, 2)])
    }

    @Test func aStaleRejectionChangesNothing() {
        var leader = Harness(terms: [1, 1])
        _ = leader.lead()
        _ = leader.accept(from: 2, through: 3)
        for previous: UInt64 in [0, 1, 2, 3, 9, .max >> 2] {
            #expect(leader.settle(reject(from: 2, term: 2, previous: previous, hint: .zero)).isEmpty)
        }
        #expect(leader.raft.progress[1].progress.match == LogIndex(3))
        #expect(leader.raft.progress[1].progress.state == .replicate)
    }

    @Test func aRepeatedRejectionIsAnsweredOnce() {
        var leader = Harness(terms: [1, 1, 1, 1])
        _ = leader.lead()
        let rejection = reject(from: 2, term: 2, previous: 4, hint: Harness.position(1, 2))
        #expect(appends(leader.settle(rejection), to: 2).count == 1)
        #expect(leader.settle(rejection).isEmpty)
    }

    /// A response to what was never sent is not believed.
    @Test func whatWasNeverSentIsNotAcknowledged() {
        var leader = Harness(terms: [1])
        _ = leader.lead()
        for index: UInt64 in [3, 1_000, 1 << 62, .max] {
            _ = leader.settle(
                Harness.message(from: 2, term: 2, .appendResponse(.accepted(through: LogIndex(index))))
            )
        }
        #expect(leader.raft.commitIndex == .zero)
        #expect(leader.raft.progress[1].progress.match == .zero)
        _ = leader.accept(from: 9, through: 2)
        #expect(leader.raft.commitIndex == .zero)
    }

    /// openraft cecb5de8: an acknowledgement of an earlier term says nothing about this one.
    @Test func anAcknowledgementOfAnEarlierTermIsNotBelieved() {
        var leader = Harness(terms: [1, 1])
        _ = leader.lead()
        _ = leader.settle(Harness.message(from: 2, term: 1, .appendResponse(.accepted(through: LogIndex(3)))))
        #expect(leader.raft.commitIndex == .zero)
    }

    // MARK: - Batches and windows

    @Test func appendsAreGatheredWhenTheOutputIsTaken() {
        var leader = Harness()
        _ = leader.lead()
        _ = leader.accept(from: 2, through: 1)
        let output = leader.act { raft in
            for number in 0..<10 { _ = try? raft.propose([[UInt8(number)]]) }
        }
        #expect(appends(output.messages, to: 2).map(\.entries.count) == [10])
        #expect(output.persist?.entries.count == 10)
    }

    @Test func aProbedFollowerIsSentOneMessage() {
        var leader = Harness()
        _ = leader.lead()
        #expect(appends(propose(&leader, 3).messages, to: 2).isEmpty)
        let sent = leader.accept(from: 2, through: 1)
        #expect(appends(sent, to: 2).map(\.entries.count) == [3])
        #expect(leader.raft.progress[1].progress.state == .replicate)
    }

    @Test func theWindowHoldsMessagesBack() {
        var settings = RaftSettings()
        settings.appendEntriesMax = 2
        settings.inflightMessagesMax = 3
        var leader = Harness(settings: settings)
        _ = leader.lead()
        _ = leader.accept(from: 2, through: 1)
        #expect(appends(propose(&leader, 20).messages, to: 2).map(\.entries.count) == [2, 2, 2])
        #expect(appends(leader.accept(from: 2, through: 5), to: 2).filter { !$0.entries.isEmpty }.count == 2)
    }

    @Test func theMembersLearnOfACommitAtOnce() {
        var group = Group(3)
        group.elect(1)
        group.propose([1])
        #expect(group.nodes.map(\.raft.commitIndex) == [LogIndex(2), LogIndex(2), LogIndex(2)])
    }

    @Test func aQuietGroupSendsHeartbeatsOnly() {
        var group = Group(5, learners: 1)
        group.elect(1)
        group.propose([1], [2])
        group.tick(20)
        let before = group.sent.count
        group.tick(100)
        let sent = group.sent[before...]
        #expect(sent.count == 100 / 5 * 4 * 2)
        for message in sent {
            switch message.body {
            case .heartbeatRequest, .heartbeatResponse: break
            default: Issue.record("\(message.body)")
            }
        }
    }

    @Test func aDeadMemberIsSentHeartbeatsOnly() {
        var group = Group(3)
        group.elect(1)
        group.crash(3)
        group.propose([1])
        let before = group.sent.count
        group.tick(100)
        for message in group.sent[before...] where message.to == Group.id(3) {
            guard case .heartbeatRequest = message.body else {
                Issue.record("\(message.body)")
                continue
            }
        }
        group.restart(3)
        group.tick(30)
        #expect(group[3].machine == group[1].machine)
    }

    @Test func aLostAppendIsFoundAndSentAgain() {
        var group = Group(3)
        group.elect(1)
        group.isDelivered = { !($0.to == Group.id(3) && $0.append != nil) }
        group.propose([1])
        #expect(group[3].machine.commands.isEmpty)
        group.isDelivered = { _ in true }
        group.tick(30)
        #expect(group[3].machine.commands == [[1]])
    }

    @Test func lostAcknowledgementsAreAskedForWithoutSendingAgain() {
        var group = Group(3)
        group.elect(1)
        group.isDelivered = {
            if case .appendResponse = $0.body { $0.from != Group.id(3) } else { true }
        }
        group.propose([1], [2], [3])
        group.isDelivered = { _ in true }
        let before = group.sent.count
        group.tick(30)
        #expect(group[1].raft.progress[2].progress.match == group[1].raft.lastPosition.index)
        #expect(!group.sent[before...].contains { $0.append?.entries.isEmpty == false })
    }

    // MARK: - Bounds

    @Test func aLeaderWithoutAQuorumRefusesWhatItCannotHold() throws {
        var settings = RaftSettings()
        settings.uncommittedBytesMax = 1_000
        var leader = Harness(settings: settings)
        _ = leader.lead()
        _ = leader.accept(from: 2, through: 1)
        var taken = 0
        while taken < 1_000 {
            let output = propose(&leader, 1)
            if output.persist == nil { break }
            _ = leader.write()
            taken += 1
        }
        #expect(taken > 10 && taken < 100)
        var raft = leader.raft
        #expect(throws: ProposalRefusal.tooMuchWaiting) { try raft.propose([[1]]) }
        _ = leader.accept(from: 2, through: leader.raft.lastPosition.index.rawValue)
        #expect(leader.raft.commitIndex == leader.raft.lastPosition.index)
        #expect(propose(&leader, 1).persist != nil)
        #expect(leader.raft.uncommittedBytes > 0)
    }

    @Test func aLeaderWhoseDiskIsBehindRefuses() {
        var settings = RaftSettings()
        settings.unpersistedBytesMax = 100
        var leader = Harness(settings: settings)
        _ = leader.lead()
        for _ in 0..<10 { _ = propose(&leader, 1) }
        #expect(leader.raft.lastPosition.index.rawValue < 8)
        _ = leader.write()
        #expect(propose(&leader, 1).persist != nil)
    }

    @Test func whatIsHandedOutToBeAppliedIsBounded() {
        var settings = RaftSettings()
        settings.unappliedBytesMax = 60
        var lone = Harness(voters: 1, settings: settings)
        _ = lone.act { $0.campaign() }
        _ = lone.write()
        _ = lone.write()
        lone.applyAll()
        _ = propose(&lone, 10)
        var output = lone.write()
        var steps = 0
        while case .entries(let entries)? = output.apply.first {
            #expect(entries.count <= 2)
            #expect(lone.take().apply.isEmpty)
            output = lone.act { $0.applied(through: entries[entries.count - 1].position.index) }
            steps += 1
        }
        #expect(steps >= 5)
        #expect(lone.raft.appliedIndex == lone.raft.lastPosition.index)
    }

    @Test func aCommandThatIsTooLongIsNeverTaken() {
        var leader = Harness()
        _ = leader.lead()
        var raft = leader.raft
        #expect(throws: ProposalRefusal.commandTooLong) {
            try raft.propose([[1], Array(repeating: 0, count: Entry.commandBytesMax + 1)])
        }
        #expect(raft.lastPosition.index == LogIndex(1))
    }

    @Test func onlyALeaderTakesProposals() {
        var raft = Harness(terms: [1]).raft
        #expect(throws: ProposalRefusal.notLeader(nil)) { try raft.propose([[1]]) }
        raft.step(Harness.append(from: 3, term: 1, after: Harness.position(1, 1)))
        #expect(throws: ProposalRefusal.notLeader(Group.id(3))) { try raft.propose([[1]]) }
    }
}

extension Harness {
    /// Reports all that was handed out as applied.
    fileprivate mutating func applyAll() { _ = settle() }
}
