import Raft
import Simulator
import Testing

@Suite struct LogInvariantTests {
    private typealias Cluster = FabricatedCluster

    @Test func acceptsThatAFollowerReplacesWhatIsNotCommitted() throws {
        // Figure 7 of the paper: leader 2 has an entry that nobody else has; leader 0's takes its place.
        var cluster = try Cluster.established(3)
        try cluster.elect(2, term: 2, votes: [1, 2])
        try cluster.elect(0, term: 3, votes: [0, 1])
        try cluster.replicate(0, to: [1, 2])
        for place in 0..<3 { try cluster.commit(place, 2) }
    }

    @Test func leaderAppendOnlyRefusesALeaderThatRemoves() throws {
        var cluster = try Cluster.established(3)
        try cluster.step(0) { $0.append(term: 1) }
        #expect(
            broken { () throws(InvariantViolation) in try cluster.step(0) { $0.cut(from: 2) } } == "LeaderAppendOnly"
        )
    }

    @Test func leaderAppendOnlyRefusesALeaderThatReplaces() throws {
        var cluster = try Cluster.established(3)
        try cluster.elect(1, term: 2, votes: [1, 2])
        try cluster.elect(0, term: 3, votes: [0, 1])
        #expect(
            broken { () throws(InvariantViolation) in
                try cluster.step(0) {
                    $0.cut(from: 2)
                    $0.append(term: 2)
                    $0.append(term: 3)
                }
            } == "LeaderAppendOnly"
        )
    }

    @Test func logMatchingRefusesDifferentEntriesOfOnePosition() throws {
        var cluster = try Cluster.established(3)
        try cluster.step(0) { $0.append(.command([1]), term: 1) }
        #expect(
            broken { () throws(InvariantViolation) in try cluster.step(1) { $0.append(.command([2]), term: 1) } }
                == "LogMatching"
        )
    }

    @Test func logMatchingRefusesTheSameEntryAfterDifferentOnes() throws {
        var cluster = try Cluster(3)
        try cluster.elect(0, term: 1, votes: [0, 1, 2])
        try cluster.elect(1, term: 2, votes: [1, 2])
        try cluster.step(1) { $0.append(term: 2) }
        // The second entry of leader 1, after the first one of leader 0.
        #expect(
            broken { () throws(InvariantViolation) in
                try cluster.step(2) {
                    $0.append(term: 1)
                    $0.append(term: 2)
                }
            } == "LogMatching"
        )
    }

    @Test func logMatchingRefusesTermsThatGoBack() throws {
        var cluster = try Cluster(3)
        #expect(
            broken { () throws(InvariantViolation) in
                try cluster.step(0) {
                    $0.term = Term(2)
                    $0.append(term: 2)
                    $0.append(term: 1)
                }
            } == "LogMatching"
        )
    }

    @Test func acceptedStaysRefusesThatAnOldMessageRemovesWhatWasAccepted() throws {
        var cluster = try Cluster.established(3)
        try cluster.step(0) { $0.append(term: 1) }
        try cluster.replicate(0, to: [1])
        #expect(broken { () throws(InvariantViolation) in try cluster.step(1) { $0.cut(from: 2) } } == "AcceptedStays")
    }

    @Test func acceptedStaysAllowsALaterLeaderToReplaceWhatWasAccepted() throws {
        var cluster = try Cluster.established(5)
        try cluster.step(0) { $0.append(term: 1) }
        try cluster.replicate(0, to: [1])
        try cluster.elect(2, term: 2, votes: [2, 3, 4])
        try cluster.replicate(2, to: [1])
    }

    @Test func leaderCompletenessRefusesALeaderWithoutWhatIsCommitted() throws {
        var cluster = try Cluster(3)
        try cluster.elect(0, term: 1, votes: [0, 1])
        try cluster.replicate(0, to: [1])
        try cluster.commit(0, 1)
        #expect(
            broken { () throws(InvariantViolation) in try cluster.elect(2, term: 2, votes: [1, 2]) }
                == "LeaderCompleteness"
        )
    }

    @Test func leaderCompletenessRefusesACommitThatALaterLeaderLacks() throws {
        // Leader 0 counts old acknowledgements when leader 2 is there already.
        var cluster = try Cluster(3)
        try cluster.elect(0, term: 1, votes: [0, 1])
        try cluster.step(1) { $0.entries = [] }
        try cluster.elect(2, term: 2, votes: [1, 2])
        try cluster.step(1) { [entries = cluster.replicas[0].entries] in $0.entries = entries }
        #expect(broken { () throws(InvariantViolation) in try cluster.commit(0, 1) } == "LeaderCompleteness")
    }

    @Test func aLateLeaderOfAnOldTermNeedNotHaveWhatWasCommittedSince() throws {
        var cluster = try Cluster(5)
        // Votes of term 1 are on their way to 0 while 1 is elected in term 2 and commits.
        for voter in [2, 3] {
            try cluster.step(voter) {
                $0.term = Term(1)
                $0.vote = Cluster.id(0)
            }
            try cluster.send(voter, to: 0, .voteResponse(VoteResponse(isPreVote: false, granted: true)))
        }
        try cluster.step(0) {
            $0.role = .candidate
            $0.term = Term(1)
            $0.vote = Cluster.id(0)
        }
        try cluster.elect(1, term: 2, votes: [1, 3, 4])
        try cluster.replicate(1, to: [3, 4])
        try cluster.commit(1, 1)
        try cluster.step(0) {
            $0.role = .leader
            $0.append(term: 1)
        }
    }

    @Test func commitRuleRefusesFigure8() throws {
        // (a) leader 0 of term 1 has entry 1 at one follower; (b) leader 4 of term 2 has another; (c) leader 0 of term 3
        // brings its old entry to a majority and counts it.
        var cluster = try Cluster(5)
        try cluster.elect(0, term: 1, votes: [0, 1, 2])
        try cluster.replicate(0, to: [1])
        try cluster.elect(4, term: 2, votes: [2, 3, 4])
        try cluster.elect(0, term: 3, votes: [0, 1, 2])
        try cluster.replicate(0, to: [1, 2])
        #expect(broken { () throws(InvariantViolation) in try cluster.commit(0, 1) } == "CommitRule")
        try cluster.commit(0, 2)
    }

    @Test func commitMonotonicRefusesACommitIndexThatGoesBack() throws {
        var cluster = try Cluster.established(3)
        #expect(broken { () throws(InvariantViolation) in try cluster.commit(1, 0) } == "CommitMonotonic")
    }

    @Test func commitMonotonicRefusesThatWhatIsCommittedIsRemoved() throws {
        var cluster = try Cluster.established(3)
        #expect(
            broken { () throws(InvariantViolation) in try cluster.step(1) { $0.cut(from: 1) } } == "CommitMonotonic"
        )
    }

    @Test func commitMonotonicRefusesAnotherEntryAtACommittedIndex() throws {
        var cluster = try Cluster(3)
        try cluster.elect(0, term: 1, votes: [0, 1])
        try cluster.elect(2, term: 2, votes: [1, 2])
        try cluster.replicate(2, to: [1])
        try cluster.commit(2, 1)
        // A heartbeat's commit index, taken beyond what the log shares with the leader's.
        #expect(
            broken { () throws(InvariantViolation) in
                try cluster.step(0) {
                    $0.role = .follower
                    $0.term = Term(2)
                    $0.vote = nil
                    $0.commitIndex = LogIndex(1)
                }
            } == "CommitMonotonic"
        )
    }

    @Test func commitMonotonicRefusesACommitIndexBeyondTheLog() throws {
        var cluster = try Cluster.established(3)
        #expect(broken { () throws(InvariantViolation) in try cluster.commit(1, 2) } == "CommitMonotonic")
    }
}
