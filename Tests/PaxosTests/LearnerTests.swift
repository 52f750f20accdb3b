import Paxos
import Testing

struct LearnerTests {
    let acceptors = [replica(1), replica(2), replica(3)]

    @Test func `a value is chosen when a quorum has accepted it under one ballot`() {
        var learner = Learner(acceptors: acceptors)
        #expect(learner.acceptedReceived(proposal(1, 1, 7), from: replica(1)) == nil)
        #expect(learner.acceptedReceived(proposal(1, 1, 7), from: replica(3)) == [7])
        #expect(learner.chosen == [7])
        #expect(learner.acceptedReceived(proposal(1, 1, 7), from: replica(2)) == nil)
    }

    @Test func `a full quorum waits for everyone`() {
        var learner = Learner(acceptors: acceptors, quorum: .all)
        for number: UInt64 in 1...2 {
            #expect(learner.acceptedReceived(proposal(1, 1, 7), from: replica(number)) == nil)
        }
        #expect(learner.acceptedReceived(proposal(1, 1, 7), from: replica(3)) == [7])
    }

    @Test func `one acceptor counts once, and strangers do not count`() {
        var learner = Learner(acceptors: acceptors)
        #expect(learner.acceptedReceived(proposal(1, 1, 7), from: replica(1)) == nil)
        #expect(learner.acceptedReceived(proposal(1, 1, 7), from: replica(1)) == nil)
        #expect(learner.acceptedReceived(proposal(1, 1, 7), from: replica(9)) == nil)
        #expect(learner.chosen == nil)
    }

    @Test func `acceptances under different ballots do not add up`() {
        var learner = Learner(acceptors: acceptors)
        #expect(learner.acceptedReceived(proposal(1, 1, 7), from: replica(1)) == nil)
        #expect(learner.acceptedReceived(proposal(2, 2, 7), from: replica(2)) == nil)
        #expect(learner.acceptedReceived(proposal(1, 1, 7), from: replica(3)) == nil)
        #expect(learner.chosen == nil)
        #expect(learner.acceptedReceived(proposal(2, 2, 7), from: replica(3)) == [7])
    }

    @Test func `a second value under one ballot does not count`() {
        var learner = Learner(acceptors: acceptors)
        #expect(learner.acceptedReceived(proposal(1, 1, 7), from: replica(1)) == nil)
        #expect(learner.acceptedReceived(proposal(1, 1, 8), from: replica(2)) == nil)
        #expect(learner.chosen == nil)
    }
}
