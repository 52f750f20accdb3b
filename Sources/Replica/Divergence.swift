import Ledger
import Raft
import Wire

/// Voters whose states differ, and no majority that agrees on one.
struct Dispute: Hashable, Sendable {
    /// The entry after which they differ.
    let index: LogIndex
    /// When that was seen.
    let since: BootTime
    /// The voters that have not told their digests do not, or cannot decide: nothing is decided any more.
    var isDeclared = false
}

/// A state that is known to be wrong, and the fetching of a right one.
struct Divergence<Machine: StateMachine>: Sendable {
    /// A state that was fetched.
    struct State: Sendable {
        /// Of the snapshot.
        let position: LogPosition
        /// The state after ``index``.
        var machine: Machine
        /// The last entry of the log that was applied to it.
        var index: LogIndex
    }

    /// What a part has brought.
    enum Arrival {
        /// Nothing: it is not the next one.
        case nothing
        /// The next one is wanted.
        case part
        /// All of the state is there.
        case state
        /// The state cannot be read: it is fetched anew, of another source where there is one.
        case damage
    }

    /// The entry after which it differed.
    let index: LogIndex
    /// The majority's digest there.
    let digest: LedgerDigest
    /// Who has that digest.
    private let sources: [ReplicaID]
    /// Which of them is asked.
    private var turn = 0
    /// The snapshot that is being fetched, once the source has said which.
    private(set) var position: LogPosition?
    /// Its length in bytes.
    private var bytes: UInt64 = 0
    /// How many have come.
    private(set) var received: UInt64 = 0
    /// What has come, read as it came: all of it at once would keep the loop for too long.
    private var decoder: SnapshotPayloadDecoder<Machine>?
    private var askedAt: BootTime?
    private var progressAt: BootTime
    /// All of it; to be installed once this replica has applied as far.
    private var state: State?

    /// Without a part for so long another source is asked, in nanoseconds: 2 s.
    private static var patience: UInt64 { 2_000_000_000 }

    init(index: LogIndex, digest: LedgerDigest, sources: [ReplicaID], now: BootTime) {
        self.index = index
        self.digest = digest
        self.sources = sources
        progressAt = now
    }

    /// Whom to ask now, if anybody.
    mutating func sourceToAsk(_ now: BootTime, retryAfter: UInt64) -> ReplicaID? {
        guard !sources.isEmpty else { return nil }
        if now.nanoseconds(since: progressAt) >= Self.patience {
            turn += 1
            restart()
            progressAt = now
        }
        if let askedAt, now.nanoseconds(since: askedAt) < retryAfter { return nil }
        askedAt = now
        return sources[turn % sources.count]
    }

    /// From the beginning.
    mutating func restart() {
        position = nil
        bytes = 0
        received = 0
        decoder = nil
        state = nil
        askedAt = nil
    }

    /// A part came.
    mutating func received(_ part: PeerMessage.StatePart, from source: ReplicaID, now: BootTime) -> Arrival {
        guard state == nil, !sources.isEmpty, source == sources[turn % sources.count],
            position == nil || position == part.position && bytes == part.bytes, part.offset == received,
            !part.data.isEmpty
        else { return .nothing }
        if position == nil {
            position = part.position
            bytes = part.bytes
            decoder = SnapshotPayloadDecoder(bytes: part.bytes, index: part.position.index)
        }
        received += UInt64(part.data.count)
        progressAt = now
        askedAt = now
        do throws(SnapshotPayloadFailure) {
            try decoder?.take(part.data)
            guard received >= bytes, let machine = try decoder?.finish() else { return .part }
            decoder = nil
            state = State(position: part.position, machine: machine, index: part.position.index)
            return .state
        } catch {
            turn += 1
            restart()
            return .damage
        }
    }

    /// Whether all of a state is there, and is to be applied to no entry after this one.
    func isInstallable(through index: LogIndex) -> Bool { state.map { $0.index <= index } ?? false }

    /// Whether all of a state is there.
    var hasState: Bool { state != nil }

    /// The state, to be worked on: moved out, so that nothing of it is copied.
    mutating func takeState() -> State? { state.take() }

    /// It is to be worked on later.
    mutating func keep(_ state: State) { self.state = state }
}
