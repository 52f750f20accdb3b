import Raft

/// Something that a look at a log's files has found, in the order in which it was found. Nothing in it is a secret: of
/// commands and snapshots it has the size, never the content.
public enum InspectionFinding: Hashable, Sendable {
    /// The folder is being made, or unmade: nothing in it counts.
    case unfinishedCreation
    /// A segment whose head is good. Its records follow.
    case segment(path: String, number: UInt64, bytes: UInt64, identity: StorageIdentity)
    /// A record of the segment.
    case record(InspectedRecord)
    /// The segment's records end here, as they should. What is behind has never been written.
    case end(offset: UInt64, free: UInt64)
    /// The last segment's records end here, and behind are the remains of some that were never acknowledged. The next
    /// start cuts them: this is what a crash leaves.
    case tornTail(TornTail)
    /// A snapshot that is good from its first byte to its last.
    case snapshot(path: String, description: SnapshotDescription, identity: StorageIdentity)
    /// A file that the log does not use: unfinished ones of its own are removed at the next start, others stay.
    case unused(path: String, isUnfinished: Bool)
    /// Something is wrong.
    case problem(StorageError)
}

/// A record, without what is in it.
public struct InspectedRecord: Hashable, Sendable {
    /// Where its header is, in bytes from the file's beginning.
    public var offset: UInt64
    /// What it is.
    public var kind: RecordKind
    /// The entry's position, or the one that the record speaks of. Of a hard state only the term counts.
    public var position: LogPosition
    /// All of the segment before this offset was known to be durable when the record was written.
    public var durable: UInt64
    /// Bytes of its payload.
    public var payloadBytes: Int
    /// Term and vote, and what the disk was known to have lost, where it has them.
    public var hardState: HardState?
    /// The membership, where it has one.
    public var configuration: Configuration?
}
