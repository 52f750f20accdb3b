import Paxos
import Testing
import Wire

struct BallotTests {
    @Test func `ballots are ordered by round, then by replica`() {
        #expect(ballot(1, 9) < ballot(2, 1))
        #expect(ballot(2, 1) < ballot(2, 2))
        #expect(!(ballot(2, 2) < ballot(2, 2)))
        #expect(
            Ballot(round: 1, replica: ReplicaID(high: 1, low: 0))
                > Ballot(round: 1, replica: ReplicaID(high: 0, low: 9))
        )
    }

    @Test(arguments: 1...7) func `any two majorities share an acceptor`(total: Int) {
        let majorities = (0..<1 << total).filter { Quorum.majority.isReached(by: $0.nonzeroBitCount, of: total) }
        #expect(!majorities.isEmpty)
        for one in majorities {
            for other in majorities { #expect(one & other != 0) }
        }
        #expect(!Quorum.majority.isReached(by: total / 2, of: total))
    }

    @Test(arguments: 1...7) func `a full quorum is every acceptor`(total: Int) {
        #expect(Quorum.all.isReached(by: total, of: total))
        #expect(!Quorum.all.isReached(by: total - 1, of: total))
    }
}
