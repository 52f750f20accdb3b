import Raft
import Simulator
import Testing

@Suite struct ElectionInvariantTests {
    private typealias Cluster = FabricatedCluster

    @Test func acceptsOneLeaderAfterTheOther() throws {
        var cluster = try Cluster(3)
        try cluster.elect(0, term: 1, votes: [0, 1])
        try cluster.elect(2, term: 2, votes: [1, 2])
        try cluster.step(0) {
            $0.role = .follower
            $0.term = Term(2)
            $0.vote = nil
        }
    }

    @Test func electionSafetyRefusesTwoLeadersOfOneTerm() throws {
        var cluster = try Cluster(5)
        try cluster.elect(0, term: 1, votes: [0, 1, 2])
        #expect(
            broken { () throws(InvariantViolation) in
                try cluster.step(4) {
                    $0.role = .leader
                    $0.term = Term(1)
                    $0.vote = Cluster.id(4)
                }
            } == "ElectionSafety"
        )
    }

    @Test func electionQuorumRefusesALeaderWithoutAMajority() throws {
        var cluster = try Cluster(5)
        #expect(
            broken { () throws(InvariantViolation) in try cluster.elect(0, term: 1, votes: [0, 1]) } == "ElectionQuorum"
        )
    }

    @Test func electionQuorumRefusesAnOwnVoteThatIsNotDurable() throws {
        var cluster = try Cluster(3)
        try cluster.step(1) {
            $0.term = Term(1)
            $0.vote = Cluster.id(0)
        }
        try cluster.send(1, to: 0, .voteResponse(VoteResponse(isPreVote: false, granted: true)))
        #expect(
            broken { () throws(InvariantViolation) in
                try cluster.step(0, durable: false) {
                    $0.role = .leader
                    $0.term = Term(1)
                    $0.vote = Cluster.id(0)
                }
            } == "ElectionQuorum"
        )
    }

    @Test func electionQuorumAsksBothSetsOfAJointMembership() throws {
        // Three of the four who vote in all, and yet one of two outgoing ones.
        var cluster = try Cluster.established(4)
        let joint = Cluster.configuration(voters: [0, 1, 2], outgoing: [0, 1, 2, 3])
        try cluster.step(0) { $0.append(.configuration(joint), term: 1) }
        try cluster.replicate(0, to: [1, 2, 3])
        #expect(
            broken { () throws(InvariantViolation) in try cluster.elect(1, term: 2, votes: [1, 2]) } == "ElectionQuorum"
        )
    }

    @Test func aLoneVoterNeedsNobodyButItsDisk() throws {
        for durable in [true, false] {
            var cluster = try Cluster(1)
            try cluster.step(0, durable: durable) {
                $0.term = Term(1)
                $0.vote = Cluster.id(0)
                $0.role = .candidate
            }
            let fault = broken { () throws(InvariantViolation) in
                try cluster.step(0, durable: durable) { $0.role = .leader }
            }
            #expect(fault == (durable ? nil : "ElectionQuorum"))
        }
    }

    @Test func voteDurabilityRefusesAVoteThatIsErased() throws {
        var cluster = try Cluster(3)
        try cluster.step(0) {
            $0.term = Term(1)
            $0.vote = Cluster.id(0)
        }
        #expect(broken { () throws(InvariantViolation) in try cluster.step(0) { $0.vote = nil } } == "VoteDurability")
    }

    @Test func voteDurabilityRefusesATermThatGoesBack() throws {
        var cluster = try Cluster(3)
        try cluster.step(0) { $0.term = Term(2) }
        #expect(
            broken { () throws(InvariantViolation) in try cluster.step(0) { $0.term = Term(1) } } == "VoteDurability"
        )
    }

    @Test func voteDurabilityRefusesAnAnswerBeforeTheDisk() throws {
        var cluster = try Cluster(3)
        try cluster.step(1, durable: false) {
            $0.term = Term(1)
            $0.vote = Cluster.id(0)
        }
        let granted = Message.Body.voteResponse(VoteResponse(isPreVote: false, granted: true))
        #expect(broken { () throws(InvariantViolation) in try cluster.send(1, to: 0, granted) } == "VoteDurability")
        cluster.synchronize(1)
        try cluster.send(1, to: 0, granted)
    }

    @Test func voteDurabilityRefusesTwoVotesAcrossARestart() throws {
        var cluster = try Cluster(3)
        try cluster.elect(0, term: 1, votes: [0, 1])
        var forgetful = cluster.replicas[1]
        forgetful.vote = nil
        // The disk that forgot is found out by the next rule; here it is the second vote that counts.
        _ = broken { () throws(InvariantViolation) in try cluster.restart(1, finding: forgetful) }
        #expect(
            broken { () throws(InvariantViolation) in
                try cluster.step(1) { $0.vote = Cluster.id(2) }
                try cluster.send(1, to: 2, .voteResponse(VoteResponse(isPreVote: false, granted: true)))
            } == "VoteDurability"
        )
    }

    @Test func aPreVoteIsNoVote() throws {
        var cluster = try Cluster(3)
        try cluster.send(1, to: 0, term: 1, .voteResponse(VoteResponse(isPreVote: true, granted: true)))
        try cluster.send(1, to: 2, term: 1, .voteResponse(VoteResponse(isPreVote: true, granted: true)))
    }
}
