import Testing
import Wire

@testable import Raft

@Suite struct MembershipTests {
    private func change(_ group: inout Group, _ steps: ConfigurationChange.Step...) throws {
        guard let leader = group.leader else { preconditionFailure("nobody leads") }
        try group[leader].act { _ = try $0.propose(ConfigurationChange(steps)) }
        group.settle()
    }

    private func voters(_ group: Group, at number: Int) -> [UInt64] {
        group[number].raft.configuration.voters.map(\.low)
    }

    @Test func aNewcomerBecomesALearnerAndThenAVoter() throws {
        var group = Group(3)
        group.elect(1)
        group.propose([1])
        let newcomer = group.addBlank()
        try change(&group, .addLearner(Group.member(Group.id(newcomer))))
        group.tick(40)
        // It was sent snapshot 0 first, then the log.
        #expect(group[newcomer].machine == group[1].machine)
        try change(&group, .promote(Group.id(newcomer)))
        #expect(voters(group, at: newcomer) == [1, 2, 3, 4])
        #expect(!group[1].raft.configuration.isJoint)
        #expect(group.nodes.allSatisfy { $0.raft.configuration == group[1].raft.configuration })
        let joint = (1...Int(group[1].raft.lastPosition.index.rawValue)).filter {
            if case .configuration(let configuration)? = group[1].raft.entry(at: LogIndex(UInt64($0)))?.payload {
                configuration.isJoint
            } else {
                false
            }
        }
        #expect(joint.count == 1)
    }

    @Test func aLearnerThatLacksEntriesIsNotPromoted() throws {
        var group = Group(3) { $0.promotionLagEntriesMax = 2 }
        group.elect(1)
        let newcomer = group.addBlank()
        group.crash(newcomer)
        try change(&group, .addLearner(Group.member(Group.id(newcomer))))
        #expect(throws: ConfigurationRefusal.notCaughtUp(Group.id(newcomer), lagEntries: .max)) {
            try change(&group, .promote(Group.id(newcomer)))
        }
        group.restart(newcomer)
        group.tick(40)
        group.cut(1, newcomer)
        group.propose([1], [2], [3])
        #expect(throws: ConfigurationRefusal.notCaughtUp(Group.id(newcomer), lagEntries: 3)) {
            try change(&group, .promote(Group.id(newcomer)))
        }
        group.heal()
        group.tick(40)
        try change(&group, .promote(Group.id(newcomer)))
        #expect(voters(group, at: 2) == [1, 2, 3, 4])
    }

    @Test func aNewcomerWithoutAnythingIsNotPromotedHoweverShortTheLogIs() throws {
        var group = Group(3)
        group.elect(1)
        #expect(throws: ConfigurationRefusal.self) {
            try change(&group, .addLearner(Group.member(Group.id(4))), .promote(Group.id(4)))
        }
    }

    @Test func aLearnerThatDoesNotLiveIsNotPromotedThoughItLacksNothing() throws {
        var group = Group(1)
        group.elect(1)
        let newcomer = group.addBlank()
        try change(&group, .addLearner(Group.member(Group.id(newcomer))))
        group.tick(40)
        group.crash(newcomer)
        group.tick(100)
        #expect(throws: ConfigurationRefusal.self) { try change(&group, .promote(Group.id(newcomer))) }
        group.propose([1])
        group.tick(40)
        #expect(group.leader == 1, "the only voter goes on")
        group.restart(newcomer)
        group.tick(40)
        try change(&group, .promote(Group.id(newcomer)))
    }

    @Test func learnersDoNotDecide() throws {
        var group = Group(5, learners: 2)
        group.elect(1)
        group.crash(4)
        group.crash(5)
        group.propose([1])
        #expect(group[2].machine.commands == [[1]])
        group.crash(2)
        group.crash(3)
        group.restart(4)
        group.restart(5)
        group.tick(5)
        try group[1].act { _ = try $0.propose([[2]]) }
        group.tick(5)
        #expect(group[1].machine.commands == [[1]])
    }

    /// openraft#2051 and the fault of the single-server algorithm: a new leader changes nothing before its own entry is
    /// committed.
    @Test func aNewLeaderChangesNothingBeforeItHasCommitted() {
        var leader = Harness(terms: [1])
        _ = leader.lead()
        var raft = leader.raft
        #expect(throws: ConfigurationRefusal.leaderNotEstablished) {
            try raft.propose(ConfigurationChange([.remove(Group.id(3))]))
        }
        _ = leader.accept(from: 2, through: 2)
        raft = leader.raft
        #expect(throws: Never.self) { try raft.propose(ConfigurationChange([.remove(Group.id(3))])) }
        #expect(throws: ConfigurationRefusal.changeInProgress) {
            try raft.propose(ConfigurationChange([.remove(Group.id(2))]))
        }
    }

    @Test func aJointConfigurationNeedsBothMajorities() throws {
        var group = Group(5)
        group.elect(1)
        // From five to two: both of the new, and three of the old.
        group.partition([1, 2], [3, 4, 5])
        try change(&group, .remove(Group.id(3)), .remove(Group.id(4)), .remove(Group.id(5)))
        #expect(group[1].raft.configuration.isJoint)
        #expect(group[1].raft.commitIndex == LogIndex(1))
        group.heal()
        group.tick(20)
        #expect(voters(group, at: 1) == [1, 2])
        #expect(voters(group, at: 2) == [1, 2])
        #expect(!group[1].raft.configuration.isJoint)
        group.propose([1])
        #expect(group[2].machine.commands == [[1]])
    }

    /// camunda#60086: a leader that finds a joint configuration leaves it, and only when it is committed.
    @Test func aNewLeaderLeavesTheJointConfigurationOfTheOneBefore() throws {
        var group = Group(5)
        group.elect(1)
        group.isDelivered = { $0.append?.entries.isEmpty ?? true || $0.to == Group.id(2) }
        try change(&group, .remove(Group.id(5)))
        #expect(group[2].raft.configuration.isJoint)
        #expect(group[2].raft.commitIndex < group[2].raft.lastPosition.index)
        group.crash(1)
        group.isDelivered = { _ in true }
        group.depose(inFavourOf: 2)
        group.tick(30)
        #expect(group[3].raft.configuration.voters == [1, 2, 3, 4].map(Group.id))
        #expect(!group[3].raft.configuration.isJoint)
        #expect(group[3].raft.commitIndex == group[2].raft.lastPosition.index)
    }

    @Test func aMembershipThatIsTruncatedCountsNoMore() throws {
        var group = Group(3)
        group.elect(1)
        group.isolate(1)
        try group[1].act { _ = try $0.propose(ConfigurationChange([.addLearner(Group.member(Group.id(9)))])) }
        #expect(group[1].raft.configuration.contains(Group.id(9)))
        group.depose(inFavourOf: 2)
        group.heal()
        group.tick(20)
        #expect(!group[1].raft.configuration.contains(Group.id(9)))
        #expect(group[1].raft.appliedConfiguration == group[2].raft.appliedConfiguration)
    }

    @Test func aLeaderThatIsRemovedStepsDownWhenThatIsCommitted() throws {
        var group = Group(3)
        group.elect(1)
        try change(&group, .remove(Group.id(1)))
        #expect(group[1].raft.role == .follower)
        // Its last word made another campaign at once.
        #expect(group.leader == 2 || group.leader == 3)
        group.propose([1])
        #expect(group[2].machine.commands == [[1]])
        #expect(group[3].machine.commands == [[1]])
        group.tick(200)
        #expect(group[1].raft.role != .leader)
        #expect(group[2].raft.term == Term(2))
    }

    @Test func aLeaderThatIsDemotedStepsDownAndFollowsAsALearner() throws {
        var group = Group(3)
        group.elect(1)
        try change(&group, .demote(Group.id(1)))
        #expect(group.leader != 1)
        group.propose([1])
        group.tick(20)
        #expect(group[1].machine.commands == [[1]])
        #expect(group[2].raft.configuration.learners == [Group.id(1)])
    }

    /// The joint configuration is committed, and the only one that knows the rest is the one that is to go.
    @Test func aLeaderThatFailsWhileItRemovesItselfIsHelpedByItself() throws {
        var group = Group(2)
        group.elect(1)
        group.isDelivered = { message in
            !(message.to == Group.id(2)
                && message.append?.entries.contains { entry in
                    if case .configuration(let configuration) = entry.payload { !configuration.isJoint } else { false }
                } == true)
        }
        try change(&group, .remove(Group.id(1)))
        #expect(group[1].raft.configuration.voters == [Group.id(2)])
        #expect(group[2].raft.configuration.isJoint)
        group.crash(1)
        group.isDelivered = { _ in true }
        group.restart(1)
        group.tick(200)
        #expect(group.leader == 2)
        #expect(group[2].raft.configuration.voters == [Group.id(2)])
        #expect(!group[2].raft.configuration.isJoint)
    }

    @Test func aReplacedNodesOldReplicaIsNotHeard() throws {
        var group = Group(3)
        group.elect(1)
        try change(&group, .remove(Group.id(3)))
        group.tick(5)
        // An answer of the old replica with a higher term deposes nobody.
        for body: Message.Body in [
            .heartbeatResponse(HeartbeatResponse(round: 1)), .appendResponse(.accepted(through: LogIndex(1))),
            .voteResponse(VoteResponse(isPreVote: false, granted: false)),
            .voteResponse(VoteResponse(isPreVote: true, granted: false)),
        ] {
            group.deliver(Message(from: Group.id(3), to: Group.id(1), term: Term(9), body: body))
        }
        #expect(group.leader == 1)
        #expect(group[1].raft.term == Term(1))
    }

    // MARK: - What a change makes

    private static let ids = (1...5).map(Group.id)
    /// Voters 1, 2 and 3; learner 4.
    private static let base = Configuration(
        members: ids.prefix(4).map(Group.member),
        voters: Array(ids.prefix(3)),
        learners: [ids[3]]
    )

    private func apply(_ steps: ConfigurationChange.Step...) throws(ConfigurationRefusal) -> Configuration {
        try Self.base.applying(ConfigurationChange(steps), lag: { _ in 5 }, lagMax: { 5 })
    }

    @Test func aChangeOfLearnersIsNotJoint() throws {
        let ids = Self.ids
        let added = try apply(.addLearner(Group.member(ids[4])))
        #expect(!added.isJoint)
        #expect(added.learners == [ids[3], ids[4]])
        let removed = try apply(.remove(ids[3]))
        #expect(!removed.isJoint)
        #expect(removed.members.count == 3)
        let moved = try apply(.update(Member(id: ids[0], name: "node-1", address: "elsewhere:1")))
        #expect(moved.members[0].address == "elsewhere:1")
        #expect(moved.voters == Self.base.voters)
    }

    @Test func aChangeOfVotersIsJointUntilItIsLeft() throws {
        let ids = Self.ids
        let joint = try apply(.promote(ids[3]), .demote(ids[0]), .remove(ids[1]), .addLearner(Group.member(ids[4])))
        #expect(joint.isWellFormed)
        #expect(joint.voters == [ids[2], ids[3]])
        #expect(joint.outgoing == Array(ids[..<3]))
        #expect(joint.learners == [ids[4]])
        #expect(joint.learnersNext == [ids[0]])
        #expect(joint.members.map(\.id) == ids)
        let left = joint.leavingJoint()
        #expect(left.isWellFormed)
        #expect(left.voters == [ids[2], ids[3]])
        #expect(left.learners == [ids[0], ids[4]])
        #expect(left.members.map(\.id) == [ids[0], ids[2], ids[3], ids[4]])
    }

    @Test func aChangeThatCannotBeIsRefused() {
        let ids = Self.ids
        func refusal(_ steps: ConfigurationChange.Step...) -> ConfigurationRefusal? {
            do {
                _ = try Self.base.applying(ConfigurationChange(steps), lag: { _ in 5 }, lagMax: { 5 })
                return nil
            } catch { return error }
        }
        #expect(refusal() == .nothingToDo)
        #expect(refusal(.update(Group.member(ids[0]))) == .nothingToDo)
        #expect(refusal(.promote(ids[0])) == .wrongRole(ids[0]))
        #expect(refusal(.demote(ids[3])) == .wrongRole(ids[3]))
        #expect(refusal(.promote(ids[4])) == .unknownMember(ids[4]))
        #expect(refusal(.remove(ids[4])) == .unknownMember(ids[4]))
        #expect(refusal(.update(Group.member(ids[4]))) == .unknownMember(ids[4]))
        #expect(refusal(.addLearner(Group.member(ids[0]))) == .alreadyMember(ids[0]))
        #expect(refusal(.addLearner(Member(id: ids[4], name: "node-1", address: ""))) != nil)
        #expect(refusal(.remove(ids[0]), .remove(ids[1]), .remove(ids[2])) == .noVoterLeft)
        #expect(
            refusal(.addLearner(Member(id: ids[4], name: String(repeating: "n", count: 256), address: ""))) == .tooLarge
        )
        let many = (10..<80).map { ConfigurationChange.Step.addLearner(Group.member(Group.id($0))) }
        #expect(throws: ConfigurationRefusal.tooLarge) {
            try Self.base.applying(ConfigurationChange(many), lag: { _ in 0 }, lagMax: { 5 })
        }
        #expect(throws: ConfigurationRefusal.notCaughtUp(ids[3], lagEntries: 6)) {
            try Self.base.applying(ConfigurationChange([.promote(ids[3])]), lag: { _ in 6 }, lagMax: { 5 })
        }
        // A node that lost its disk: the old replica goes, the new one has the same name.
        let replacement = ConfigurationChange.Step.addLearner(Member(id: ids[4], name: "node-1", address: "a"))
        #expect(refusal(.remove(ids[0]), replacement) == nil)
    }
}
