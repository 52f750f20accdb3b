import Paxos
import TestSupport
import Testing

struct ProposerTests {
    static let acceptors = [replica(1), replica(2), replica(3)]
    var generator = Seeded(1)

    func proposer(_ quorum: Quorum = .majority, round: UInt64 = 0) -> Proposer {
        Proposer(replica: replica(1), acceptors: Self.acceptors, quorum: quorum, round: round)
    }

    /// What an action sends, without its timer.
    func sent(_ action: Proposer.Action) -> (message: PaxosMessage, to: [UInt64])? {
        guard case .send(let message, let to, let timer) = action, timer > 0 else { return nil }
        return (message, to.map(\.low))
    }

    @Test mutating func `a round is durable before its ballot is sent`() throws {
        var proposer = proposer(round: 4)
        #expect(proposer.propose([7]) == .persist(round: 5))
        #expect(proposer.timerFired(using: &generator) == .none)
        #expect(proposer.roundPersisted(4, using: &generator) == .none)
        let prepare = try #require(sent(proposer.roundPersisted(5, using: &generator)))
        #expect(prepare.message == .prepare(ballot(5, 1)))
        #expect(prepare.to == [1, 2, 3])
        #expect(proposer.roundPersisted(5, using: &generator) == .none)
    }

    @Test mutating func `its own value is proposed where none was accepted`() throws {
        var proposer = proposer()
        _ = proposer.propose([7])
        _ = proposer.roundPersisted(1, using: &generator)
        #expect(
            proposer.promiseReceived(ballot(1, 1), accepted: nil, from: replica(2), using: &generator) == .none
        )
        let accept = try #require(
            sent(proposer.promiseReceived(ballot(1, 1), accepted: nil, from: replica(3), using: &generator))
        )
        #expect(accept.message == .accept(proposal(1, 1, 7)))
        #expect(accept.to == [1, 2, 3])
    }

    @Test mutating func `the accepted value of the highest ballot is proposed, whoever reports it first`() throws {
        for order in [[1, 2, 3], [3, 2, 1], [2, 3, 1]] as [[UInt64]] {
            var proposer = proposer(.all, round: 8)
            _ = proposer.propose([7])
            _ = proposer.roundPersisted(9, using: &generator)
            let reports = [1: proposal(3, 2, 32), 2: proposal(3, 3, 33), 3: nil] as [UInt64: Proposal?]
            var last = Proposer.Action.none
            for number in order {
                last = proposer.promiseReceived(
                    ballot(9, 1),
                    accepted: reports[number] ?? nil,
                    from: replica(number),
                    using: &generator
                )
            }
            #expect(try #require(sent(last)).message == .accept(proposal(9, 1, 33)))
        }
    }

    @Test mutating func `promises of strangers, of other ballots and of the same acceptor do not count`() {
        var proposer = proposer(round: 1)
        _ = proposer.propose([7])
        _ = proposer.roundPersisted(2, using: &generator)
        for (ballot, from) in [
            (ballot(2, 1), replica(2)), (ballot(2, 1), replica(2)), (ballot(2, 1), replica(9)),
            (ballot(1, 1), replica(3)), (ballot(2, 2), replica(3)),
        ] {
            #expect(proposer.promiseReceived(ballot, accepted: nil, from: from, using: &generator) == .none)
        }
    }

    @Test mutating func `only those that did not answer are asked again`() throws {
        var proposer = proposer(.all)
        _ = proposer.propose([7])
        _ = proposer.roundPersisted(1, using: &generator)
        _ = proposer.promiseReceived(ballot(1, 1), accepted: nil, from: replica(2), using: &generator)
        let prepare = try #require(sent(proposer.timerFired(using: &generator)))
        #expect(prepare.message == .prepare(ballot(1, 1)))
        #expect(prepare.to == [1, 3])
        for number: UInt64 in [1, 3] {
            _ = proposer.promiseReceived(ballot(1, 1), accepted: nil, from: replica(number), using: &generator)
        }
        proposer.acceptedReceived(proposal(1, 1, 7), from: replica(1))
        proposer.acceptedReceived(proposal(2, 1, 7), from: replica(3))
        let accept = try #require(sent(proposer.timerFired(using: &generator)))
        #expect(accept.message == .accept(proposal(1, 1, 7)))
        #expect(accept.to == [2, 3])
    }

    @Test mutating func `a refusal ends the ballot, and the next one is above all that were heard of`() {
        var proposer = proposer()
        _ = proposer.propose([7])
        _ = proposer.roundPersisted(1, using: &generator)
        let refused = proposer.refusalReceived(ballot(1, 1), promised: ballot(6, 2), using: &generator)
        guard case .wait(let timer) = refused else {
            Issue.record("no back-off: \(refused)")
            return
        }
        #expect(timer >= BackOff().minimum)
        #expect(proposer.ballot == nil)
        #expect(
            proposer.promiseReceived(ballot(1, 1), accepted: nil, from: replica(2), using: &generator) == .none
        )
        // What comes late about older ballots changes nothing but the round.
        #expect(proposer.refusalReceived(ballot(1, 1), promised: ballot(8, 3), using: &generator) == .none)
        #expect(proposer.timerFired(using: &generator) == .persist(round: 9))
    }

    @Test mutating func `a late refusal of an earlier ballot does not end the present one`() {
        var proposer = proposer(round: 1)
        _ = proposer.propose([7])
        _ = proposer.roundPersisted(2, using: &generator)
        #expect(proposer.refusalReceived(ballot(1, 1), promised: ballot(1, 2), using: &generator) == .none)
        #expect(proposer.refusalReceived(ballot(2, 1), promised: ballot(1, 2), using: &generator) == .none)
        #expect(proposer.ballot == ballot(2, 1))
    }

    @Test mutating func `a peer that claims the last round brings no trap and no reused ballot`() {
        var proposer = proposer()
        _ = proposer.propose([7])
        _ = proposer.roundPersisted(1, using: &generator)
        _ = proposer.refusalReceived(ballot(1, 1), promised: ballot(Ballot.roundMax, 2), using: &generator)
        #expect(proposer.timerFired(using: &generator) == .none)
        #expect(proposer.propose([7]) == .none)
    }

    @Test mutating func `nothing is sent after the end`() {
        var proposer = proposer()
        _ = proposer.propose([7])
        _ = proposer.roundPersisted(1, using: &generator)
        proposer.stop()
        #expect(proposer.timerFired(using: &generator) == .none)
        #expect(
            proposer.promiseReceived(ballot(1, 1), accepted: nil, from: replica(2), using: &generator) == .none
        )
    }
}
