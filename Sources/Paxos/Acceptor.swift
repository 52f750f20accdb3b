/// The acceptor of single-decree Paxos: the memory of a decision.
///
/// A value. An answer that says something about its state leaves only once that state is durable, so the two come
/// together in one action. Actions are carried out in order; a state that could not be made durable ends the acceptor,
/// which starts again from what is on disk.
public struct Acceptor: Sendable {
    /// What an event asks for.
    public enum Action: Hashable, Sendable {
        /// Make this state durable, in place of the one before, then send the message; not if that failed.
        case persist(AcceptorState, thenSend: PaxosMessage)
        /// Send this to the proposer. It promises nothing.
        case send(PaxosMessage)
        /// The message breaks the rules: no proposer sends it.
        case ignore
    }

    /// What is or soon will be on disk.
    public private(set) var state: AcceptorState

    /// An acceptor that goes on from what is on disk.
    public init(state: AcceptorState = AcceptorState()) { self.state = state }

    /// Phase 1b: promises, unless a later ballot was promised.
    ///
    /// The same ballot is promised again: the answer may have been lost. That it goes through the disk again costs
    /// little, and spares knowing which states have arrived there.
    public mutating func prepareReceived(_ ballot: Ballot) -> Action {
        if let promised = state.promised, promised > ballot {
            return .send(.refused(ballot, promised: promised))
        }
        state.promised = ballot
        return .persist(state, thenSend: .promise(ballot, accepted: state.accepted))
    }

    /// Phase 2b: accepts, unless a later ballot was promised. Whether the value is one to be accepted at all, its owner
    /// has judged before.
    public mutating func acceptReceived(_ proposal: Proposal) -> Action {
        if let promised = state.promised, promised > proposal.ballot {
            return .send(.refused(proposal.ballot, promised: promised))
        }
        if let accepted = state.accepted, accepted.ballot == proposal.ballot, accepted.value != proposal.value {
            return .ignore
        }
        state.promised = proposal.ballot
        state.accepted = proposal
        return .persist(state, thenSend: .accepted(proposal))
    }
}
