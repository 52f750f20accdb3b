import Glibc
import RaftStorage

/// The real file system, with a time added to each synchronization: so that the machine's own disk, whatever it is and
/// does beside, weighs less.
struct SlowDisk: FileSystem, Sendable {
    private let files = PosixFileSystem()
    /// What is added to each fdatasync, in nanoseconds.
    let addedNanoseconds: Int

    /// Waits as long as is added.
    func wait() {
        guard addedNanoseconds > 0 else { return }
        var rest = timespec(tv_sec: addedNanoseconds / 1_000_000_000, tv_nsec: addedNanoseconds % 1_000_000_000)
        var left = timespec()
        while nanosleep(&rest, &left) != 0 { rest = left }
    }

    func makeDirectory(_ path: String) throws(FileSystemError) { try files.makeDirectory(path) }
    func list(_ directory: String) throws(FileSystemError) -> [String] { try files.list(directory) }
    func open(_ path: String, _ mode: OpenMode) throws(FileSystemError) -> OpenFile { try files.open(path, mode) }
    func close(_ file: OpenFile) { files.close(file) }
    func length(_ file: OpenFile) throws(FileSystemError) -> UInt64 { try files.length(file) }
    func read(_ file: OpenFile, at offset: UInt64, count: Int) throws(FileSystemError) -> [UInt8] {
        try files.read(file, at: offset, count: count)
    }
    func write(_ file: OpenFile, _ bytes: [UInt8], at offset: UInt64) throws(FileSystemError) {
        try files.write(file, bytes, at: offset)
    }
    func allocate(_ file: OpenFile, length: UInt64) throws(FileSystemError) {
        try files.allocate(file, length: length)
    }
    func truncate(_ file: OpenFile, length: UInt64) throws(FileSystemError) {
        try files.truncate(file, length: length)
    }
    func synchronize(_ file: OpenFile) throws(FileSystemError) {
        try files.synchronize(file)
        wait()
    }
    func synchronizeDirectory(_ path: String) throws(FileSystemError) { try files.synchronizeDirectory(path) }
    func rename(_ path: String, to newPath: String) throws(FileSystemError) { try files.rename(path, to: newPath) }
    func remove(_ path: String) throws(FileSystemError) { try files.remove(path) }
    func removeDirectory(_ path: String) throws(FileSystemError) { try files.removeDirectory(path) }
}
