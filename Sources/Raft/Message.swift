import Wire

/// What one replica tells another. Every message may be lost, repeated, late or out of order; each kind is idempotent.
///
/// `from` and `to` are replica ids, not names: a message for a replica that this node was before its disk was lost is
/// dropped, and so is one from it.
public struct Message: Hashable, Sendable {
    /// The sender.
    public var from: ReplicaID
    /// The addressee. A replica drops what is not addressed to it.
    public var to: ReplicaID
    /// The sender's term; in a pre-vote request (and in the answer that grants it) the term it would campaign in.
    public var term: Term
    /// What it says.
    public var body: Body

    /// A value of these fields.
    public init(from: ReplicaID, to: ReplicaID, term: Term, body: Body) {
        self.from = from
        self.to = to
        self.term = term
        self.body = body
    }

    /// The kinds of message.
    public enum Body: Hashable, Sendable {
        /// RequestVote (section 5.2), or the question before it whether an election could be won (dissertation, 9.6).
        case voteRequest(VoteRequest)
        /// The answer.
        case voteResponse(VoteResponse)
        /// AppendEntries with entries, or to find out where logs agree (section 5.3).
        case appendRequest(AppendRequest)
        /// The answer.
        case appendResponse(AppendResponse)
        /// A sign of life, and a round of ReadIndex (dissertation, 6.4).
        case heartbeatRequest(HeartbeatRequest)
        /// The answer.
        case heartbeatResponse(HeartbeatResponse)
        /// A part of a snapshot (section 7).
        case snapshotRequest(SnapshotRequest)
        /// The answer.
        case snapshotResponse(SnapshotResponse)
        /// A follower asks for an index that it may read at once it has applied it.
        case readIndexRequest(context: UInt64)
        /// The leader's answer; nil where it cannot say now: the follower asks again.
        case readIndexResponse(context: UInt64, index: LogIndex?)
        /// A leader bids a caught-up follower to campaign at once (dissertation, 3.10).
        case timeoutNow
    }
}

/// A candidate's question.
public struct VoteRequest: Hashable, Sendable {
    /// Only asks; changes nothing at the addressee.
    public var isPreVote: Bool
    /// The last position of the candidate's log.
    public var last: LogPosition
    /// The leader itself bade the candidate to campaign: stickiness does not apply.
    public var isTransfer: Bool

    /// A value of these fields.
    public init(isPreVote: Bool, last: LogPosition, isTransfer: Bool) {
        self.isPreVote = isPreVote
        self.last = last
        self.isTransfer = isTransfer
    }
}

/// A voter's answer.
public struct VoteResponse: Hashable, Sendable {
    /// Which question it answers.
    public var isPreVote: Bool
    /// Yes or no.
    public var granted: Bool

    /// A value of these fields.
    public init(isPreVote: Bool, granted: Bool) {
        self.isPreVote = isPreVote
        self.granted = granted
    }
}

/// Entries that follow `previous`.
public struct AppendRequest: Hashable, Sendable {
    /// The entry before the first one here.
    public var previous: LogPosition
    /// Consecutive; may be none.
    public var entries: [Entry]
    /// The leader's commit index.
    public var commit: LogIndex

    /// A value of these fields.
    public init(previous: LogPosition, entries: [Entry], commit: LogIndex) {
        self.previous = previous
        self.entries = entries
        self.commit = commit
    }
}

/// What became of an append.
public enum AppendResponse: Hashable, Sendable {
    /// The sender's log is durable and the same as the leader's up to here.
    case accepted(through: LogIndex)
    /// The sender's log has no entry at `previous` of that term. Its greatest position at or below `previous.index`
    /// whose term is at most `previous.term` is the hint: the leader goes back to there at once (section 5.3).
    case rejected(previous: LogIndex, hint: LogPosition)
}

/// A sign of life.
public struct HeartbeatRequest: Hashable, Sendable {
    /// The leader's commit index, at most what it knows to be in the addressee's log.
    public var commit: LogIndex
    /// Grows by one with each round; the answer repeats it. ReadIndex counts them.
    public var round: UInt64

    /// A value of these fields.
    public init(commit: LogIndex, round: UInt64) {
        self.commit = commit
        self.round = round
    }
}

/// The answer to a sign of life.
public struct HeartbeatResponse: Hashable, Sendable {
    /// The round it answers.
    public var round: UInt64

    /// A value of these fields.
    public init(round: UInt64) { self.round = round }
}

/// A part of a snapshot file's payload.
public struct SnapshotRequest: Hashable, Sendable {
    /// Which snapshot.
    public var snapshot: SnapshotDescription
    /// Where the part begins, in bytes.
    public var offset: UInt64
    /// How long the part is, in bytes. ``RaftSettings/snapshotChunkBytes`` at most.
    public var length: UInt32
    /// The part. Empty when it leaves the core: whoever sends the message reads it from the file.
    public var data: [UInt8]

    /// A value of these fields.
    public init(snapshot: SnapshotDescription, offset: UInt64, length: UInt32, data: [UInt8]) {
        self.snapshot = snapshot
        self.offset = offset
        self.length = length
        self.data = data
    }
}

/// What became of a part of a snapshot.
public struct SnapshotResponse: Hashable, Sendable {
    /// What became of it.
    public enum Outcome: Hashable, Sendable {
        /// All bytes below this offset have arrived; the next part begins here. Also the answer to a part that came out
        /// of turn.
        case received(UInt64)
        /// The snapshot is on disk, or the log was as far already: it is the same as the leader's up to here.
        case installed(through: LogIndex)
        /// The bytes were not a snapshot, or could not be kept: from the beginning, after a pause.
        case refused
    }

    /// Which snapshot.
    public var position: LogPosition
    /// What became of it.
    public var outcome: Outcome

    /// A value of these fields.
    public init(position: LogPosition, outcome: Outcome) {
        self.position = position
        self.outcome = outcome
    }
}
