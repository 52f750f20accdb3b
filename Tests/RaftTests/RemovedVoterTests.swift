import Testing

@testable import Raft

/// Who was removed may be the only one with the entries that make its removal come true (dissertation, 4.2.2).
@Suite struct RemovedVoterTests {
    private static let members = [Group.member(Group.id(1)), Group.member(Group.id(2))]

    private func membership(voters: [Int], outgoing: [Int] = [], learners: [Int] = []) -> Configuration {
        Configuration(
            members: Self.members,
            voters: voters.map(Group.id),
            outgoing: outgoing.map(Group.id),
            learners: learners.map(Group.id)
        )
    }

    /// Replica 1 after a restart: it knows nothing to be committed but its snapshot, in which it has no vote.
    private func replica(_ changes: [Configuration]) -> Raft {
        let entries = changes.enumerated().map { offset, configuration in
            Entry(position: Harness.position(1, UInt64(offset) + 1), payload: .configuration(configuration))
        }
        return Raft(
            id: Group.id(1),
            settings: RaftSettings(),
            restored: RestoredState(
                hardState: HardState(term: Term(1), vote: nil),
                snapshot: SnapshotDescription(
                    position: .zero,
                    configuration: membership(voters: [2], learners: [1]),
                    bytes: 8
                ),
                entries: entries
            ),
            seed: 7
        )
    }

    @Test func oneThatWasMadeAVoterAndRemovedAgainCampaignsAfterARestart() {
        var raft = replica([
            membership(voters: [1, 2], outgoing: [2]),
            membership(voters: [1, 2]),
            membership(voters: [2], outgoing: [1, 2]),
            membership(voters: [2], learners: [1]),
        ])
        raft.campaign()
        #expect(raft.role == .preCandidate)
    }

    /// Of 2, 4 and 5 the candidate 5 has a change in its log that makes a voter of 1, which never got it; 1 has entries of
    /// the leader after it, 4, that is gone.
    @Test func oneThatIsTakenForAVoterAndHasALongerLogCampaigns() {
        var raft = replica([membership(voters: [2], learners: [1])])
        let request = VoteRequest(isPreVote: true, last: .zero, isTransfer: false)
        func ask() {
            for _ in 0..<100 { raft.tick() }
            _ = raft.takeOutput()
            raft.step(Message(from: Group.id(2), to: Group.id(1), term: Term(2), body: .voteRequest(request)))
        }
        ask()
        #expect(raft.isPromotable)
        raft.campaign()
        #expect(raft.role == .preCandidate)
        raft.step(
            Message(
                from: Group.id(2),
                to: Group.id(1),
                term: Term(2),
                body: .heartbeatRequest(HeartbeatRequest(commit: .zero, round: 1))
            )
        )
        #expect(!raft.isPromotable, "there is a leader again")
    }

    @Test func oneThatNeverHadAVoteDoesNot() {
        var raft = replica([membership(voters: [2], learners: [1])])
        raft.campaign()
        #expect(raft.role == .follower)
    }
}
