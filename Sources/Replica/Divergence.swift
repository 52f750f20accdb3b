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
struct Divergence: Sendable {
    /// A state that was fetched.
    struct State: Sendable {
        let position: LogPosition
        let bytes: [UInt8]
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
    /// What has come of it.
    private(set) var bytes: [UInt8] = []
    private var askedAt: BootTime?
    private var progressAt: BootTime
    /// All of it; to be installed once this replica has applied as far.
    var state: State?

    /// Without a part for so long another source is asked, in nanoseconds: 2 s.
    private static let patience: UInt64 = 2_000_000_000

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
        bytes = []
        state = nil
        askedAt = nil
    }

    /// A part came. Returns whether it is the next one.
    mutating func received(_ part: PeerMessage.StatePart, from source: ReplicaID, now: BootTime) -> Bool {
        guard state == nil, !sources.isEmpty, source == sources[turn % sources.count],
            position == nil || position == part.position, part.offset == UInt64(bytes.count), !part.data.isEmpty
        else { return false }
        position = part.position
        bytes += part.data
        progressAt = now
        askedAt = now
        return true
    }

    /// All bytes, if these are all.
    mutating func takeComplete(_ count: UInt64) -> [UInt8]? {
        guard UInt64(bytes.count) >= count else { return nil }
        var taken: [UInt8] = []
        swap(&taken, &bytes)
        return taken
    }
}
