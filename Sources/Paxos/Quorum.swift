/// How many acceptors must answer, in both phases. Any two quorums of the same acceptors have a member in common; all
/// that Paxos promises follows from that.
public enum Quorum: Hashable, Sendable {
    /// More than half. Goes on while a minority is away; needs every acceptor to keep its state: one that comes back
    /// with an empty disk can be the very member that two quorums had in common.
    case majority
    /// Every acceptor. Waits for the last one; two quorums have all members in common, so that one of them that kept
    /// its state is enough to know that a value was chosen.
    case all

    /// Whether `count` of `total` acceptors are a quorum.
    public func isReached(by count: Int, of total: Int) -> Bool {
        switch self {
        case .majority: count > total / 2
        case .all: count >= total
        }
    }
}
