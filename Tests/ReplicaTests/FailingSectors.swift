import RaftStorage
import Simulator

/// A simulated disk that fails to read some bytes of some files, each time.
final class FailingSectors: FileSystem {
    /// The disk.
    let disk: SimulatedDisk
    /// The bytes that cannot be read, by the file's name, whatever folder it is in.
    var bad: [String: Range<Int>] = [:]
    /// With which error: EIO.
    var errno: Int32 = 5
    private var names: [OpenFile: (path: String, name: String)] = [:]

    init(_ disk: SimulatedDisk) { self.disk = disk }

    func read(_ file: OpenFile, at offset: UInt64, count: Int) throws(FileSystemError) -> [UInt8] {
        if let (path, name) = names[file], let bad = bad[name], bad.overlaps(Int(offset)..<Int(offset) + count) {
            throw FileSystemError(reason: .failed(errno: errno), call: "read", path: path)
        }
        return try disk.read(file, at: offset, count: count)
    }

    func open(_ path: String, _ mode: OpenMode) throws(FileSystemError) -> OpenFile {
        let file = try disk.open(path, mode)
        names[file] = (path, path.split(separator: "/").last.map { String($0) } ?? "")
        return file
    }

    func makeDirectory(_ path: String) throws(FileSystemError) { try disk.makeDirectory(path) }
    func list(_ directory: String) throws(FileSystemError) -> [String] { try disk.list(directory) }
    func close(_ file: OpenFile) { disk.close(file) }
    func length(_ file: OpenFile) throws(FileSystemError) -> UInt64 { try disk.length(file) }
    func write(_ file: OpenFile, _ bytes: [UInt8], at offset: UInt64) throws(FileSystemError) {
        try disk.write(file, bytes, at: offset)
    }
    func allocate(_ file: OpenFile, length: UInt64) throws(FileSystemError) { try disk.allocate(file, length: length) }
    func truncate(_ file: OpenFile, length: UInt64) throws(FileSystemError) { try disk.truncate(file, length: length) }
    func synchronize(_ file: OpenFile) throws(FileSystemError) { try disk.synchronize(file) }
    func synchronizeDirectory(_ path: String) throws(FileSystemError) { try disk.synchronizeDirectory(path) }
    func rename(_ path: String, to newPath: String) throws(FileSystemError) { try disk.rename(path, to: newPath) }
    func remove(_ path: String) throws(FileSystemError) { try disk.remove(path) }
    func removeDirectory(_ path: String) throws(FileSystemError) { try disk.removeDirectory(path) }
}
