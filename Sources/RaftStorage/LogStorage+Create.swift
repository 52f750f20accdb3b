import Raft

extension LogStorage {
    /// Makes a log whose first state is a snapshot, durable when it returns. Creates what is missing of the folder,
    /// whose parent must exist, and throws away what an earlier creation left that was cut short.
    public static func create(
        directory: String,
        files: Files,
        identity: StorageIdentity,
        snapshot: SnapshotDescription,
        payload: [UInt8],
        settings: StorageSettings
    ) throws(StorageError) -> LogStorage {
        var disk = StorageFiles(files)
        let paths = StoragePaths(directory: directory)
        try disk.makeDirectory(directory)
        try disk.synchronizeDirectory(StoragePaths.parent(directory))
        if try !disk.list(directory).contains(StoragePaths.creatingName) {
            let there = (try disk.listIfPresent(paths.log) ?? []) + (try disk.listIfPresent(paths.snapshots) ?? [])
            guard there.isEmpty else { throw .exists(directory: directory) }
        }
        try clear(paths, &disk)
        for folder in [paths.log, paths.snapshots] { try disk.makeDirectory(folder) }
        try disk.synchronizeDirectory(directory)

        let path = paths.snapshot(snapshot.position)
        var draft = try SnapshotDraft<Files>(snapshot, identity: identity, path: path, disk: &disk)
        let finished: SnapshotDescription
        do throws(StorageError) {
            try draft.append(payload, sliceBytes: settings.snapshotSliceBytes, disk: &disk)
            finished = try draft.finish(path: path, disk: &disk)
        } catch {
            try draft.abandon(disk: &disk)
            throw error
        }
        let head = SegmentHead(
            identity: identity,
            number: 1,
            length: ActiveSegment.length(for: [], settings: settings),
            previousEnd: 0,
            previousSum: 0
        )
        let segment = try ActiveSegment.make(
            head,
            state: .initial,
            last: snapshot.position,
            paths: paths,
            disk: &disk
        )
        do throws(StorageError) {
            try disk.remove(paths.creating)
            try disk.synchronizeDirectory(directory)
        } catch {
            disk.close(segment.file)
            throw error
        }
        var extent = LogExtent(after: snapshot.position)
        extent.began(segment: 1)
        return LogStorage(
            identity: identity,
            paths: paths,
            snapshot: finished,
            settings: settings,
            disk: disk,
            segment: segment,
            extent: extent,
            hardState: .initial,
            snapshotPositions: [snapshot.position]
        )
    }

    /// Removes a log, so that one can be created anew: after damage, when the node becomes another replica. Whatever
    /// else is in the folder stays.
    public static func erase(directory: String, files: Files) throws(StorageError) {
        var disk = StorageFiles(files)
        guard try disk.listIfPresent(directory) != nil else { return }
        try clear(StoragePaths(directory: directory), &disk)
    }

    /// Says in the folder that nothing in it counts, then removes it.
    private static func clear(_ paths: StoragePaths, _ disk: inout StorageFiles<Files>) throws(StorageError) {
        if try !disk.list(paths.directory).contains(StoragePaths.creatingName) {
            disk.close(try disk.open(paths.creating, .createNew))
        }
        try disk.synchronizeDirectory(paths.directory)
        for folder in [paths.log, paths.snapshots] {
            guard let names = try disk.listIfPresent(folder) else { continue }
            for name in names { try disk.remove("\(folder)/\(name)") }
            try disk.synchronizeDirectory(folder)
        }
    }
}
