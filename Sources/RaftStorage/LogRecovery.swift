import Raft

/// Reads the segments of a log at the start.
struct LogRecovery<Files: FileSystem> {
    /// Term and vote, and where the entries are.
    private(set) var replay = LogReplay()
    /// The entries that count.
    private(set) var entries: [Entry] = []
    /// Segments before a number that is missing. They were being removed when a crash came, which may have kept any of
    /// their names.
    private(set) var remnants: [UInt64] = []

    private var last: LastSegment
    private struct LastSegment {
        var head: SegmentHead
        var salt: UInt32
        var bytes: [UInt8]
        var previous: UInt32
        var durable: Int
        var ending: SegmentScan.Ending
    }

    /// Where the entries are.
    var extent: LogExtent {
        guard let extent = replay.extent else { preconditionFailure("a segment begins with a record") }
        return extent
    }

    /// Reads all segments.
    /// - Throws: damage, of any kind; a head of another identity.
    init(
        names: [String],
        identity: StorageIdentity,
        paths: StoragePaths,
        disk: inout StorageFiles<Files>
    ) throws(StorageError) {
        let all = names.compactMap(StoragePaths.segmentNumber).sorted()
        guard var number = all.last else { throw .damage(paths.log, 0, .missing) }
        var first = all.count - 1
        while first > 0, all[first - 1] == all[first] - 1 { first -= 1 }
        remnants = Array(all[..<first])
        number = all[first]

        var replay = LogReplay()
        var entries: [Entry] = []
        var current = try Self.read(number, identity: identity, paths: paths, disk: &disk)
        while true {
            let path = paths.segment(number)
            let next =
                number < all[all.count - 1]
                ? try Self.read(number + 1, identity: identity, paths: paths, disk: &disk) : nil
            let close = next.map {
                SegmentScan.Close(end: Int(clamping: $0.head.previousEnd), sum: $0.head.previousSum)
            }
            var scan = SegmentScan(bytes: current.bytes, salt: current.salt, close: close)
            replay.begin(segment: number)
            while let record = scan.next() {
                let offset = UInt64(record.offset)
                guard let content = RecordContent(record) else { throw .damage(path, offset, .recordContent) }
                do throws(LogReplayError) {
                    try replay.take(content)
                } catch {
                    throw .damage(path, offset, error.problem)
                }
                Self.keep(content, &entries)
            }
            guard let ending = scan.ending else { preconditionFailure("a scan ends") }
            if case .damaged(let offset, let problem) = ending {
                throw .damage(path, UInt64(offset), problem)
            }
            guard let next else {
                last = LastSegment(
                    head: current.head,
                    salt: current.salt,
                    bytes: current.bytes,
                    previous: scan.previous,
                    durable: scan.durable,
                    ending: ending
                )
                break
            }
            current = next
            number += 1
        }
        self.replay = replay
        self.entries = entries
    }

    /// Keeps the entry of a record that the log has taken, in the place of those that it replaces.
    static func keep(_ content: RecordContent, _ entries: inout [Entry]) {
        switch content {
        case .start, .hardState: break
        case .reset: entries = []
        case .entry(let entry):
            let index = entry.position.index
            if let first = entries.first?.position.index, index > first {
                entries.removeLast(entries.count - Int(index.rawValue - first.rawValue))
            } else {
                entries.removeAll()
            }
            entries.append(entry)
        }
    }

    /// Holds the log against the newest snapshot. Returns whether the log must go on after the snapshot with no entry of
    /// before: a leader's snapshot was finished, and the crash came before the log said so.
    mutating func reconcile(with snapshot: LogPosition, paths: StoragePaths) throws(StorageError) -> Bool {
        let extent = extent
        guard extent.first <= snapshot.index + 1 else {
            throw .damage(paths.log, 0, .gap)
        }
        if extent.last.index < snapshot.index { return true }
        if let term = extent.term(at: snapshot.index) { return term != snapshot.term }
        return entries.isEmpty && extent.last != snapshot
    }

    /// Opens the last segment to go on with it. What a crash left of records that were never synchronized is made zero;
    /// what is whole and not known to be durable is written again, since a page that a failed synchronization has marked
    /// clean can be read and is not on disk; both are made durable.
    func repair(
        paths: StoragePaths,
        disk: inout StorageFiles<Files>
    ) throws(StorageError) -> (segment: ActiveSegment, tornTail: TornTail?) {
        let path = paths.segment(last.head.number)
        let tail: Int
        var end: Int
        var tornTail: TornTail?
        switch last.ending {
        case .clean(let offset), .damaged(let offset, _):
            tail = offset
            end = min(tail, last.bytes.count)
        case .torn(let offset, let nonZeroEnd):
            tail = offset
            end = nonZeroEnd
            tornTail = TornTail(path: path, offset: UInt64(tail), bytes: UInt64(nonZeroEnd - tail))
        }
        let file = try disk.open(path, .readWrite)
        do throws(StorageError) {
            let begin = last.durable / SectorLayout.sectorBytes * SectorLayout.sectorBytes
            end = min(
                (end + SectorLayout.sectorBytes - 1) / SectorLayout.sectorBytes * SectorLayout.sectorBytes,
                last.bytes.count
            )
            if last.durable < tail || tornTail != nil {
                var bytes = Array(last.bytes[begin..<end])
                if tail < end {
                    bytes.replaceSubrange((tail - begin)..., with: repeatElement(0, count: end - tail))
                }
                try disk.write(file, bytes, at: UInt64(begin))
            }
            try disk.synchronize(file)
        } catch {
            disk.close(file)
            throw error
        }
        let segment = ActiveSegment(
            file: file,
            number: last.head.number,
            length: last.bytes.count,
            salt: last.salt,
            tail: tail,
            previous: last.previous,
            durable: tail,
            leftover: nil
        )
        return (segment, tornTail)
    }

    private static func read(
        _ number: UInt64,
        identity: StorageIdentity,
        paths: StoragePaths,
        disk: inout StorageFiles<Files>
    ) throws(StorageError) -> (head: SegmentHead, salt: UInt32, bytes: [UInt8]) {
        let path = paths.segment(number)
        let segment = try read(number, path: path, disk: &disk)
        guard segment.head.identity == identity else {
            throw .wrongIdentity(path: path, expected: identity, found: segment.head.identity)
        }
        return segment
    }

    /// Reads a segment, whosever it is. Its records have still to be looked at.
    static func read(
        _ number: UInt64,
        path: String,
        disk: inout StorageFiles<Files>
    ) throws(StorageError) -> (head: SegmentHead, salt: UInt32, bytes: [UInt8]) {
        let file = try disk.open(path, .read)
        defer { disk.close(file) }
        let (head, salt) = try readHead(of: file, number, path: path, disk: &disk)
        let count = Int(head.length)
        let bytes = try disk.read(file, at: 0, count: count)
        guard bytes.count == count else { throw .damage(path, head.length, .length) }
        return (head, salt, bytes)
    }

    /// Reads a segment's head, whosever it is, and holds it against the file's name and length.
    static func readHead(
        _ number: UInt64,
        path: String,
        disk: inout StorageFiles<Files>
    ) throws(StorageError) -> SegmentHead {
        let file = try disk.open(path, .read)
        defer { disk.close(file) }
        return try readHead(of: file, number, path: path, disk: &disk).head
    }

    private static func readHead(
        of file: OpenFile,
        _ number: UInt64,
        path: String,
        disk: inout StorageFiles<Files>
    ) throws(StorageError) -> (head: SegmentHead, salt: UInt32) {
        let length = try disk.length(file)
        let sector = try disk.read(file, at: 0, count: SegmentHead.bytes)
        let (head, salt) = try SegmentHead.read(sector, path: path)
        guard head.number == number else { throw .damage(path, 0, .head) }
        guard head.length == length else { throw .damage(path, length, .length) }
        return (head, salt)
    }
}
