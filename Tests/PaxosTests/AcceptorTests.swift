import Paxos
import Testing

struct AcceptorTests {
    @Test func `a promise leaves after the state that holds it`() {
        var acceptor = Acceptor()
        let action = acceptor.prepareReceived(ballot(3, 1))
        guard case .persist(let state, thenSend: let message) = action else {
            Issue.record("promised without the disk: \(action)")
            return
        }
        #expect(state.promised == ballot(3, 1))
        #expect(state.accepted == nil)
        #expect(message == .promise(ballot(3, 1), accepted: nil))
    }

    @Test func `an acceptance leaves after the state that holds it`() {
        var acceptor = Acceptor()
        let action = acceptor.acceptReceived(proposal(3, 1, 7))
        guard case .persist(let state, thenSend: let message) = action else {
            Issue.record("accepted without the disk: \(action)")
            return
        }
        #expect(state.promised == ballot(3, 1))
        #expect(state.accepted == proposal(3, 1, 7))
        #expect(message == .accepted(proposal(3, 1, 7)))
    }

    @Test func `what is below the promise is refused, by round and by replica`() {
        var acceptor = Acceptor()
        _ = acceptor.prepareReceived(ballot(3, 2))
        let state = acceptor.state
        for lower in [ballot(2, 9), ballot(3, 1)] {
            #expect(acceptor.prepareReceived(lower) == .send(.refused(lower, promised: ballot(3, 2))))
            #expect(
                acceptor.acceptReceived(Proposal(ballot: lower, value: [1]))
                    == .send(.refused(lower, promised: ballot(3, 2)))
            )
        }
        #expect(acceptor.state == state)
    }

    @Test func `a later prepare is told what was accepted`() {
        var acceptor = Acceptor()
        _ = acceptor.acceptReceived(proposal(1, 1, 7))
        guard case .persist(let state, thenSend: let message) = acceptor.prepareReceived(ballot(2, 2)) else {
            Issue.record("not promised")
            return
        }
        #expect(message == .promise(ballot(2, 2), accepted: proposal(1, 1, 7)))
        #expect(state.accepted == proposal(1, 1, 7))
    }

    /// The order of ballots decides, never the order in which proposals were made or came in (scylla#6139).
    @Test func `a late proposal under an earlier ballot does not replace a later one`() {
        var acceptor = Acceptor()
        _ = acceptor.acceptReceived(proposal(5, 1, 5))
        #expect(acceptor.acceptReceived(proposal(4, 2, 4)) == .send(.refused(ballot(4, 2), promised: ballot(5, 1))))
        #expect(acceptor.state.accepted == proposal(5, 1, 5))
    }

    @Test func `accepting needs no promise of one's own`() {
        var acceptor = Acceptor()
        _ = acceptor.prepareReceived(ballot(1, 1))
        guard case .persist = acceptor.acceptReceived(proposal(2, 2, 2)) else {
            Issue.record("a ballot above the promise was refused")
            return
        }
        #expect(acceptor.state.promised == ballot(2, 2))
    }

    @Test func `repeated messages are answered alike and change nothing`() {
        var acceptor = Acceptor()
        let promised = acceptor.prepareReceived(ballot(1, 1))
        #expect(acceptor.prepareReceived(ballot(1, 1)) == promised)
        let accepted = acceptor.acceptReceived(proposal(1, 1, 7))
        #expect(acceptor.acceptReceived(proposal(1, 1, 7)) == accepted)
    }

    @Test func `a second value under the same ballot is ignored`() {
        var acceptor = Acceptor()
        _ = acceptor.acceptReceived(proposal(1, 1, 7))
        #expect(acceptor.acceptReceived(proposal(1, 1, 8)) == .ignore)
        #expect(acceptor.state.accepted == proposal(1, 1, 7))
    }

    @Test func `an acceptor that starts again keeps its word`() throws {
        var acceptor = Acceptor()
        _ = acceptor.acceptReceived(proposal(2, 1, 7))
        _ = acceptor.prepareReceived(ballot(4, 2))
        var again = Acceptor(state: try AcceptorState(decoding: acceptor.state.encode()))
        #expect(again.state == acceptor.state)
        #expect(again.acceptReceived(proposal(3, 3, 9)) == .send(.refused(ballot(3, 3), promised: ballot(4, 2))))
    }
}
