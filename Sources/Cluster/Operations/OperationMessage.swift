import Raft
import Wire

/// What nodes tell one another for an operator's sake. Each may be lost, late or repeated.
///
/// Its first byte is none of a ``Replica/NodeMessage``.
enum OperationMessage: Hashable, Sendable {
    /// The leader is asked.
    case request(number: UInt64, OperationRequest)
    /// It answers.
    case answer(number: UInt64, OperationAnswer)
    /// A node that is no member has said to the sender that it is there: its ``Replica/NodeMessage``, in bytes.
    case relayed([UInt8])

    /// The first byte.
    static let tag: UInt8 = 3
}

/// What a leader is asked for.
enum OperationRequest: Hashable, Sendable {
    /// To change the membership, if it is still this one and this the term: one that comes late changes nothing.
    case change(ConfigurationChange, from: Configuration, term: Term)
    /// To hand over: to this voter, or to whoever is furthest.
    case transfer(ReplicaID?)
    /// How far the members are.
    case progress
}

/// What a leader answers.
enum OperationAnswer: Hashable, Sendable {
    /// A member, as the leader sees it.
    struct Progress: Hashable, Sendable {
        var id: ReplicaID
        var match: UInt64
        var isReachable: Bool
    }

    /// It is done; of a handing over, begun.
    case done
    /// Not now: the sender looks again.
    case busy(String)
    /// Not at all; a sentence for the operator.
    case refused(String)
    /// Sorted by id.
    case progress([Progress])
}
