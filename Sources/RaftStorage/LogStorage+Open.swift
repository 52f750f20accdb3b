import Raft

extension LogStorage {
    /// Opens a log: reads all of it, repairs what a crash left half written, and makes all that it returns durable.
    ///
    /// Reads every segment that is there and the newest snapshot. Entries are returned as far back as the segments
    /// reach.
    /// - Throws: ``StorageError/absent(directory:)`` where none has been created; ``StorageError/damaged(_:)`` where
    ///   something is not what was written, and then changes nothing that would matter to a reader.
    public static func open(
        directory: String,
        files: Files,
        settings: StorageSettings
    ) throws(StorageError) -> (storage: LogStorage, recovered: RecoveredState) {
        var disk = StorageFiles(files)
        let paths = StoragePaths(directory: directory)
        let names = try disk.listIfPresent(directory) ?? []
        guard !names.contains(StoragePaths.creatingName) else { throw .absent(directory: directory) }
        let segmentNames = try disk.listIfPresent(paths.log) ?? []
        let snapshotNames = try disk.listIfPresent(paths.snapshots) ?? []
        if segmentNames.isEmpty, snapshotNames.isEmpty { throw .absent(directory: directory) }

        let positions = snapshotNames.compactMap(StoragePaths.snapshotPosition).sorted {
            ($0.index, $0.term) < ($1.index, $1.term)
        }
        guard let newest = positions.last else { throw .damage(paths.snapshots, 0, .missing) }
        let snapshotHead = try verifiedHead(of: newest, paths: paths, disk: &disk)
        var recovery = try LogRecovery(names: segmentNames, identity: snapshotHead.identity, paths: paths, disk: &disk)
        let mustReset = try recovery.reconcile(with: snapshotHead.description.position, paths: paths)
        let (segment, tornTail) = try recovery.repair(paths: paths, disk: &disk)

        var storage = LogStorage(
            identity: snapshotHead.identity,
            paths: paths,
            snapshot: snapshotHead.description,
            settings: settings,
            disk: disk,
            segment: segment,
            extent: recovery.extent,
            hardState: recovery.replay.hardState,
            snapshotPositions: positions
        )
        do throws(StorageError) {
            try storage.settle(segmentNames: segmentNames, snapshotNames: snapshotNames, recovery: recovery)
            if mustReset { try storage.installed(newest) }
        } catch {
            storage.close()
            throw error
        }
        let restored = RestoredState(
            hardState: storage.hardState,
            snapshot: storage.snapshot,
            entries: mustReset ? [] : recovery.entries
        )
        return (storage, RecoveredState(identity: storage.identity, restored: restored, tornTail: tornTail))
    }

    /// Reads all of the newest snapshot. It is the state that the log goes on from: if it is damaged, there is none. An
    /// older one does not help, since the log before the newest one may be gone.
    private static func verifiedHead(
        of position: LogPosition,
        paths: StoragePaths,
        disk: inout StorageFiles<Files>
    ) throws(StorageError) -> SnapshotHead {
        let path = paths.snapshot(position)
        let reader = try SnapshotReader(path: path, disk: &disk)
        do throws(StorageError) {
            guard reader.head.description.position == position else {
                throw StorageError.damage(path, 0, .head)
            }
            try reader.verify(disk: &disk)
        } catch {
            reader.close(disk)
            throw error
        }
        reader.close(disk)
        return reader.head
    }

    /// Removes what is unfinished or superseded, and makes the names durable that the log relies on from now on.
    private mutating func settle(
        segmentNames: [String],
        snapshotNames: [String],
        recovery: LogRecovery<Files>
    ) throws(StorageError) {
        for name in segmentNames where StoragePaths.isUnfinishedSegment(name) {
            try disk.remove("\(paths.log)/\(name)")
        }
        for number in recovery.remnants { try disk.remove(paths.segment(number)) }
        for name in snapshotNames where StoragePaths.isUnfinishedSnapshot(name) {
            try disk.remove("\(paths.snapshots)/\(name)")
        }
        try disk.synchronizeDirectory(paths.log)
        try disk.synchronizeDirectory(paths.snapshots)
        // A crash may have come between the removal of the mark of a creation and its being durable.
        try disk.synchronizeDirectory(paths.directory)
        try removeOldSnapshots()
    }
}
