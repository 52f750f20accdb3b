import Raft
import RaftStorage

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
