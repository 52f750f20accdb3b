import Raft
import RaftStorage
import Wire

/// What a disk may hold after a crash: the log after every record that was written since the last synchronization, and
/// the snapshots that were finished, or were being finished.
struct Model {
    /// A log, after one of its records.
    struct Version: Equatable {
        var hardState = HardState.initial
        /// The position that the log goes on after.
        var base = LogPosition.zero
        var entries: [Entry] = []

        var last: LogPosition { entries.last?.position ?? base }

        func term(at index: LogIndex) -> Term? {
            guard index > base.index, index <= last.index else { return nil }
            return entries[Int(index.rawValue - base.index.rawValue - 1)].position.term
        }

        mutating func append(_ entry: Entry) {
            entries.removeLast(entries.count - Int(entry.position.index.rawValue - base.index.rawValue - 1))
            entries.append(entry)
        }

        mutating func reset(to position: LogPosition) {
            base = position
            entries = []
        }

        /// The log that a start makes of it with that snapshot.
        func starting(with snapshot: LogPosition) -> Version {
            var version = self
            let matches = snapshot == base || term(at: snapshot.index) == snapshot.term || snapshot.index < base.index
            if !matches { version.reset(to: snapshot) }
            return version
        }
    }

    /// The first is what was synchronized last; then one after each record.
    private(set) var versions = [Version()]
    /// The newest snapshot that is durable, and one that may be.
    private(set) var snapshots: [LogPosition: [UInt8]] = [.zero: Array("genesis".utf8)]
    private(set) var newest = LogPosition.zero
    private(set) var candidate: LogPosition?

    var current: Version { versions[versions.count - 1] }

    mutating func written(_ request: PersistRequest) {
        var version = current
        if let state = request.hardState {
            version.hardState = state
            versions.append(version)
        }
        for entry in request.entries {
            version.append(entry)
            versions.append(version)
        }
    }

    mutating func synchronized() { versions = [current] }

    /// A snapshot may be durable from now on.
    mutating func finishing(_ position: LogPosition, _ payload: [UInt8]) {
        snapshots[position] = payload
        candidate = position
    }

    mutating func finished() {
        guard let candidate else { return }
        newest = candidate
        self.candidate = nil
    }

    /// The log may go on after a snapshot from now on.
    mutating func installing(_ position: LogPosition) {
        let version = current.starting(with: position)
        if version != current { versions.append(version) }
    }

    /// Why this cannot be what the disk holds; nil where it can.
    func contradiction(_ restored: RestoredState) -> String? {
        let snapshot = restored.snapshot.position
        guard snapshot == newest || snapshot == candidate else { return "the snapshot is \(snapshot)" }
        guard restored.snapshot.bytes == snapshots[snapshot]?.count ?? -1 else { return "the snapshot's length" }
        guard versions.contains(where: { isOutcome(restored, of: $0.starting(with: snapshot)) }) else {
            return """
                \(restored.hardState) with \(restored.entries.map(\.position)) after \(snapshot) is none of
                \(versions.map { "\($0.hardState) \($0.base) \($0.entries.map(\.position))" })
                """
        }
        return nil
    }

    private func isOutcome(_ restored: RestoredState, of version: Version) -> Bool {
        guard restored.hardState == version.hardState else { return false }
        let above = version.entries.drop { $0.position.index <= restored.snapshot.position.index }
        guard let first = restored.entries.first?.position.index else { return above.isEmpty }
        // Entries below the snapshot may be there still.
        return first.rawValue <= restored.snapshot.position.index.rawValue + 1
            && restored.entries.elementsEqual(version.entries.drop { $0.position.index < first })
    }
}

/// One step of a history.
enum Step {
    case append(PersistRequest)
    case synchronize
    /// Of the replica's own state: everything below stays until segments are removed.
    case snapshot(LogPosition, [UInt8])
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

    init(seed: UInt64, count: Int) {
        random = Seeded(seed)
        while steps.count < count { add() }
        steps.append(.synchronize)
    }

    private mutating func add() {
        switch random.below(20) {
        case 0..<9: append()
        case 9..<15: steps.append(.synchronize)
        case 15..<17: takeSnapshot()
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
            state = HardState(term: term, vote: vote)
        }
        var entries: [Entry] = []
        var index = version.last.index
        if random.oneIn(4), index > snapshot.index {
            index = LogIndex(snapshot.index.rawValue + random.below(index.rawValue - snapshot.index.rawValue))
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

    /// A snapshot of an index that is synchronized, as committed entries are.
    private mutating func takeSnapshot() {
        guard version.last.index > snapshot.index else { return }
        steps.append(.synchronize)
        let index = LogIndex(
            snapshot.index.rawValue + 1 + random.below(version.last.index.rawValue - snapshot.index.rawValue)
        )
        guard let term = version.term(at: index) else { return }
        snapshot = LogPosition(term: term, index: index)
        steps.append(.snapshot(snapshot, content()))
    }

    private mutating func install() {
        // Ahead of the log, or within it and of another term.
        let isWithin = random.oneIn(2) && version.last.index > snapshot.index
        let index = isWithin ? version.last.index : version.last.index + (1 + random.below(20))
        let term = max(version.hardState.term, version.last.term) + 1
        version.hardState = HardState(term: term, vote: nil)
        steps.append(.append(Fixture.request([], state: version.hardState)))
        steps.append(.synchronize)
        snapshot = LogPosition(term: term, index: index)
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

/// A storage and the model of its disk, taken through a history together.
struct HistoryRun {
    let files: MemoryFileSystem
    var storage: LogStorage<MemoryFileSystem>
    var model = Model()

    init(files: MemoryFileSystem) throws(StorageError) {
        self.files = files
        storage = try Fixture.create(files)
    }

    /// Takes a step. The model counts as possible what the storage was about to do when it failed.
    mutating func take(_ step: Step) throws(StorageError) {
        switch step {
        case .append(let request):
            let before = model
            model.written(request)
            do {
                try storage.append(request)
            } catch {
                if case .full = error { model = before }
                throw error
            }
        case .synchronize:
            try storage.synchronize()
            model.synchronized()
        case .snapshot(let position, let payload):
            try write(position, payload)
        case .install(let position, let payload):
            try write(position, payload)
            model.installing(position)
            try storage.installed(position)
            model.synchronized()
        case .removeSegments(let index):
            try storage.removeSegments(below: index)
        }
    }

    /// The same step until it succeeds: space is back after each failure.
    mutating func takeUntilDone(_ step: Step) throws(StorageError) {
        for _ in 0..<3 {
            do throws(StorageError) {
                try take(step)
                return
            } catch {
                guard case .full = error else { throw error }
            }
        }
        try take(step)
    }

    private mutating func write(_ position: LogPosition, _ payload: [UInt8]) throws(StorageError) {
        try storage.beginSnapshot(Fixture.snapshot(position))
        for begin in stride(from: 0, to: payload.count, by: 1_000) {
            try storage.appendSnapshot(Array(payload[begin..<min(begin + 1_000, payload.count)]))
        }
        model.finishing(position, payload)
        _ = try storage.finishSnapshot()
        model.finished()
    }
}
