import Wire

/// What must be put on disk, in one piece and in order. When it and all before it are durable, the driver calls
/// ``Raft/persisted(_:)`` with its number.
public struct PersistRequest: Hashable, Sendable {
    /// Numbers grow by one.
    public var number: UInt64
    /// The new hard state, where it changed.
    public var hardState: HardState?
    /// Consecutive entries. The first may be at or below the last one on disk: it and all after it are replaced.
    public var entries: [Entry]

    /// A value of these fields.
    public init(number: UInt64, hardState: HardState?, entries: [Entry]) {
        self.number = number
        self.hardState = hardState
        self.entries = entries
    }
}

/// What the state machine is to do next, in order.
public enum ApplyStep: Hashable, Sendable {
    /// Apply these: committed, consecutive, beginning after the last one applied.
    case entries([Entry])
    /// Replace the whole state by this snapshot, which is durable. It is newer than what is applied.
    case restore(SnapshotDescription)
}

/// A part of a snapshot that came from the leader, in order and without gaps.
public struct IncomingSnapshotPart: Hashable, Sendable {
    /// Which transfer: of all its parts the same, of no other's. What comes of them is reported with it.
    public var transfer: UInt64
    /// Which snapshot.
    public var snapshot: SnapshotDescription
    /// Where the part begins. 0 begins a new file; an unfinished one of before is thrown away.
    public var offset: UInt64
    /// The part.
    public var data: [UInt8]
    /// The last part: verify, make durable, then call ``Raft/snapshotInstalled(_:)``, or ``Raft/snapshotRefused(_:)``
    /// where the file is not what it should be.
    public var isLast: Bool

    /// A value of these fields.
    public init(transfer: UInt64, snapshot: SnapshotDescription, offset: UInt64, data: [UInt8], isLast: Bool) {
        self.transfer = transfer
        self.snapshot = snapshot
        self.offset = offset
        self.data = data
        self.isLast = isLast
    }
}

/// An answer to ``Raft/readIndex(context:)``.
public struct ReadState: Hashable, Sendable {
    /// The number that the asker gave.
    public var context: UInt64
    /// Once this is applied, the read is linearizable. Nil: no answer can be had; ask again.
    public var index: LogIndex?

    /// A value of these fields.
    public init(context: UInt64, index: LogIndex?) {
        self.context = context
        self.index = index
    }
}

/// All that the core wants done since it was asked last.
///
/// Messages may be sent at once, before or after the persist request is done: what must wait for the disk is held back
/// by the core until ``Raft/persisted(_:)``.
public struct RaftOutput: Hashable, Sendable {
    /// To put on disk.
    public var persist: PersistRequest?
    /// To put into the snapshot file that is being received. After everything in `persist`.
    public var snapshotParts: [IncomingSnapshotPart] = []
    /// To send, in order. Requests with a part of a snapshot have no data yet.
    public var messages: [Message] = []
    /// To apply, in order.
    public var apply: [ApplyStep] = []
    /// Reads that may be answered once their index is applied.
    public var reads: [ReadState] = []

    /// Nothing to do.
    public init() {}

    /// Whether there is nothing to do.
    public var isEmpty: Bool {
        persist == nil && snapshotParts.isEmpty && messages.isEmpty && apply.isEmpty && reads.isEmpty
    }
}
