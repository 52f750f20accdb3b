import Raft

/// What can still be read of a log that is damaged: a snapshot, and what follows it in the log up to the first thing that
/// is not what was written.
///
/// Nobody may vote by it: what the replica promised after that is not known. It is for an operator who has nothing better.
public struct SalvagedLog: Hashable, Sendable {
    /// Whose it was.
    public var identity: StorageIdentity
    /// The newest snapshot that is whole.
    public var snapshot: SnapshotDescription
    /// Its payload.
    public var payload: [UInt8]
    /// The entries after the snapshot, without a gap. Some may have been replaced by what cannot be read any more.
    public var entries: [Entry]

    /// A value of these fields.
    public init(identity: StorageIdentity, snapshot: SnapshotDescription, payload: [UInt8], entries: [Entry]) {
        self.identity = identity
        self.snapshot = snapshot
        self.payload = payload
        self.entries = entries
    }

    /// The last membership that can be read.
    public var configuration: Configuration {
        for entry in entries.reversed() {
            if case .configuration(let configuration) = entry.payload { return configuration }
        }
        return snapshot.configuration
    }

    /// Nobody else had a vote, as far as can be read.
    public var isOnlyVoter: Bool {
        let configuration = configuration
        return configuration.voters == [identity.replica]
            && configuration.outgoing.allSatisfy { $0 == identity.replica }
    }
}

extension LogStorage {
    /// Reads what is left of a damaged log, and changes nothing. A file that cannot be read counts as a damaged one.
    /// - Returns: nil where no snapshot is whole.
    /// - Throws: where the folder itself cannot be read.
    public static func salvage(directory: String, files: Files) throws(StorageError) -> SalvagedLog? {
        var disk = StorageFiles(files)
        let paths = StoragePaths(directory: directory)
        guard let names = try disk.listIfPresent(directory), !names.contains(StoragePaths.creatingName) else {
            return nil
        }
        let positions = (try disk.listIfPresent(paths.snapshots) ?? []).compactMap(StoragePaths.snapshotPosition)
        let segments = (try disk.listIfPresent(paths.log) ?? []).compactMap(StoragePaths.segmentNumber).sorted()
        let salvage = LogSalvage(paths: paths, files: files)
        for position in positions.sorted(by: { ($0.index, $0.term) > ($1.index, $1.term) }) {
            guard let (head, payload) = salvage.snapshot(position) else { continue }
            return SalvagedLog(
                identity: head.identity,
                snapshot: head.description,
                payload: payload,
                entries: salvage.entries(after: position, in: segments, identity: head.identity)
            )
        }
        return nil
    }
}

/// Reads files of which any may be damaged.
private struct LogSalvage<Files: FileSystem> {
    let paths: StoragePaths
    let files: Files

    /// A snapshot; nil if any of it is damaged.
    func snapshot(_ position: LogPosition) -> (head: SnapshotHead, payload: [UInt8])? {
        // Each file has a verdict of its own: a failure stops only what reads that one.
        var disk = StorageFiles(files)
        guard let reader = try? SnapshotReader<Files>(path: paths.snapshot(position), disk: &disk) else { return nil }
        defer { reader.close(disk) }
        let count = Int(clamping: reader.head.description.bytes)
        guard reader.head.description.position == position,
            let payload = try? reader.read(offset: 0, count: count, disk: &disk), payload.count == count
        else { return nil }
        return (reader.head, payload)
    }

    /// The entries that follow a snapshot, as far as segments without a number missing can be read.
    func entries(after snapshot: LogPosition, in segments: [UInt64], identity: StorageIdentity) -> [Entry] {
        var rest = segments[...]
        while let last = rest.last {
            var first = rest.count - 1
            while first > 0, rest[first - 1] == rest[first] - 1 { first -= 1 }
            let (extent, entries) = read(rest[first]...last, identity)
            rest = rest[..<first]
            // Those of before a number that is missing may reach back to the snapshot.
            guard let extent, extent.first <= snapshot.index + 1 else { continue }
            // The snapshot was a leader's, and the log another one that it was to replace.
            if let term = extent.term(at: snapshot.index), term != snapshot.term { return [] }
            return entries.filter { $0.position.index > snapshot.index }
        }
        return []
    }

    /// Reads segments until something is wrong.
    private func read(_ numbers: ClosedRange<UInt64>, _ identity: StorageIdentity) -> (LogExtent?, [Entry]) {
        var replay = LogReplay()
        var entries: [Entry] = []
        var current = segment(numbers.lowerBound, identity)
        for number in numbers {
            guard let (head, salt, bytes) = current, head.number == number else { break }
            let next = number < numbers.upperBound ? segment(number + 1, identity) : nil
            let close = next.map {
                SegmentScan.Close(end: Int(clamping: $0.head.previousEnd), sum: $0.head.previousSum)
            }
            var scan = SegmentScan(bytes: bytes, salt: salt, close: close)
            replay.begin(segment: number)
            while let record = scan.next() {
                guard let content = RecordContent(record), (try? replay.take(content)) != nil else {
                    return (replay.extent, entries)
                }
                LogRecovery<Files>.keep(content, &entries)
            }
            guard case .clean? = scan.ending else { break }
            current = next
        }
        return (replay.extent, entries)
    }

    /// A segment with a good head, as much of it as is there.
    private func segment(
        _ number: UInt64,
        _ identity: StorageIdentity
    ) -> (head: SegmentHead, salt: UInt32, bytes: [UInt8])? {
        var disk = StorageFiles(files)
        let path = paths.segment(number)
        guard let file = try? disk.open(path, .read) else { return nil }
        defer { disk.close(file) }
        guard let sector = try? disk.read(file, at: 0, count: SegmentHead.bytes),
            let (head, salt) = try? SegmentHead.read(sector, path: path),
            head.number == number, head.identity == identity,
            let bytes = try? disk.read(file, at: 0, count: Int(head.length))
        else { return nil }
        return (head, salt, bytes)
    }
}
