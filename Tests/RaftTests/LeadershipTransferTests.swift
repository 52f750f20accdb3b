import Testing
import Wire

@testable import Raft

@Suite struct LeadershipTransferTests {
    private func isBid(_ message: Message) -> Bool { message.body == .timeoutNow }

    @Test func leadershipIsHandedOverWithoutATimeout() throws {
        var group = Group(3)
        group.elect(1)
        group.propose([1])
        try group[1].act { try $0.transferLeadership(to: Group.id(3)) }
        group.settle()
        #expect(group.leader == 3)
        #expect(group[3].raft.term == Term(2))
        #expect(group[1].raft.leader == Group.id(3))
    }

    @Test func theTargetIsBroughtUpToDateFirst() throws {
        var group = Group(3)
        group.elect(1)
        group.isDelivered = { !($0.to == Group.id(3) && $0.append != nil) }
        group.propose([1])
        try group[1].act { try $0.transferLeadership(to: Group.id(3)) }
        group.settle()
        #expect(!group.sent.contains(where: isBid))
        group.isDelivered = { _ in true }
        group.deliver(
            Message(
                from: Group.id(3),
                to: Group.id(1),
                term: Term(1),
                body: .appendResponse(.rejected(previous: LogIndex(2), hint: Harness.position(1, 1)))
            )
        )
        group.tick(10)
        #expect(group.sent.contains(where: isBid))
        #expect(group.leader == 3)
        #expect(group[3].machine.commands == [[1]])
    }

    /// canonical/raft#203, hashicorp/raft#696: only time, a term or the target's leaving ends a transfer, and its end
    /// leaves nothing behind.
    @Test func aTransferEndsByTimeAndNotByAHeartbeat() throws {
        var settings = RaftSettings()
        settings.electionTicksMin = 15
        var group = Group(3, settings: settings)
        group.elect(1)
        group.isDelivered = { !($0.to == Group.id(3) && $0.append != nil) }
        group.propose([1])
        try group[1].act { try $0.transferLeadership(to: Group.id(3)) }
        group.tick(14)
        #expect(group[1].raft.transferTarget == Group.id(3))
        #expect(throws: ProposalRefusal.transferring) {
            try group[1].act { try $0.propose([[9]]) }
        }
        #expect(throws: ConfigurationRefusal.transferring) {
            try group[1].act { try $0.propose(ConfigurationChange([.remove(Group.id(2))])) }
        }
        group.tick(1)
        #expect(group[1].raft.transferTarget == nil)
        #expect(group.leader == 1)
        group.propose([2])
        #expect(group[2].machine.commands == [[1], [2]])
        group.isDelivered = { _ in true }
        try group[1].act { try $0.transferLeadership(to: Group.id(2)) }
        group.settle()
        #expect(group.leader == 2)
    }

    @Test func aBidThatIsLostLeavesTheLeaderAsItWas() throws {
        var group = Group(3)
        group.elect(1)
        group.isDelivered = { $0.body != .timeoutNow }
        try group[1].act { try $0.transferLeadership(to: Group.id(2)) }
        group.tick(15)
        group.propose([1])
        #expect(group.leader == 1)
        #expect(group[3].machine.commands == [[1]])
    }

    @Test func aTransferIsRefusedWhereItCannotBe() throws {
        var group = Group(4, learners: 1)
        group.elect(1)
        group.cut(1, 2)
        group.cut(1, 3)
        func transfer(_ from: Int, _ to: Int) throws {
            try group[from].act { try $0.transferLeadership(to: Group.id(to)) }
        }
        #expect(throws: TransferRefusal.notLeader(Group.id(1))) { try transfer(2, 3) }
        #expect(throws: TransferRefusal.badTarget(Group.id(1))) { try transfer(1, 1) }
        #expect(throws: TransferRefusal.badTarget(Group.id(4))) { try transfer(1, 4) }
        #expect(throws: TransferRefusal.badTarget(Group.id(9))) { try transfer(1, 9) }
        try transfer(1, 2)
        #expect(throws: TransferRefusal.transferring) { try transfer(1, 3) }
        try transfer(1, 2)
    }

    @Test func onlyTheLeaderBids() {
        var one = Harness(terms: [1])
        _ = one.settle(Harness.append(from: 2, term: 1, after: Harness.position(1, 1)))
        #expect(one.settle(Harness.message(from: 3, term: 1, .timeoutNow)).isEmpty)
        #expect(one.raft.role == .follower)
        let asked = one.settle(Harness.message(from: 2, term: 1, .timeoutNow))
        #expect(one.raft.role == .candidate)
        #expect(asked.count == 2)
        #expect(
            asked.allSatisfy { if case .voteRequest(let request) = $0.body { request.isTransfer } else { false } }
        )
        // Bidden again: it has gone on to a later term.
        #expect(one.settle(Harness.message(from: 2, term: 1, .timeoutNow)).isEmpty)
        #expect(one.raft.term == Term(2))
    }
}
