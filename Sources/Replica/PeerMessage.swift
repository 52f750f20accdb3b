import Ledger
import Raft
import Wire

/// What one replica of a group tells another. Every message may be lost, repeated, late or out of order.
public struct PeerMessage: Hashable, Sendable {
    /// The sender.
    public var from: ReplicaID
    /// The addressee.
    public var to: ReplicaID
    /// What the sender knows of replicated time.
    public var time: TimeReport
    /// The latest version of commands that the sender's release can apply.
    public var supportedVersion: UInt32
    /// What it says.
    public var payload: Payload

    /// A value of these fields.
    public init(from: ReplicaID, to: ReplicaID, time: TimeReport, supportedVersion: UInt32, payload: Payload) {
        self.from = from
        self.to = to
        self.time = time
        self.supportedVersion = supportedVersion
        self.payload = payload
    }

    /// The kinds of message.
    public enum Payload: Hashable, Sendable {
        /// Of the consensus core.
        case raft(Message)
        /// A batch for the leader to propose: of a state machine's commands, without a time yet.
        case forward([UInt8])
        /// The sender's digest after the entry at this index.
        case checkpoint(LogIndex, LedgerDigest)
        /// A replica whose state is wrong asks for a part of the state: from this offset on of that snapshot, or of the
        /// newest, which must be of this index at least.
        case stateRequest(LogPosition?, atLeast: LogIndex, offset: UInt64)
        /// A part of it.
        case statePart(StatePart)
    }

    /// A part of a snapshot, for a replica whose log is right and whose state is not.
    public struct StatePart: Hashable, Sendable {
        /// Which snapshot.
        public var position: LogPosition
        /// Its length in bytes.
        public var bytes: UInt64
        /// Where the part begins.
        public var offset: UInt64
        /// The part.
        public var data: [UInt8]
    }
}

/// What a replica knows of replicated time. See ``ReplicatedClock``.
public enum TimeReport: Hashable, Sendable {
    /// It has followed replicated time since it was last known, by a clock that did not stop: it is at least this.
    case running(LedgerTime)
    /// It was away, and nobody has told it yet: by its wall clock it would be this.
    case resumed(LedgerTime)
}
