/// Why an operation was not carried out, or is not known to have been. For the operator.
public enum OperationError: Error, Hashable, Sendable {
    /// There is no such node.
    case notFound(String)
    /// No node of this name waits to be admitted.
    case notWaiting(String)
    /// The cluster, as it is, does not allow it.
    case conflict(String)
    /// Something is missing in what was asked.
    case incomplete(String)
    /// This node belongs to no cluster, or no longer.
    case notMember(String)
    /// No majority answers. What was asked may have happened, or happen yet.
    case noQuorum
    /// It was begun and has not come to an end in time. To ask again is safe.
    case unfinished(String)
    /// This node stops. What was asked may have happened.
    case stopped
    /// This node's state is not a majority's, or no majority agrees on one: it answers nothing until it is.
    case diverged
    /// This node does the same for somebody else.
    case busy(String)

    /// One sentence or two, with what to do.
    public var explanation: String {
        switch self {
        case .notFound(let text), .notWaiting(let text), .conflict(let text), .busy(let text): text
        case .incomplete(let text), .notMember(let text), .unfinished(let text): text
        case .noQuorum:
            "No majority of the voters answers this node, so that nothing can be read or changed for certain. See with "
                + "`tollgate cluster status --stale` who is missing, and bring it back; to ask again is safe."
        case .stopped: "This node is stopping: ask another one. To ask again is safe."
        case .diverged:
            "This node's state differs from the majority's, or no majority agrees on one, so that it answers nothing: ask "
                + "another one. `tollgate cluster status --stale` shows when that is over."
        }
    }
}
