import Wire

/// A node that is no member and has said lately that it is there: what an operator adds, or puts in another's place.
public struct WaitingNode: Hashable, Sendable {
    /// Its name, as in its certificate.
    public var name: String
    /// The replica on its disk.
    public var replica: ReplicaID
    /// Where it says that it is reached; nil where it has not.
    public var address: String?
}
