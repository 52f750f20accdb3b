import Raft
import Wire

/// What is under way with snapshots: written, read for others, received.
struct SnapshotProgress<Machine: StateMachine>: Sendable {
    /// What waits for a part of a snapshot to be read.
    enum Reader: Sendable {
        /// A request of the core, whose data it is.
        case follower(Message)
        /// A replica whose state is wrong.
        case diverged(ReplicaID, bytes: UInt64)
    }

    /// Somebody asked for a snapshot.
    var isWanted = false
    /// The newest one on disk cannot be read, or may be of a wrong state: another is to take its place, even if nothing
    /// was applied since.
    var isSpoiled = false
    /// The one that is being written takes the place of a spoiled one.
    private var isMending = false
    /// One is being written.
    var isWriting = false
    /// Bytes of entries applied since the last.
    var bytesApplied: UInt64 = 0
    /// When the last was made, or this process started.
    private(set) var lastAt: BootTime
    /// None is tried before: the last one failed.
    var pausedUntil = BootTime.zero
    /// When a part of a leader's snapshot came last, while one is being received.
    var receivingAt: BootTime?
    /// Why the last own one could not be kept. Nil since one was.
    private var ownFailure: String?
    /// Own ones that could not be kept, since this process started.
    private(set) var failures: UInt64 = 0
    /// A leader's that could not be kept: why, and the last entry in the state then. Whoever applies more needs none.
    private var refusal: (why: String, appliedIndex: LogIndex)?
    /// When a refusal was told last. Nil since the operator was told that it is over.
    private var refusalToldAt: BootTime?
    private var received: (position: LogPosition, machine: Machine)?
    private var readers: [(number: UInt64, reader: Reader)] = []
    private var nextRead: UInt64 = 0

    init(now: BootTime) { lastAt = now }

    /// Reads that are under way.
    var readCount: Int { readers.count }

    /// Whether the newest one on disk is not to be used.
    var isDoubtful: Bool { isSpoiled || isMending }

    mutating func begin() {
        isMending = isSpoiled
        isSpoiled = false
        isWanted = false
        isWriting = true
        bytesApplied = 0
    }

    mutating func ended(_ now: BootTime) {
        isMending = false
        isWriting = false
        lastAt = now
    }

    /// It was not written to its end: another one came between. It is tried again unless that one is taken.
    mutating func superseded() {
        isWanted = true
        isSpoiled = isDoubtful
        isMending = false
        isWriting = false
    }

    /// It could not be written, and is tried again after a pause.
    mutating func failed(_ now: BootTime, _ why: String) {
        isWanted = true
        isSpoiled = isDoubtful
        ownFailure = why
        failures += 1
        ended(now)
    }

    /// Why one, the own or a leader's, could not be kept. Nil since one was.
    var failure: String? { refusal?.why ?? ownFailure }

    /// One was kept. Returns whether that is news.
    mutating func endFailure() -> Bool {
        defer { (ownFailure, refusal, refusalToldAt) = (nil, nil, nil) }
        return failure != nil
    }

    /// The state goes up to this entry: a leader's snapshot that could not be kept is needed no more. Returns whether nothing
    /// is wrong any more, which is news: an own one that could not be kept still is to be.
    mutating func endFailure(appliedIndex: LogIndex) -> Bool {
        guard let refusal, appliedIndex > refusal.appliedIndex else { return false }
        (self.refusal, refusalToldAt) = (nil, nil)
        return ownFailure == nil
    }

    /// A leader's was refused; whether that is to be told, for a leader sends it again and again.
    mutating func isRefusalNews(_ now: BootTime, _ why: String, appliedIndex: LogIndex, pause: UInt64) -> Bool {
        refusal = (why, appliedIndex)
        if let refusalToldAt, now.nanoseconds(since: refusalToldAt) < pause { return false }
        refusalToldAt = now
        return true
    }

    mutating func received(_ machine: Machine, at position: LogPosition) {
        received = (position, machine)
        receivingAt = nil
    }

    mutating func takeReceived(_ position: LogPosition) -> Machine? {
        defer { received = nil }
        guard let received, received.position == position else { return nil }
        return received.machine
    }

    mutating func restored(_ now: BootTime) {
        isWanted = false
        isSpoiled = false
        bytesApplied = 0
        lastAt = now
    }

    mutating func addReader(_ reader: Reader) -> UInt64 {
        nextRead += 1
        readers.append((nextRead, reader))
        return nextRead
    }

    mutating func takeReader(_ number: UInt64) -> Reader? {
        readers.firstIndex { $0.number == number }.map { readers.remove(at: $0).reader }
    }
}
