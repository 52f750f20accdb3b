import Raft

/// Looks at the files of a log and changes nothing. It goes on where a start would refuse, to find as much as it can.
///
/// Whatever the files are, it reads no more of one than its checked head accounts for, and holds one segment at a time,
/// of ``StorageSettings/segmentBytesMax`` at most. While a process writes to the log, its last records may look torn.
public struct LogInspector<Files: FileSystem> {
    /// How much was found.
    public struct Summary: Hashable, Sendable {
        /// Segments with a good head.
        public var segments = 0
        /// Records in them that are good.
        public var records = 0
        /// Good snapshots.
        public var snapshots = 0
        /// Things that are wrong.
        public var problems = 0
    }

    private let paths: StoragePaths
    private var disk: StorageFiles<Files>
    private let report: (InspectionFinding) -> Void
    private var summary = Summary()
    private var identity: StorageIdentity?
    /// Nil once something was wrong: what follows is not put together any more.
    private var replay: LogReplay? = LogReplay()
    private var newest: LogPosition?

    /// Looks at a folder, and reports each finding.
    /// - Throws: where the folder cannot be read, or has no log.
    public static func inspect(
        directory: String,
        files: Files,
        report: (InspectionFinding) -> Void
    ) throws(StorageError) -> Summary {
        try withoutActuallyEscaping(report) { report throws(StorageError) in
            var inspector = LogInspector(
                paths: StoragePaths(directory: directory),
                disk: StorageFiles(files),
                report: report
            )
            try inspector.run()
            return inspector.summary
        }
    }

    private init(paths: StoragePaths, disk: StorageFiles<Files>, report: @escaping (InspectionFinding) -> Void) {
        self.paths = paths
        self.disk = disk
        self.report = report
    }

    private mutating func run() throws(StorageError) {
        guard let names = try disk.listIfPresent(paths.directory) else { throw .noFolder(directory: paths.directory) }
        if names.contains(StoragePaths.creatingName) { report(.unfinishedCreation) }
        let segmentNames = try disk.listIfPresent(paths.log) ?? []
        let snapshotNames = try disk.listIfPresent(paths.snapshots) ?? []
        guard !segmentNames.isEmpty || !snapshotNames.isEmpty else { throw .absent(directory: paths.directory) }
        unused(paths.snapshots, snapshotNames, StoragePaths.snapshotPosition, StoragePaths.isUnfinishedSnapshot)
        for position in snapshotNames.compactMap(StoragePaths.snapshotPosition) { inspectSnapshot(position) }
        unused(paths.log, segmentNames, StoragePaths.segmentNumber, StoragePaths.isUnfinishedSegment)
        inspectSegments(segmentNames.compactMap(StoragePaths.segmentNumber).sorted())
        compare()
    }

    private mutating func problem(_ error: StorageError) {
        summary.problems += 1
        report(.problem(error))
    }

    /// Tells of the files that are neither segments nor snapshots.
    private mutating func unused<Place>(
        _ folder: String,
        _ names: [String],
        _ place: (String) -> Place?,
        _ isUnfinished: (String) -> Bool
    ) {
        for name in names where place(name) == nil {
            let path = "\(folder)/\(name)"
            let isUnfinished = isUnfinished(name)
            if isUnfinished, let error = folderError(path) {
                // The next start cannot remove it.
                problem(error)
            } else {
                report(.unused(path: path, isUnfinished: isUnfinished))
            }
        }
    }

    /// What opening a folder fails with; nil where something else has that name.
    private func folderError(_ path: String) -> StorageError? {
        do throws(FileSystemError) {
            disk.files.close(try disk.files.open(path, .read))
        } catch {
            if error.reason == .isFolder { return .fatal(error) }
        }
        return nil
    }

    // MARK: - Snapshots

    private mutating func inspectSnapshot(_ position: LogPosition) {
        let path = paths.snapshot(position)
        // Each file has a verdict of its own: a failure stops only what reads that one.
        var disk = StorageFiles(disk.files)
        do throws(StorageError) {
            let reader = try SnapshotReader(path: path, disk: &disk)
            defer { reader.close(disk) }
            guard reader.head.description.position == position else { throw .damage(path, 0, .head) }
            try reader.verify(disk: &disk)
            try check(reader.head.identity, path)
            summary.snapshots += 1
            if (newest?.index ?? .zero) <= position.index { newest = position }
            report(.snapshot(path: path, description: reader.head.description, identity: reader.head.identity))
        } catch {
            problem(error)
        }
    }

    private mutating func check(_ found: StorageIdentity, _ path: String) throws(StorageError) {
        if let identity, identity != found { throw .wrongIdentity(path: path, expected: identity, found: found) }
        identity = found
    }

    // MARK: - Segments

    private mutating func inspectSegments(_ numbers: [UInt64]) {
        guard let last = numbers.last else { return problem(.damage(paths.log, 0, .missing)) }
        for (place, number) in numbers.enumerated() {
            if place > 0, numbers[place - 1] + 1 != number {
                // The segments before were being removed when a crash came, or one is lost: what is needed decides.
                replay = replay.map { _ in LogReplay() }
            }
            inspectSegment(number, isLast: number == last)
        }
    }

    private mutating func inspectSegment(_ number: UInt64, isLast: Bool) {
        let path = paths.segment(number)
        var disk = StorageFiles(disk.files)
        do throws(StorageError) {
            let (head, salt, bytes) = try LogRecovery<Files>.read(number, path: path, disk: &disk)
            let owner = head.identity
            report(.segment(path: path, number: number, bytes: head.length, identity: owner))
            summary.segments += 1
            try check(owner, path)
            let close = isLast ? nil : closeOfSegment(number, disk: &disk)
            var scan = SegmentScan(bytes: bytes, salt: salt, close: close)
            replay?.begin(segment: number)
            while let record = scan.next() { inspectRecord(record, path) }
            // Where the next segment does not say where this one ends, nothing tells a torn record from a lost one.
            switch scan.ending {
            case .clean(let offset): report(.end(offset: UInt64(offset), free: UInt64(max(bytes.count - offset, 0))))
            case .torn(let offset, let end):
                report(.tornTail(TornTail(path: path, offset: UInt64(offset), bytes: UInt64(end - offset))))
            case .damaged(let offset, let kind): throw .damage(path, UInt64(offset), kind)
            case nil: break
            }
        } catch {
            replay = nil
            problem(error)
        }
    }

    private func closeOfSegment(_ number: UInt64, disk: inout StorageFiles<Files>) -> SegmentScan.Close? {
        let path = paths.segment(number + 1)
        guard let next = try? LogRecovery<Files>.readHead(number + 1, path: path, disk: &disk) else { return nil }
        return SegmentScan.Close(end: Int(clamping: next.previousEnd), sum: next.previousSum)
    }

    private mutating func inspectRecord(_ record: SegmentScan.Record, _ path: String) {
        summary.records += 1
        var inspected = InspectedRecord(
            offset: UInt64(record.offset),
            kind: record.kind,
            position: record.position,
            durable: UInt64(record.durable),
            payloadBytes: record.payload.count,
            hardState: nil,
            configuration: nil
        )
        let content = RecordContent(record)
        switch content {
        case .start(let state, _), .hardState(let state): inspected.hardState = state
        case .entry(let entry):
            if case .configuration(let configuration) = entry.payload { inspected.configuration = configuration }
        case .reset, nil: break
        }
        report(.record(inspected))
        do throws(LogReplayError) {
            guard let content else { throw LogReplayError(problem: .recordContent) }
            try replay?.take(content)
        } catch {
            replay = nil
            problem(.damage(path, UInt64(record.offset), error.problem))
        }
    }

    // MARK: - Together

    /// The newest snapshot against the log, as a start does it.
    private mutating func compare() {
        guard let newest else {
            if summary.problems == 0 { problem(.damage(paths.snapshots, 0, .missing)) }
            return
        }
        guard let extent = replay?.extent, extent.first > newest.index + 1 else { return }
        problem(.damage(paths.log, 0, .gap))
    }
}
