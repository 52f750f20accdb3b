import TestSupport
import Testing
import Wire

@testable import Raft

@Suite struct QuorumTests {
    private func reached(_ values: [UInt64]) -> UInt64 {
        Quorum.reached(count: values.count) { buffer in
            for (place, value) in values.enumerated() { buffer[place] = value }
        }
    }

    @Test func aMajorityIsMoreThanHalf() {
        #expect((1...7).map { Quorum.majority(of: $0) } == [1, 2, 2, 3, 3, 4, 4])
    }

    @Test func whatAMajorityReachesIsReachedByAMajority() {
        var random = Xoshiro256(seed: seed())
        for _ in 0..<2_000 {
            let values = (0..<random.inRange(1...9)).map { _ in random.below(6) }
            let result = reached(values)
            let needed = values.count / 2 + 1
            #expect(values.filter { $0 >= result }.count >= needed)
            #expect(values.filter { $0 > result }.count < needed)
        }
    }

    @Test func nobodyHoldsNothingBack() { #expect(reached([]) == .max) }

    @Test func aJointConfigurationNeedsBothMajorities() {
        let ids = (1...5).map(Group.id)
        let configuration = Configuration(
            members: ids.map(Group.member),
            voters: Array(ids[2...]),
            outgoing: Array(ids[..<3])
        )
        func outcome(_ granted: Set<Int>, _ refused: Set<Int> = []) -> VoteOutcome {
            Quorum.outcome(in: configuration) { id in
                granted.contains(Int(id.low)) ? true : refused.contains(Int(id.low)) ? false : nil
            }
        }
        #expect(outcome([1, 2]) == .open)
        #expect(outcome([4, 5]) == .open)
        #expect(outcome([3, 5]) == .open)
        #expect(outcome([1, 3, 5]) == .won)
        #expect(outcome([1, 2, 4, 5]) == .won)
        #expect(outcome([4, 5], [1, 2]) == .lost)
        #expect(outcome([1, 2], [4, 5]) == .lost)
    }

    @Test func theFirstAnswerOfAVoterCounts() {
        let ids = (1...3).map(Group.id)
        let configuration = Configuration(members: ids.map(Group.member), voters: ids)
        var votes = VoteTally()
        votes.record(ids[0], granted: true)
        votes.record(ids[0], granted: true)
        #expect(votes.outcome(in: configuration) == .open)
        votes.record(Group.id(9), granted: true)
        #expect(votes.outcome(in: configuration) == .open)
        votes.record(ids[1], granted: false)
        votes.record(ids[1], granted: true)
        #expect(votes.outcome(in: configuration) == .open)
        votes.record(ids[2], granted: true)
        #expect(votes.outcome(in: configuration) == .won)
    }
}
