import Wire

/// What an ``EventualExchange`` wants done.
public enum EventualAction: Hashable, Sendable {
    /// Send these bytes to a peer, at most ``EventualExchange/messageBytesMax``. If that cannot be done at once they are
    /// dropped: the next say the same.
    case send(ReplicaID, [UInt8])
}
