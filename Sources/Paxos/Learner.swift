import Wire

/// The learner of single-decree Paxos: finds out that a value was chosen, which is when a quorum of acceptors has
/// accepted it under one ballot.
///
/// A value. It counts for the highest ballot that it has heard of: a value chosen under an earlier one is proposed again
/// under every later one, so nothing is missed for good.
public struct Learner: Sendable {
    private let acceptors: [ReplicaID]
    private let quorum: Quorum
    private var proposal: Proposal?
    private var accepted: [ReplicaID] = []

    /// The chosen value, once known.
    public private(set) var chosen: [UInt8]?

    /// - Parameter acceptors: all of them, each once. They never change during a decision.
    public init(acceptors: [ReplicaID], quorum: Quorum = .majority) {
        self.acceptors = acceptors
        self.quorum = quorum
    }

    /// An acceptor has accepted.
    /// - Returns: the value, if this was the answer that a quorum was waiting for.
    public mutating func acceptedReceived(_ accepted: Proposal, from acceptor: ReplicaID) -> [UInt8]? {
        guard chosen == nil, acceptors.contains(acceptor) else { return nil }
        if let proposal, proposal.ballot >= accepted.ballot {
            // An earlier ballot says nothing new, and a ballot has one value.
            guard proposal == accepted, !self.accepted.contains(acceptor) else { return nil }
            self.accepted.append(acceptor)
        } else {
            proposal = accepted
            self.accepted = [acceptor]
        }
        guard quorum.isReached(by: self.accepted.count, of: acceptors.count) else { return nil }
        chosen = accepted.value
        return chosen
    }
}
