import Raft

/// What was found on disk at the start, made whole and durable.
public struct RecoveredState: Hashable, Sendable {
    /// Whose files they are. The caller compares it with who it is.
    public var identity: StorageIdentity
    /// What the core starts from.
    public var restored: RestoredState
    /// What a crash had left half written, never acknowledged, and was cut. Nil where the log ended cleanly.
    public var tornTail: TornTail?

    /// A value of these fields.
    public init(identity: StorageIdentity, restored: RestoredState, tornTail: TornTail?) {
        self.identity = identity
        self.restored = restored
        self.tornTail = tornTail
    }
}

/// A torn tail that was cut.
public struct TornTail: Hashable, Sendable {
    /// The segment.
    public var path: String
    /// Where the cut was made, in bytes from the file's beginning.
    public var offset: UInt64
    /// Bytes from there to the last one that was not zero.
    public var bytes: UInt64

    /// A value of these fields.
    public init(path: String, offset: UInt64, bytes: UInt64) {
        self.path = path
        self.offset = offset
        self.bytes = bytes
    }
}
