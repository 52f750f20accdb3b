import RaftStorage
import RaftTransport
import Replica

/// Why a node cannot take part in a cluster. For the operator.
public enum ClusterError: Error, Hashable, CustomStringConvertible {
    /// The data folder cannot be used.
    case folder(path: String, reason: String)
    /// What is in it cannot be used.
    case storage(StorageError)
    /// A node does not start on what is in the folder, nor wait to be admitted: nothing sound tells which replica it was.
    case damaged(StorageError.Damage, directory: String, node: String)
    /// The list of seeds, or what this node promised under another one.
    case seeds(FoundingRefusal)
    /// Peers cannot be listened for.
    case transport(TransportError)
    /// No peer would take this node's certificate.
    case certificates(TransportTLSError)
    /// The node ended.
    case stopped(StopReason)
    /// The node was ended.
    case closed

    /// One sentence or two, with what to do.
    public var description: String {
        switch self {
        case .folder(let path, let reason): "\(path): \(reason)."
        case .storage(let error): error.description
        case .damaged(let damage, let directory, let node):
            "\(damage) The node cannot tell which replica it was, and does not start. If other nodes of its cluster run: move "
                + "away what is in \(directory), start this node, and run `tollgate cluster replace \(node)` at one of them. If "
                + "not: `tollgate recover --data \(directory)` says what can still be read there, and goes on from it."
        case .seeds(let refusal): refusal.explanation
        case .transport(let error): error.description
        case .certificates(let error): "cluster.tls: \(error.description)."
        case .stopped(let reason): reason.explanation
        case .closed: "The node was ended."
        }
    }
}
