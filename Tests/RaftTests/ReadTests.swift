import Testing
import Wire

@testable import Raft

@Suite struct ReadTests {
    private func answer(_ harness: inout Harness, from: Int, round: UInt64) -> RaftOutput {
        harness.step(
            Harness.message(
                from: from,
                term: harness.raft.term.rawValue,
                .heartbeatResponse(HeartbeatResponse(round: round))
            )
        )
    }

    private func rounds(_ output: RaftOutput) -> [UInt64] {
        output.messages.compactMap {
            if case .heartbeatRequest(let request) = $0.body { request.round } else { nil }
        }
    }

    /// A leader of term 1 that has committed its first entry.
    private func established() -> Harness {
        var leader = Harness()
        _ = leader.lead()
        _ = leader.accept(from: 2, through: 1)
        return leader
    }

    @Test func aReadWaitsForARoundThatBeganAfterIt() {
        var leader = established()
        let output = leader.act { $0.readIndex(context: 5) }
        #expect(output.reads.isEmpty)
        #expect(rounds(output) == [1, 1])
        #expect(answer(&leader, from: 3, round: 1).reads == [ReadState(context: 5, index: LogIndex(1))])
    }

    @Test func anAnswerToAnEarlierRoundConfirmsNothing() {
        var leader = established()
        for _ in 0..<5 { _ = leader.act { $0.tick() } }
        let output = leader.act { $0.readIndex(context: 5) }
        #expect(rounds(output) == [2, 2])
        #expect(answer(&leader, from: 2, round: 1).reads.isEmpty)
        #expect(answer(&leader, from: 2, round: 1).reads.isEmpty)
        // A round that never began.
        #expect(answer(&leader, from: 3, round: 9).reads.isEmpty)
        #expect(answer(&leader, from: 7, round: 2).reads.isEmpty)
        #expect(answer(&leader, from: 3, round: 2).reads.count == 1)
    }

    /// etcd#7331, tikv#9239: a new leader does not know what is committed before it has committed itself.
    @Test func aReadAtANewLeaderWaitsForItsFirstCommit() {
        var leader = Harness(terms: [1, 1])
        _ = leader.lead()
        var output = leader.act { $0.readIndex(context: 5) }
        #expect(rounds(output).isEmpty)
        for _ in 0..<5 { output = leader.act { $0.tick() } }
        #expect(answer(&leader, from: 2, round: 1).reads.isEmpty)
        let sent = leader.accept(from: 2, through: 3)
        #expect(
            sent.contains { if case .heartbeatRequest(let request) = $0.body { request.round == 2 } else { false } }
        )
        #expect(answer(&leader, from: 2, round: 2).reads == [ReadState(context: 5, index: LogIndex(3))])
    }

    @Test func readsThatComeTogetherShareARound() {
        var leader = established()
        let output = leader.act { raft in
            for context: UInt64 in 1...100 { raft.readIndex(context: context) }
        }
        #expect(rounds(output).count == 2)
        #expect(answer(&leader, from: 2, round: 1).reads.map(\.context) == Array(1...100))
    }

    @Test func aLeaderThatStepsDownAnswersThatItCannot() {
        var leader = established()
        _ = leader.act { $0.readIndex(context: 5) }
        let output = leader.step(
            Harness.message(from: 3, term: 9, .heartbeatRequest(HeartbeatRequest(commit: .zero, round: 1)))
        )
        #expect(output.reads == [ReadState(context: 5, index: nil)])
        #expect(answer(&leader, from: 3, round: 1).reads.isEmpty)
    }

    /// tikv#964, jraft 1.2.4: no clock makes a leader that was replaced answer a read.
    @Test func aLeaderThatWasPausedAnswersNothingOld() {
        var group = Group(3)
        group.elect(1)
        group.propose([1])
        group.isolate(1)
        // The others go on; the first one stands still meanwhile.
        for _ in 0..<100 {
            for number in 2...3 { group[number].act { $0.tick() } }
            group.settle()
            if group[2].raft.role == .leader || group[3].raft.role == .leader { break }
        }
        let next = group[2].raft.role == .leader ? 2 : 3
        group.propose([2], at: next)
        #expect(group[1].raft.role == .leader)
        group[1].act { $0.readIndex(context: 5) }
        #expect(group[1].reads.isEmpty)
        group.heal()
        group.tick(30)
        #expect(group[1].reads == [ReadState(context: 5, index: nil)])
    }

    @Test func aFollowerAsksItsLeader() {
        var group = Group(3, learners: 1)
        group.elect(1)
        group.propose([1])
        for number in 1...3 {
            group[number].act { $0.readIndex(context: UInt64(number)) }
            group.settle()
            #expect(group[number].reads == [ReadState(context: UInt64(number), index: LogIndex(2))])
        }
    }

    @Test func aFollowersReadIsAnsweredExactlyOnce() {
        var group = Group(3)
        group.elect(1)
        group[2].act { $0.readIndex(context: 5) }
        for message in group.intercept() { for _ in 0..<3 { group.deliver(message) } }
        group.settle()
        group.tick(50)
        #expect(group[2].reads.count == 1)
        #expect(group[2].reads.first?.index != nil)
    }

    @Test func aReadThatIsLostIsGivenUp() {
        var group = Group(3)
        group[2].act { $0.readIndex(context: 1) }
        #expect(group[2].reads == [ReadState(context: 1, index: nil)])
        group.elect(1)
        group.isDelivered = {
            if case .readIndexRequest = $0.body { false } else { true }
        }
        group[2].act { $0.readIndex(context: 2) }
        group.tick(20)
        #expect(group[2].reads.last == ReadState(context: 2, index: nil))
        group.isDelivered = { _ in true }
        group[2].act { $0.readIndex(context: 3) }
        group.cut(1, 2)
        group.tick(60)
        #expect(group[2].reads.last == ReadState(context: 3, index: nil))
        #expect(group[2].reads.count == 3)
    }

    /// The answer to a read of before a restart says nothing about one of after.
    @Test func anAnswerToAReadOfBeforeTheRestartIsNotTaken() {
        var group = Group(3)
        group.elect(1)
        group[2].act { $0.readIndex(context: 1) }
        let request = group.intercept()
        group.crash(2)
        group.restart(2)
        group.tick(10)
        group[2].act { $0.readIndex(context: 1) }
        _ = group.intercept()
        for message in request { group.deliver(message) }
        group.settle()
        #expect(group[2].reads.isEmpty)
    }

    @Test func readsAreBounded() {
        var settings = RaftSettings()
        settings.pendingReadsMax = 3
        var leader = Harness(settings: settings)
        _ = leader.lead()
        let output = leader.act { raft in
            for context: UInt64 in 1...5 { raft.readIndex(context: context) }
        }
        #expect(output.reads == [ReadState(context: 4, index: nil), ReadState(context: 5, index: nil)])
    }

    @Test func aLoneLeaderAnswersAtOnce() {
        var lone = Harness(voters: 1)
        _ = lone.act { $0.campaign() }
        _ = lone.write()
        _ = lone.settle()
        _ = lone.write()
        #expect(lone.act { $0.readIndex(context: 1) }.reads == [ReadState(context: 1, index: LogIndex(1))])
    }
}
