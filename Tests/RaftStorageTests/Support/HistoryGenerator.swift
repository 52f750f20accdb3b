import Raft
import RaftStorage
import TestSupport
import Wire

/// One step of a history.
enum Step {
    case append(PersistRequest)
    case synchronize
    /// Of the replica's own state: everything below stays until segments are removed. Other steps come between its
    /// slices; another snapshot takes its place.
    case beginSnapshot(LogPosition)
    case snapshotSlice([UInt8])
    case finishSnapshot(LogPosition, [UInt8])
    /// A leader's.
    case install(LogPosition, [UInt8])
    case removeSegments(LogIndex)
}

/// A long random history that a core could have caused.
struct HistoryGenerator {
    private(set) var steps: [Step] = []
    private var version = Model.Version()
    private var random: Seeded
    private var snapshot = LogPosition.zero
    /// The snapshot that is being written: its position, its content, and how much of that is written.
    private var draft: (position: LogPosition, content: [UInt8], written: Int)?
    /// Entries up to here are committed, so that nothing replaces them.
    private var floor = LogIndex.zero

    init(seed: UInt64, count: Int) {
        random = Seeded(seed)
        while steps.count < count { add() }
        steps.append(.synchronize)
    }

    private mutating func add() {
        switch random.below(20) {
        case 0..<9: append()
        case 9..<13: steps.append(.synchronize)
        case 13..<17: goOnWithSnapshot()
        case 17: install()
        default: steps.append(.removeSegments(snapshot.index + 1))
        }
    }

    private mutating func append() {
        var term = version.hardState.term
        var state: HardState?
        if random.oneIn(3) {
            term = term + random.below(2)
            let vote = random.oneIn(2) ? ReplicaID(high: random.next(), low: random.next()) : nil
            let lost = random.oneIn(4) ? LogPosition(term: term, index: version.last.index + 1) : nil
            state = HardState(term: term, vote: vote, forgotten: lost)
        }
        var entries: [Entry] = []
        var index = version.last.index
        if random.oneIn(4), index > floor {
            index = LogIndex(floor.rawValue + random.below(index.rawValue - floor.rawValue))
        }
        term = max(term, version.last.term)
        for _ in 0..<random.below(5) {
            index = index + 1
            entries.append(Entry(position: LogPosition(term: term, index: index), payload: payload()))
        }
        let request = Fixture.request(entries, state: state)
        if let state { version.hardState = state }
        for entry in entries { version.append(entry) }
        steps.append(.append(request))
    }

    private mutating func payload() -> Entry.Payload {
        switch random.below(10) {
        case 0: return .noOperation
        case 1: return .configuration(Fixture.configuration)
        default:
            let count = random.pick([0, 1, 7, 8, 40, 200, 430, 471, 472, 473, 900, 2_000])
            let fill = random.pick([0, 0xFF, 0xA5, 1] as [UInt8])
            let isRandom = random.oneIn(2)
            return .command((0..<count).map { _ in isRandom ? UInt8(truncatingIfNeeded: random.next()) : fill })
        }
    }

    /// Begins a snapshot, writes a slice of it, or ends it.
    private mutating func goOnWithSnapshot() {
        guard let (position, content, written) = draft, !random.oneIn(12) else { return beginSnapshot() }
        guard written < content.count else {
            steps.append(.finishSnapshot(position, content))
            snapshot = position
            draft = nil
            return
        }
        let end = min(content.count, written + random.pick([500, 3_000, 66_000]))
        steps.append(.snapshotSlice(Array(content[written..<end])))
        draft?.written = end
    }

    /// A snapshot of an index that is synchronized, as committed entries are.
    private mutating func beginSnapshot() {
        guard version.last.index > snapshot.index else { return }
        steps.append(.synchronize)
        let index = LogIndex(
            snapshot.index.rawValue + 1 + random.below(version.last.index.rawValue - snapshot.index.rawValue)
        )
        guard let term = version.term(at: index) else { return }
        let position = LogPosition(term: term, index: index)
        floor = max(floor, index)
        draft = (position, content(), 0)
        steps.append(.beginSnapshot(position))
    }

    private mutating func install() {
        // Ahead of the log, or within it and of another term.
        let isWithin = random.oneIn(2) && version.last.index > floor
        let index = isWithin ? version.last.index : version.last.index + (1 + random.below(20))
        let term = max(version.hardState.term, version.last.term) + 1
        version.hardState = HardState(term: term, vote: nil)
        steps.append(.append(Fixture.request([], state: version.hardState)))
        steps.append(.synchronize)
        snapshot = LogPosition(term: term, index: index)
        floor = index
        draft = nil
        steps.append(.install(snapshot, content()))
        version.reset(to: snapshot)
    }

    private mutating func content() -> [UInt8] {
        let count = random.pick([0, 10, 3_000, 70_000])
        let fill = UInt8(truncatingIfNeeded: random.next())
        return [UInt8](repeating: fill, count: count)
    }
}

extension Term {
    static func + (term: Term, count: UInt64) -> Term { Term(term.rawValue + count) }
}
