import Wire

/// The proposer of single-decree Paxos: brings acceptors to choose a value, its own unless one may have been chosen.
///
/// A value; knows no time and draws no randomness of its own. It has one timer, which the driver keeps: an action that
/// carries a wait sets it anew, and when it is over the driver calls ``timerFired(using:)``. Acceptors are given once:
/// whoever wants others makes another proposer, and must know why that is safe.
public struct Proposer: Sendable {
    /// What an event asks for.
    public enum Action: Hashable, Sendable {
        /// Nothing.
        case none
        /// Make this round durable, then call ``roundPersisted(_:using:)``. A ballot of it may exist from then on.
        case persist(round: UInt64)
        /// Send this to each of them, and set the timer, in nanoseconds.
        case send(PaxosMessage, to: [ReplicaID], timer: UInt64)
        /// Set the timer, in nanoseconds: a later ballot is under way, which is given time to finish.
        case wait(timer: UInt64)
    }

    private enum State: Sendable {
        /// Nothing to do. To `persisting` by `propose`.
        case idle
        /// A new ballot's round is on its way to disk. To `preparing` when it is there.
        case persisting(Ballot)
        /// Phase 1. To `accepting` by a quorum of promises, to `waiting` by a refusal.
        case preparing(Ballot, promised: [ReplicaID], highest: Proposal?)
        /// Phase 2. To `waiting` by a refusal.
        case accepting(Proposal, accepted: [ReplicaID])
        /// Lost to a later ballot. To `persisting` when the timer fires.
        case waiting
    }

    private let replica: ReplicaID
    private let acceptors: [ReplicaID]
    private let quorum: Quorum
    private let backOff: BackOff

    private var state = State.idle
    private var value: [UInt8] = []
    /// The highest round that this replica has used, or any ballot has that it heard of.
    private var round: UInt64
    /// Ballots refused so far.
    private var refusals = 0
    /// How often the phase's message was sent.
    private var sendings = 0

    /// - Parameters:
    ///   - replica: whose ballots they are.
    ///   - acceptors: all of them, each once. They never change during a decision.
    ///   - round: the last one that was made durable by this replica, else 0.
    public init(
        replica: ReplicaID,
        acceptors: [ReplicaID],
        quorum: Quorum = .majority,
        round: UInt64,
        backOff: BackOff = BackOff()
    ) {
        self.replica = replica
        self.acceptors = acceptors
        self.quorum = quorum
        self.round = round
        self.backOff = backOff
    }

    /// The ballot that is being tried.
    public var ballot: Ballot? {
        switch state {
        case .idle, .waiting: nil
        case .persisting(let ballot), .preparing(let ballot, _, _): ballot
        case .accepting(let proposal, _): proposal.ballot
        }
    }

    /// Begins to have a value chosen: this one, unless another may have been.
    /// - Precondition: the value has at most ``Proposal/valueBytesMax`` bytes.
    public mutating func propose(_ value: [UInt8]) -> Action {
        precondition(value.count <= Proposal.valueBytesMax, "a value has at most 64 KiB")
        self.value = value
        guard case .idle = state else { return .none }
        return nextBallot()
    }

    /// Ends it: a learner knows the chosen value.
    public mutating func stop() { state = .idle }

    /// The round of ``Action/persist(round:)`` is on disk.
    public mutating func roundPersisted(_ round: UInt64, using generator: inout some RandomNumberGenerator) -> Action {
        guard case .persisting(let ballot) = state, ballot.round == round else { return .none }
        state = .preparing(ballot, promised: [], highest: nil)
        sendings = 0
        return send(.prepare(ballot), to: acceptors, using: &generator)
    }

    /// Phase 2a, once a quorum has promised: proposes the accepted value of the highest ballot that any of them
    /// reports, else its own.
    public mutating func promiseReceived(
        _ ballot: Ballot,
        accepted: Proposal?,
        from acceptor: ReplicaID,
        using generator: inout some RandomNumberGenerator
    ) -> Action {
        guard case .preparing(let current, var promised, var highest) = state, current == ballot,
            acceptors.contains(acceptor), !promised.contains(acceptor)
        else { return .none }
        promised.append(acceptor)
        if let accepted, highest.map({ $0.ballot < accepted.ballot }) ?? true { highest = accepted }
        guard quorum.isReached(by: promised.count, of: acceptors.count) else {
            state = .preparing(current, promised: promised, highest: highest)
            return .none
        }
        let proposal = Proposal(ballot: current, value: highest?.value ?? value)
        state = .accepting(proposal, accepted: [])
        sendings = 0
        return send(.accept(proposal), to: acceptors, using: &generator)
    }

    /// An acceptor has accepted, and need not be asked again. That a quorum has, a ``Learner`` finds out.
    public mutating func acceptedReceived(_ accepted: Proposal, from acceptor: ReplicaID) {
        guard case .accepting(let proposal, var answered) = state, proposal.ballot == accepted.ballot,
            !answered.contains(acceptor)
        else { return }
        answered.append(acceptor)
        state = .accepting(proposal, accepted: answered)
    }

    /// An acceptor has promised a later ballot: this one is lost.
    public mutating func refusalReceived(
        _ ballot: Ballot,
        promised: Ballot,
        using generator: inout some RandomNumberGenerator
    ) -> Action {
        round = max(round, promised.round)
        guard self.ballot == ballot, promised > ballot else { return .none }
        if case .persisting = state { return .none }
        state = .waiting
        let wait = backOff.delay(attempt: refusals, using: &generator)
        refusals += 1
        return .wait(timer: wait)
    }

    /// The timer's time is over: asks those again that did not answer, or tries the next ballot.
    public mutating func timerFired(using generator: inout some RandomNumberGenerator) -> Action {
        switch state {
        case .idle, .persisting: .none
        case .preparing(let ballot, let promised, _):
            send(.prepare(ballot), to: acceptors.filter { !promised.contains($0) }, using: &generator)
        case .accepting(let proposal, let accepted):
            send(.accept(proposal), to: acceptors.filter { !accepted.contains($0) }, using: &generator)
        case .waiting: nextBallot()
        }
    }

    /// A ballot above all that were heard of. Where a peer has claimed the last round there is none; then it rests.
    private mutating func nextBallot() -> Action {
        guard round < Ballot.roundMax else {
            state = .idle
            return .none
        }
        round += 1
        state = .persisting(Ballot(round: round, replica: replica))
        return .persist(round: round)
    }

    private mutating func send(
        _ message: PaxosMessage,
        to receivers: [ReplicaID],
        using generator: inout some RandomNumberGenerator
    ) -> Action {
        let wait = backOff.delay(attempt: sendings, using: &generator)
        sendings += 1
        return .send(message, to: receivers, timer: wait)
    }
}
