import RaftStorage
import TestSupport

/// A disk in memory that forgets as a real one does. What was written is read back at once, and survives a crash only if
/// it was synchronized; of the rest any part survives, in sectors of 512 bytes, in any order.
///
/// Of names too: of those made, moved and removed since the folder's last synchronization any part survives, but a move
/// is one thing: never both names, never none. A file whose name survives has what was synchronized of it, and any part
/// of the rest.
final class MemoryFileSystem: FileSystem {
    /// A file's content now, and what could be found of it after a crash.
    final class Node {
        var bytes: [UInt8] = []
        var durable: [UInt8] = []
        /// What has been written since it was synchronized, in order, each within one sector.
        var unsynced: [(offset: Int, bytes: [UInt8])] = []
        var isAllocatedUnsynced = false
    }

    /// A change of a folder's names that is not durable yet.
    enum NameChange {
        case added(String, Node)
        case removed(String)
        case moved(from: String, to: String, Node)
    }

    struct Folder {
        var names: [String: Node] = [:]
        var durable: [String: Node] = [:]
        var changes: [NameChange] = []
    }

    /// Which calls fail, and how.
    enum Fault {
        /// The call of that number, counted from 0, fails so. A write that fails has written any part.
        case fail(call: Int, FileSystemError.Reason)
        /// The calls of these numbers fail so.
        case failAll(calls: Range<Int>, FileSystemError.Reason)
        /// At the call of that number and at every later one everything fails: the machine is off.
        case crash(call: Int)
    }

    var folders: [String: Folder] = ["/": Folder()]
    var open: [Int32: (node: Node, path: String)] = [:]
    private var nextFile: Int32 = 3
    var random: Seeded
    /// The calls so far that could fail; closing cannot.
    private(set) var calls = 0
    /// The calls that wrote, made or moved something, or synchronized.
    private(set) var log: [String] = []
    var fault: Fault?
    /// A call has failed because of the fault.
    var hasFailed = false

    init(seed: UInt64) { random = Seeded(seed) }

    // MARK: - For tests

    /// A file's bytes; nil where it is not there.
    subscript(path: String) -> [UInt8]? {
        get { node(path)?.bytes }
        set {
            let (folder, name) = Self.split(path)
            guard let newValue else {
                folders[folder]?.names[name] = nil
                folders[folder]?.durable[name] = nil
                return
            }
            let node = Node()
            node.bytes = newValue
            node.durable = newValue
            folders[folder]?.names[name] = node
            folders[folder]?.durable[name] = node
        }
    }

    /// Every file, sorted.
    var paths: [String] {
        folders.flatMap { path, folder in folder.names.keys.map { path == "/" ? "/\($0)" : "\(path)/\($0)" } }.sorted()
    }

    /// Files that are open.
    var openCount: Int { open.count }

    /// Begins to count calls again.
    func resetCalls() {
        calls = 0
        log = []
    }

    // MARK: - FileSystem

    func makeDirectory(_ path: String) throws(FileSystemError) {
        try count("mkdir", path)
        guard folders[Self.split(path).folder] != nil else { throw failure(.notFound, "mkdir", path) }
        // Folders are durable at once: what a test is about is the files.
        if folders[path] == nil { folders[path] = Folder() }
    }

    func list(_ directory: String) throws(FileSystemError) -> [String] {
        try count("list", directory)
        guard let folder = folders[directory] else { throw failure(.notFound, "list", directory) }
        return folder.names.keys.sorted()
    }

    func open(_ path: String, _ mode: OpenMode) throws(FileSystemError) -> OpenFile {
        try count("open \(mode)", path)
        let (folder, name) = Self.split(path)
        guard folders[folder] != nil else { throw failure(.notFound, "open", path) }
        var file = node(path)
        if mode == .createNew {
            guard file == nil else { throw failure(.exists, "open", path) }
            let made = Node()
            folders[folder]?.names[name] = made
            folders[folder]?.changes.append(.added(name, made))
            file = made
        }
        guard let file else { throw failure(.notFound, "open", path) }
        nextFile += 1
        open[nextFile] = (file, path)
        return OpenFile(rawValue: nextFile)
    }

    func close(_ file: OpenFile) { open[file.rawValue] = nil }

    func length(_ file: OpenFile) throws(FileSystemError) -> UInt64 {
        let (node, path) = opened(file)
        try count("length", path)
        return UInt64(node.bytes.count)
    }

    func read(_ file: OpenFile, at offset: UInt64, count: Int) throws(FileSystemError) -> [UInt8] {
        let (node, path) = opened(file)
        try self.count("read", path)
        let begin = min(Int(offset), node.bytes.count)
        return Array(node.bytes[begin..<min(begin + count, node.bytes.count)])
    }

    func write(_ file: OpenFile, _ bytes: [UInt8], at offset: UInt64) throws(FileSystemError) {
        let (node, path) = opened(file)
        do {
            try count("write", path)
        } catch {
            // Of a failed write any part may be there, of one that was under way in a crash too.
            put(bytes, node, Int(offset), all: false)
            throw error
        }
        put(bytes, node, Int(offset), all: true)
    }

    private func put(_ bytes: [UInt8], _ node: Node, _ offset: Int, all: Bool) {
        var begin = 0
        while begin < bytes.count {
            let end = min(bytes.count, begin + 512 - (offset + begin) % 512)
            if all || random.oneIn(2) {
                let part = Array(bytes[begin..<end])
                if node.bytes.count < offset + end {
                    node.bytes += [UInt8](repeating: 0, count: offset + end - node.bytes.count)
                }
                node.bytes.replaceSubrange(offset + begin..<offset + end, with: part)
                node.unsynced.append((offset + begin, part))
            }
            begin = end
        }
    }

    func allocate(_ file: OpenFile, length: UInt64) throws(FileSystemError) {
        let (node, path) = opened(file)
        try count("allocate", path)
        guard node.bytes.count < Int(length) else { return }
        node.bytes += [UInt8](repeating: 0, count: Int(length) - node.bytes.count)
        node.isAllocatedUnsynced = true
    }

    func truncate(_ file: OpenFile, length: UInt64) throws(FileSystemError) {
        let (node, path) = opened(file)
        try count("truncate", path)
        precondition(Int(length) >= node.bytes.count, "nothing here cuts a file")
    }

    func synchronize(_ file: OpenFile) throws(FileSystemError) {
        let (node, path) = opened(file)
        do {
            try count("synchronize", path)
        } catch {
            // As Linux does it: the pages count as clean, are read as they were written, and are not on disk.
            if case .crash = fault {} else { settle(node) { random.oneIn(2) } }
            throw error
        }
        settle(node) { true }
    }

    /// Takes what was written since the last synchronization for written, and puts on disk what is kept of it. What a
    /// failed synchronization has lost gets there only by being written again: until a crash it can be read.
    private func settle(_ node: Node, isKept: () -> Bool) {
        for write in node.unsynced where isKept() {
            let end = write.offset + write.bytes.count
            if node.durable.count < end { node.durable += [UInt8](repeating: 0, count: end - node.durable.count) }
            node.durable.replaceSubrange(write.offset..<end, with: write.bytes)
        }
        if node.isAllocatedUnsynced, node.durable.count < node.bytes.count {
            node.durable += [UInt8](repeating: 0, count: node.bytes.count - node.durable.count)
        }
        node.unsynced = []
        node.isAllocatedUnsynced = false
    }

    func synchronizeDirectory(_ path: String) throws(FileSystemError) {
        try count("synchronizeDirectory", path)
        guard var folder = folders[path] else { throw failure(.notFound, "fsync", path) }
        folder.durable = folder.names
        folder.changes = []
        folders[path] = folder
    }

    func rename(_ path: String, to newPath: String) throws(FileSystemError) {
        try count("rename", newPath)
        let (folder, from) = Self.split(path)
        let (other, to) = Self.split(newPath)
        precondition(folder == other, "nothing here moves a file to another folder")
        guard let node = node(path) else { throw failure(.notFound, "rename", path) }
        folders[folder]?.names[from] = nil
        folders[folder]?.names[to] = node
        folders[folder]?.changes.append(.moved(from: from, to: to, node))
    }

    func remove(_ path: String) throws(FileSystemError) {
        try count("remove", path)
        let (folder, name) = Self.split(path)
        guard node(path) != nil else { throw failure(.notFound, "remove", path) }
        folders[folder]?.names[name] = nil
        folders[folder]?.changes.append(.removed(name))
    }

    func removeDirectory(_ path: String) throws(FileSystemError) {
        try count("rmdir", path)
        guard let folder = folders[path] else { throw failure(.notFound, "rmdir", path) }
        guard folder.names.isEmpty else { throw failure(.failed(errno: 39), "rmdir", path) }
        folders[path] = nil
    }

    // MARK: -

    private func count(_ call: String, _ path: String) throws(FileSystemError) {
        let number = calls
        calls += 1
        log.append("\(call) \(path)")
        switch fault {
        case .fail(number, let reason):
            hasFailed = true
            throw failure(reason, call, path)
        case .failAll(let numbers, let reason) where numbers.contains(number):
            hasFailed = true
            throw failure(reason, call, path)
        case .crash(let first) where number >= first:
            hasFailed = true
            throw failure(.failed(errno: 5), call, path)
        default: break
        }
    }

    private func failure(_ reason: FileSystemError.Reason, _ call: String, _ path: String) -> FileSystemError {
        FileSystemError(reason: reason, call: call, path: path)
    }

    private func opened(_ file: OpenFile) -> (node: Node, path: String) {
        guard let entry = open[file.rawValue] else { preconditionFailure("the file is not open") }
        return entry
    }

    private func node(_ path: String) -> Node? {
        let (folder, name) = Self.split(path)
        return folders[folder]?.names[name]
    }

    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { preconditionFailure("paths here are absolute") }
        let folder = path[..<slash]
        return (folder.isEmpty ? "/" : String(folder), String(path[path.index(after: slash)...]))
    }
}
