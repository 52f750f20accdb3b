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
    /// Reads what is left of a damaged log, and changes nothing. A file that the device fails to read, or that is none, counts
    /// as a damaged one.
    /// - Returns: nil where no snapshot is whole.
    /// - Throws: where the folders themselves cannot be read; and where another user, another moment or another release can read
    ///   more than this one.
    public static func salvage(directory: String, files: Files) throws(StorageError) -> SalvagedLog? {
        var losses: [StorageError.Damage] = []
        return try salvage(directory: directory, files: files, losses: &losses)
    }

    /// As ``salvage(directory:files:)``.
    /// - Parameter losses: gets all that was found to be damaged, or could not be read, in the order in which it was met.
    public static func salvage(
        directory: String,
        files: Files,
        losses: inout [StorageError.Damage]
    ) throws(StorageError) -> SalvagedLog? {
        var disk = StorageFiles(files)
        let paths = StoragePaths(directory: directory)
        guard let names = try disk.listIfPresent(directory), !names.contains(StoragePaths.creatingName) else {
            return nil
        }
        var salvage = LogSalvage(paths: paths, files: files)
        defer { losses += salvage.losses }
        let positions = (try disk.listIfPresent(paths.snapshots) ?? []).compactMap(StoragePaths.snapshotPosition)
        let segments = (try disk.listIfPresent(paths.log) ?? []).compactMap(StoragePaths.segmentNumber).sorted()
        for position in positions.sorted(by: { ($0.index, $0.term) > ($1.index, $1.term) }) {
            guard let (head, payload) = try salvage.snapshot(position) else { continue }
            return SalvagedLog(
                identity: head.identity,
                snapshot: head.description,
                payload: payload,
                entries: try salvage.entries(after: position, in: segments, identity: head.identity)
            )
        }
        return nil
    }
}

/// Reads files of which any may be damaged.
private struct LogSalvage<Files: FileSystem> {
    let paths: StoragePaths
    let files: Files
    /// What was wrong.
    private(set) var losses: [StorageError.Damage] = []

    init(paths: StoragePaths, files: Files) {
        self.paths = paths
        self.files = files
    }

    /// Something may be met twice: a segment is looked at as the one after another, too.
    private mutating func lose(_ damage: StorageError.Damage) {
        if !losses.contains(damage) { losses.append(damage) }
    }

    private mutating func lose(_ path: String, _ offset: Int, _ problem: StorageError.Problem) {
        lose(StorageError.Damage(path: path, offset: UInt64(offset), problem: problem))
    }

    private mutating func lose(_ path: String, at offset: Int = 0, _ error: StorageError) throws(StorageError) {
        switch error {
        case .damaged(let damage): lose(damage)
        case .fatal(let error) where error.isOfFile: lose(path, offset, error.isOfDevice ? .deviceFailed : .unreadable)
        default: throw error
        }
    }

    /// A snapshot; nil if any of it is damaged.
    mutating func snapshot(
        _ position: LogPosition
    ) throws(StorageError) -> (head: SnapshotHead, payload: [UInt8])? {
        // Each file has a verdict of its own: a failure stops only what reads that one.
        var disk = StorageFiles(files)
        let path = paths.snapshot(position)
        do throws(StorageError) {
            let reader = try SnapshotReader<Files>(path: path, disk: &disk)
            defer { reader.close(disk) }
            guard reader.head.description.position == position else { throw StorageError.damage(path, 0, .head) }
            let count = Int(clamping: reader.head.description.bytes)
            let payload = try reader.read(offset: 0, count: count, disk: &disk)
            guard payload.count == count else { throw StorageError.damage(path, 0, .length) }
            return (reader.head, payload)
        } catch {
            try lose(path, error)
            return nil
        }
    }

    /// The entries that follow a snapshot, of the newest segments that go on from one another and reach back to it. What is
    /// wrong with an older segment, which the snapshot stands for, does no harm.
    mutating func entries(
        after snapshot: LogPosition,
        in segments: [UInt64],
        identity: StorageIdentity
    ) throws(StorageError) -> [Entry] {
        var rest = segments[...]
        var newest: (extent: LogExtent, entries: [Entry])?
        while let first = rest.first {
            let (extent, entries, last) = try read(first, through: segments, identity)
            rest = rest.drop { $0 <= last }
            // Those after something that is lost may not reach back to the snapshot.
            if let extent, extent.first <= snapshot.index + 1 { newest = (extent, entries) }
        }
        guard let newest else { return [] }
        // The snapshot was a leader's, and the log another one that it was to replace.
        if let term = newest.extent.term(at: snapshot.index), term != snapshot.term { return [] }
        return newest.entries.filter { $0.position.index > snapshot.index }
    }

    /// Reads segments until something is wrong, or a number is missing.
    /// - Returns: what is in them, and the last one that was read at all.
    private mutating func read(
        _ first: UInt64,
        through all: [UInt64],
        _ identity: StorageIdentity
    ) throws(StorageError) -> (extent: LogExtent?, entries: [Entry], last: UInt64) {
        var replay = LogReplay()
        var entries: [Entry] = []
        var number = first
        var current = try segment(number, identity)
        while let segment = current {
            let next = all.contains(number + 1) ? try self.segment(number + 1, identity) : nil
            let close = next.map {
                SegmentScan.Close(end: Int(clamping: $0.head.previousEnd), sum: $0.head.previousSum)
            }
            var scan = SegmentScan(bytes: segment.bytes, salt: segment.salt, close: close)
            replay.begin(segment: number)
            while let record = scan.next() {
                guard let content = RecordContent(record) else {
                    lose(paths.segment(number), record.offset, .recordContent)
                    return (replay.extent, entries, number)
                }
                do throws(LogReplayError) { try replay.take(content) } catch {
                    lose(paths.segment(number), record.offset, error.problem)
                    return (replay.extent, entries, number)
                }
                LogRecovery<Files>.keep(content, &entries)
            }
            // Where the file ends too early, that is known already.
            if case .damaged(let offset, let problem)? = scan.ending, segment.isWhole {
                lose(paths.segment(number), offset, problem)
            }
            guard case .clean? = scan.ending, next != nil else { break }
            current = next
            number += 1
        }
        return (replay.extent, entries, number)
    }

    private struct Segment {
        var head: SegmentHead
        var salt: UInt32
        var bytes: [UInt8]
        /// All of it could be read.
        var isWhole: Bool
    }

    /// A segment with a good head, as much of it as is there and as the device reads.
    private mutating func segment(
        _ number: UInt64,
        _ identity: StorageIdentity
    ) throws(StorageError) -> Segment? {
        var disk = StorageFiles(files)
        let path = paths.segment(number)
        do throws(StorageError) {
            let file = try disk.open(path, .read)
            defer { disk.close(file) }
            let sector = try disk.read(file, at: 0, count: SegmentHead.bytes)
            let (head, salt) = try SegmentHead.read(sector, path: path)
            guard head.number == number, head.identity == identity else {
                throw StorageError.damage(path, 0, .headContent)
            }
            let (bytes, failure) = readable(file, count: Int(head.length))
            if let failure { try lose(path, at: bytes.count, .fatal(failure)) }
            return Segment(head: head, salt: salt, bytes: bytes, isWhole: failure == nil)
        } catch {
            try lose(path, error)
            return nil
        }
    }

    /// A file from its beginning up to the first page that cannot be read. A device takes its time to fail: it is asked for
    /// few of them.
    private func readable(_ file: OpenFile, count: Int) -> (bytes: [UInt8], failure: FileSystemError?) {
        var bytes: [UInt8] = []
        var failure: FileSystemError?
        for step in [count, 1 << 20, 1 << 12] {
            failure = nil
            while bytes.count < count, failure == nil {
                do throws(FileSystemError) {
                    let piece = try files.read(file, at: UInt64(bytes.count), count: min(step, count - bytes.count))
                    bytes += piece
                    if piece.isEmpty { return (bytes, nil) }
                } catch { failure = error }
            }
            if failure == nil { break }
        }
        return (bytes, failure)
    }
}
