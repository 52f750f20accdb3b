import Raft
import RaftStorage

/// A disk in memory that keeps no more than the promises of ``FileSystem``, and breaks all that it may.
///
/// After a power cut: of writes that were not synchronized each sector is the old one, the new one, or one between;
/// lengths likewise; names of each folder as they were after any of the calls since the folder was synchronized. After a
/// failed synchronization some of the file is on disk, the rest never will be, and readers see all of it until the power
/// fails. All of it follows from the generator.
///
/// A class, since a process that crashes leaves its disk behind. One at a time uses it.
public final class SimulatedDisk: FileSystem {
    private struct Handle {
        var file: Int
        var path: String
        var isWritable: Bool
    }

    /// A change of names, with what it leads to.
    private struct NameChange {
        var folder: String
        var removed: String?
        var added: (path: String, file: Int)?
    }

    /// What is wrong with it, or will be.
    public var faults = DiskFaults()
    /// The power is cut: nothing works until ``restart()``.
    public private(set) var isOff = false
    /// The process was killed within a call, and does not know yet: nothing works until ``crashProcess()``.
    public private(set) var isKilled = false
    /// Calls of `synchronize` and `synchronizeDirectory` that succeeded.
    public private(set) var synchronizations = 0
    private var generator: Xoshiro256
    private var files: [SimulatedFile] = []
    private var names: [String: Int] = [:]
    private var durableNames: [String: Int] = [:]
    private var changes: [NameChange] = []
    private var handles: [Handle?] = []
    /// What happens at the end of the call that is under way.
    private var ending: Ending?

    private enum Ending {
        case powerCut, kill
    }

    /// The number of a folder, in place of a file's.
    private static let folder = -1
    /// EIO.
    private static let inputOutputError: Int32 = 5
    /// ENOTEMPTY.
    private static let notEmpty: Int32 = 39

    /// An empty disk with the folder `/`.
    public init(generator: Xoshiro256) {
        self.generator = generator
        names["/"] = Self.folder
        durableNames["/"] = Self.folder
    }

    // MARK: - Folders

    public func makeDirectory(_ path: String) throws(FileSystemError) {
        try begin(.makeDirectory, path, changes: true)
        if let there = names[path] {
            guard there == Self.folder else { throw error(.exists, .makeDirectory, path) }
            return
        }
        let parent = Self.parent(of: path)
        guard names[parent] == Self.folder else { throw error(.notFound, .makeDirectory, path) }
        names[path] = Self.folder
        changes.append(NameChange(folder: parent, removed: nil, added: (path, Self.folder)))
        try end(.makeDirectory, path)
    }

    public func list(_ directory: String) throws(FileSystemError) -> [String] {
        try begin(.list, directory, changes: false)
        guard names[directory] == Self.folder else { throw error(.notFound, .list, directory) }
        let prefix = directory == "/" ? "/" : directory + "/"
        // The order of a table's elements is nobody's: sorted before anyone sees it.
        return names.keys.filter {
            $0.hasPrefix(prefix) && $0 != directory && !$0.dropFirst(prefix.count).contains("/")
        }
        .map { String($0.dropFirst(prefix.count)) }
        .sorted()
    }

    public func synchronizeDirectory(_ path: String) throws(FileSystemError) {
        try begin(.synchronizeDirectory, path, changes: true)
        guard names[path] == Self.folder else { throw error(.notFound, .synchronizeDirectory, path) }
        for change in changes where change.folder == path { Self.apply(change, to: &durableNames) }
        changes.removeAll { $0.folder == path }
        synchronizations += 1
        forgetNameless()
        try end(.synchronizeDirectory, path)
    }

    public func rename(_ path: String, to newPath: String) throws(FileSystemError) {
        try begin(.rename, path, changes: true)
        guard let file = names[path], file != Self.folder else { throw error(.notFound, .rename, path) }
        guard names[Self.parent(of: newPath)] == Self.folder else { throw error(.notFound, .rename, newPath) }
        let change = NameChange(folder: Self.parent(of: newPath), removed: path, added: (newPath, file))
        Self.apply(change, to: &names)
        changes.append(change)
        try end(.rename, path)
    }

    public func remove(_ path: String) throws(FileSystemError) {
        try begin(.remove, path, changes: true)
        guard let file = names[path], file != Self.folder else { throw error(.notFound, .remove, path) }
        let change = NameChange(folder: Self.parent(of: path), removed: path, added: nil)
        Self.apply(change, to: &names)
        changes.append(change)
        try end(.remove, path)
    }

    public func removeDirectory(_ path: String) throws(FileSystemError) {
        try begin(.remove, path, changes: true)
        guard names[path] == Self.folder, path != "/" else { throw error(.notFound, .remove, path) }
        let prefix = path + "/"
        guard !names.keys.contains(where: { $0.hasPrefix(prefix) }) else {
            throw error(.failed(errno: Self.notEmpty), .remove, path)
        }
        let change = NameChange(folder: Self.parent(of: path), removed: path, added: nil)
        Self.apply(change, to: &names)
        changes.append(change)
        try end(.remove, path)
    }

    // MARK: - Files

    public func open(_ path: String, _ mode: OpenMode) throws(FileSystemError) -> OpenFile {
        try begin(.open, path, changes: mode == .createNew)
        let file: Int
        switch (names[path], mode) {
        case (.some(Self.folder), _): throw error(.failed(errno: 21), .open, path)
        case (.some, .createNew): throw error(.exists, .open, path)
        case (.some(let there), _): file = there
        case (nil, .createNew):
            let parent = Self.parent(of: path)
            guard names[parent] == Self.folder else { throw error(.notFound, .open, path) }
            file = files.count
            files.append(SimulatedFile())
            names[path] = file
            changes.append(NameChange(folder: parent, removed: nil, added: (path, file)))
        case (nil, _): throw error(.notFound, .open, path)
        }
        if mode == .createNew { try end(.open, path) }
        handles.append(Handle(file: file, path: path, isWritable: mode != .read))
        return OpenFile(rawValue: Int32(handles.count - 1))
    }

    public func close(_ file: OpenFile) {
        handles[Int(file.rawValue)] = nil
    }

    public func length(_ file: OpenFile) throws(FileSystemError) -> UInt64 {
        let handle = try handle(file, .length)
        try begin(.length, handle.path, changes: false)
        return UInt64(files[handle.file].data.count)
    }

    public func read(_ file: OpenFile, at offset: UInt64, count: Int) throws(FileSystemError) -> [UInt8] {
        let handle = try handle(file, .read)
        try begin(.read, handle.path, changes: false)
        let length = files[handle.file].data.count
        let start = Int(min(offset, UInt64(length)))
        return Array(files[handle.file].data[start..<min(start + count, length)])
    }

    public func write(_ file: OpenFile, _ bytes: [UInt8], at offset: UInt64) throws(FileSystemError) {
        let handle = try handle(file, .write)
        try begin(.write, handle.path, changes: true)
        guard handle.isWritable else { throw error(.failed(errno: 9), .write, handle.path) }
        let growth = Int(offset) + bytes.count - files[handle.file].data.count
        if let room, growth > room {
            // What there is room for may have been written.
            let fitting = sectors(of: max(0, bytes.count - (growth - room)), at: Int(offset))
            files[handle.file].write(Array(bytes[..<fitting]), at: Int(offset))
            throw error(.full, .write, handle.path)
        }
        if ending != nil {
            // The power fails, or the process is killed, in the middle of it.
            let some = sectors(of: bytes.count, at: Int(offset))
            files[handle.file].write(Array(bytes[..<some]), at: Int(offset))
        } else {
            files[handle.file].write(bytes, at: Int(offset))
        }
        try end(.write, handle.path)
    }

    public func allocate(_ file: OpenFile, length: UInt64) throws(FileSystemError) {
        let handle = try handle(file, .allocate)
        try begin(.allocate, handle.path, changes: true)
        guard handle.isWritable else { throw error(.failed(errno: 9), .allocate, handle.path) }
        let growth = Int(length) - files[handle.file].data.count
        if let room, growth > room { throw error(.full, .allocate, handle.path) }
        if growth > 0 { files[handle.file].setLength(Int(length)) }
        try end(.allocate, handle.path)
    }

    public func truncate(_ file: OpenFile, length: UInt64) throws(FileSystemError) {
        let handle = try handle(file, .truncate)
        try begin(.truncate, handle.path, changes: true)
        guard handle.isWritable else { throw error(.failed(errno: 9), .truncate, handle.path) }
        if Int(length) < files[handle.file].data.count { files[handle.file].setLength(Int(length)) }
        try end(.truncate, handle.path)
    }

    public func synchronize(_ file: OpenFile) throws(FileSystemError) {
        let handle = try handle(file, .synchronize)
        if faults.failing == .synchronize, !isOff { files[handle.file].failToSynchronize(&generator) }
        try begin(.synchronize, handle.path, changes: true)
        files[handle.file].synchronize()
        synchronizations += 1
        try end(.synchronize, handle.path)
    }

    // MARK: - Faults

    /// The process is gone; the system goes on and has lost nothing.
    public func crashProcess() {
        handles.removeAll()
        isKilled = false
        faults.callsToKill = nil
    }

    /// The power fails, whatever is under way. Until ``restart()`` every call fails.
    public func cutPower(_ mode: PowerCut) {
        isOff = true
        crashProcess()
        cutNames(mode)
        for file in files.indices { files[file].cutPower(mode, &generator) }
        forgetNameless()
    }

    /// The power is back.
    public func restart() {
        isOff = false
        faults.callsToPowerCut = nil
    }

    /// A new, empty disk is put in its place.
    public func wipe() {
        handles.removeAll()
        files.removeAll()
        names = ["/": Self.folder]
        durableNames = names
        changes.removeAll()
        faults = DiskFaults()
        isOff = false
        isKilled = false
    }

    /// Paths of all files that hold something and of which all is on disk, sorted.
    public var coldFiles: [String] {
        names.filter { $0.value != Self.folder && files[$0.value].isClean && !files[$0.value].data.isEmpty }.keys
            .sorted()
    }

    /// A file's length in bytes; nil: there is none.
    public func bytes(of path: String) -> Int? {
        guard let file = names[path], file != Self.folder else { return nil }
        return files[file].data.count
    }

    /// A bit of a file is another one, on disk and for whoever reads it.
    public func flip(_ path: String, bit: UInt8, at offset: Int) {
        guard let file = names[path], file != Self.folder else { return }
        files[file].flip(bit: bit, at: offset)
    }

    /// Bytes of all files.
    public var usedBytes: Int {
        names.values.reduce(0) { $1 == Self.folder ? $0 : $0 + files[$1].data.count }
    }

    /// How many bytes of a write to write, some sectors of it: none is written in part.
    private func sectors(of count: Int, at offset: Int) -> Int {
        let some = Int(generator.below(UInt64(count) + 1))
        if some == count { return count }
        let end = offset + some
        return max(0, end / SimulatedFile.sectorBytes * SimulatedFile.sectorBytes - offset)
    }

    private var room: Int? { faults.capacityBytes.map { max(0, $0 - usedBytes) } }

    // MARK: - Within

    private func begin(_ call: DiskFaults.Call, _ path: String, changes: Bool) throws(FileSystemError) {
        guard !isOff, !isKilled else { throw error(.failed(errno: Self.inputOutputError), call, path) }
        if faults.failing == call {
            faults.failing = nil
            throw error(.failed(errno: Self.inputOutputError), call, path)
        }
        ending = changes ? countDown() : nil
        // A synchronization in which it happens has done nothing yet; other calls are done, and are not on disk.
        if call == .synchronize || call == .synchronizeDirectory { try end(call, path) }
    }

    /// Whether this is the call within which the power fails, or the process is killed.
    private func countDown() -> Ending? {
        switch (faults.callsToPowerCut, faults.callsToKill) {
        case (0, _): return .powerCut
        case (_, 0): return .kill
        case (let power, let kill):
            faults.callsToPowerCut = power.map { $0 - 1 }
            faults.callsToKill = kill.map { $0 - 1 }
            return nil
        }
    }

    private func end(_ call: DiskFaults.Call, _ path: String) throws(FileSystemError) {
        guard let ending else { return }
        self.ending = nil
        switch ending {
        case .powerCut: isOff = true
        case .kill: isKilled = true
        }
        throw error(.failed(errno: Self.inputOutputError), call, path)
    }

    private func handle(_ file: OpenFile, _ call: DiskFaults.Call) throws(FileSystemError) -> Handle {
        let place = Int(file.rawValue)
        guard handles.indices.contains(place), let handle = handles[place] else {
            throw error(.failed(errno: 9), call, "")
        }
        return handle
    }

    private func error(_ reason: FileSystemError.Reason, _ call: DiskFaults.Call, _ path: String) -> FileSystemError {
        FileSystemError(reason: reason, call: "\(call)", path: path)
    }

    private func cutNames(_ mode: PowerCut) {
        var kept = durableNames
        if mode == .losesNothing {
            kept = names
        } else if mode == .losesSome {
            // Each folder's changes reach the disk in their order, as a journal keeps them; folders are apart.
            var folders: [String] = []
            for change in changes where !folders.contains(change.folder) { folders.append(change.folder) }
            for folder in folders {
                let mine = changes.filter { $0.folder == folder }
                let count = Int(generator.below(UInt64(mine.count) + 1))
                for change in mine[..<count] { Self.apply(change, to: &kept) }
            }
        }
        // What is in a folder that is not there is not there.
        kept = kept.filter { name, _ in
            var path = name
            while path != "/" {
                path = Self.parent(of: path)
                if kept[path] != Self.folder { return false }
            }
            return true
        }
        names = kept
        durableNames = kept
        changes.removeAll()
    }

    private static func apply(_ change: NameChange, to names: inout [String: Int]) {
        if let removed = change.removed {
            // Where an earlier change was not kept, the name may be another file's by now.
            if change.added == nil || names[removed] == change.added?.file { names[removed] = nil }
        }
        if let added = change.added { names[added.path] = added.file }
    }

    /// Frees what no name and no handle leads to.
    private func forgetNameless() {
        var isNamed = Array(repeating: false, count: files.count)
        for file in names.values where file >= 0 { isNamed[file] = true }
        for file in durableNames.values where file >= 0 { isNamed[file] = true }
        for change in changes { if let file = change.added?.file, file >= 0 { isNamed[file] = true } }
        for handle in handles { if let file = handle?.file { isNamed[file] = true } }
        for file in files.indices where !isNamed[file] { files[file] = SimulatedFile() }
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }
}
