import Raft

// A log that cannot be used any more may hold all that is left of a cluster's state: it is not erased, but moved to a
// folder of its own within the replica's folder, `damaged-<n>`, where it is read as it was (``salvage(directory:files:)``).

extension LogStorage {
    /// How many logs that were set aside are kept, the newest ones.
    public static var setAsideMax: Int { 2 }

    /// Moves the log, its snapshots and the wall clock's record into a folder of their own, so that a log can be created
    /// anew: after damage, when the node becomes another replica. A log that certainly has no state, since its replica
    /// still waited to be admitted, is erased: it must not push out one that has.
    ///
    /// After a failure or a crash it is to be called again, and goes on where it was: what is left is still found to be
    /// damaged until all is moved.
    /// - Parameter kept: how many logs that were set aside are kept, this one included.
    public static func setAside(
        directory: String,
        files: Files,
        kept: Int = setAsideMax
    ) throws(StorageError) {
        var disk = StorageFiles(files)
        let paths = StoragePaths(directory: directory)
        guard let names = try disk.listIfPresent(directory) else { return }
        // While a log is being made or unmade, nothing of it counts.
        guard !names.contains(StoragePaths.creatingName), try mayHoldState(paths, files) else {
            return try erase(directory: directory, files: files)
        }
        let aside = try beginSettingAside(paths, names, &disk)
        // The oldest snapshot first, each durable before the next: if the newest one is what is damaged, the log is not
        // to be taken for a sound one that goes on after an older one.
        for name in try disk.listIfPresent(paths.snapshots) ?? [] {
            try disk.rename("\(paths.snapshots)/\(name)", to: "\(aside.snapshots)/\(name)")
            try synchronize(aside.snapshots, paths.snapshots, &disk)
        }
        if let segments = try disk.listIfPresent(paths.log) {
            for name in segments { try disk.rename("\(paths.log)/\(name)", to: "\(aside.log)/\(name)") }
            try synchronize(aside.log, paths.log, &disk)
        }
        if names.contains(clockName) {
            try disk.rename("\(directory)/\(clockName)", to: "\(aside.directory)/\(clockName)")
            try synchronize(aside.directory, directory, &disk)
        }
        try finishSettingAside(directory: directory, files: files, kept: kept)
    }

    /// Whether ``setAside(directory:files:kept:)`` was begun and has not come to an end: a part of the log may be in the
    /// newest of the folders, and the rest where it was.
    public static func isSettingAside(directory: String, files: Files) throws(StorageError) -> Bool {
        var disk = StorageFiles(files)
        let numbers = (try disk.listIfPresent(directory) ?? []).compactMap(StoragePaths.setAsideNumber)
        guard let newest = numbers.max() else { return false }
        return try disk.list("\(directory)/\(StoragePaths.setAsideName(newest))").contains(movingName)
    }

    /// Ends what a crash left of ``setAside(directory:files:kept:)`` when all was moved already: what is set aside later gets
    /// a folder of its own. Removes what is beyond the number that is kept.
    public static func finishSettingAside(
        directory: String,
        files: Files,
        kept: Int = setAsideMax
    ) throws(StorageError) {
        var disk = StorageFiles(files)
        let numbers = (try disk.listIfPresent(directory) ?? []).compactMap(StoragePaths.setAsideNumber).sorted()
        guard let newest = numbers.last else { return }
        for number in numbers.dropLast(max(1, kept)) {
            // What cannot be removed, since somebody else put something there, keeps nobody from going on.
            try? removeSetAside(StoragePaths(directory: "\(directory)/\(StoragePaths.setAsideName(number))"), files)
        }
        let aside = "\(directory)/\(StoragePaths.setAsideName(newest))"
        guard try disk.list(aside).contains(movingName) else { return }
        try disk.remove("\(aside)/\(movingName)")
        try disk.synchronizeDirectory(aside)
    }

    /// The folders of the logs that were set aside, the newest first.
    public static func setAside(in directory: String, files: Files) throws(StorageError) -> [String] {
        var disk = StorageFiles(files)
        let numbers = (try disk.listIfPresent(directory) ?? []).compactMap(StoragePaths.setAsideNumber).sorted()
        return numbers.reversed().map { "\(directory)/\(StoragePaths.setAsideName($0))" }
    }

    // MARK: -

    /// In a folder that a log is being moved to, until all of it is there.
    private static var movingName: String { "moving" }
    /// The record of the wall clock, which says for how long the log has been as it is.
    private static var clockName: String { "clock" }

    /// The folder to move to: the one that was begun, or another one.
    private static func beginSettingAside(
        _ paths: StoragePaths,
        _ names: [String],
        _ disk: inout StorageFiles<Files>
    ) throws(StorageError) -> StoragePaths {
        let newest = names.compactMap(StoragePaths.setAsideNumber).max()
        if let newest {
            let begun = StoragePaths(directory: "\(paths.directory)/\(StoragePaths.setAsideName(newest))")
            let there = try disk.list(begun.directory)
            // Of one that has not even its mark, nothing was moved yet.
            if there.contains(movingName) || there.isEmpty {
                try prepare(begun, isMarked: there.contains(movingName), &disk)
                return begun
            }
        }
        let aside = StoragePaths(directory: "\(paths.directory)/\(StoragePaths.setAsideName((newest ?? 0) + 1))")
        try disk.makeDirectory(aside.directory)
        try disk.synchronizeDirectory(paths.directory)
        try prepare(aside, isMarked: false, &disk)
        return aside
    }

    private static func prepare(
        _ aside: StoragePaths,
        isMarked: Bool,
        _ disk: inout StorageFiles<Files>
    ) throws(StorageError) {
        if !isMarked { disk.close(try disk.open("\(aside.directory)/\(movingName)", .createNew)) }
        for folder in [aside.log, aside.snapshots] { try disk.makeDirectory(folder) }
        try disk.synchronizeDirectory(aside.directory)
    }

    /// The new name is durable before the old one is gone.
    private static func synchronize(
        _ new: String,
        _ old: String,
        _ disk: inout StorageFiles<Files>
    ) throws(StorageError) {
        try disk.synchronizeDirectory(new)
        try disk.synchronizeDirectory(old)
    }

    private static func removeSetAside(_ aside: StoragePaths, _ files: Files) throws(StorageError) {
        var disk = StorageFiles(files)
        for folder in [aside.log, aside.snapshots] {
            guard let names = try disk.listIfPresent(folder) else { continue }
            for name in names { try disk.remove("\(folder)/\(name)") }
            try disk.removeDirectory(folder)
        }
        for name in try disk.list(aside.directory) { try disk.remove("\(aside.directory)/\(name)") }
        try disk.removeDirectory(aside.directory)
    }

    /// Whether there may be a state: not where every snapshot is that of a replica that has not been admitted.
    private static func mayHoldState(_ paths: StoragePaths, _ files: Files) throws(StorageError) -> Bool {
        var disk = StorageFiles(files)
        let snapshots = (try disk.listIfPresent(paths.snapshots) ?? []).compactMap(StoragePaths.snapshotPosition)
        if snapshots.isEmpty { return true }
        for position in snapshots {
            // What cannot be read now may be read by somebody else.
            var disk = StorageFiles(files)
            guard let reader = try? SnapshotReader<Files>(path: paths.snapshot(position), disk: &disk) else {
                return true
            }
            reader.close(disk)
            if !reader.head.description.configuration.members.isEmpty { return true }
        }
        return false
    }
}
