/// A file system behind which the storage's rule about failures stands: after a call that failed in any way but for want
/// of space, and after any failed synchronization, nothing is called any more.
///
/// After a failed synchronization the kernel may count pages as clean that never reached the disk: another try would
/// succeed and mean nothing ("Can Applications Recover from fsync Failures?", USENIX ATC 2020).
struct StorageFiles<Files: FileSystem> {
    /// The calls themselves.
    let files: Files
    /// A call was fatal.
    private(set) var isStopped = false

    init(_ files: Files) { self.files = files }

    mutating func makeDirectory(_ path: String) throws(StorageError) {
        try run { files throws(FileSystemError) in try files.makeDirectory(path) }
    }

    mutating func list(_ directory: String) throws(StorageError) -> [String] {
        try run { files throws(FileSystemError) in try files.list(directory) }
    }

    /// The names in a folder, or nil where it is not there.
    mutating func listIfPresent(_ directory: String) throws(StorageError) -> [String]? {
        try run { files throws(FileSystemError) in
            do throws(FileSystemError) {
                return try files.list(directory)
            } catch {
                guard error.reason == .notFound else { throw error }
                return nil
            }
        }
    }

    mutating func open(_ path: String, _ mode: OpenMode) throws(StorageError) -> OpenFile {
        try run { files throws(FileSystemError) in try files.open(path, mode) }
    }

    func close(_ file: OpenFile) { files.close(file) }

    mutating func length(_ file: OpenFile) throws(StorageError) -> UInt64 {
        try run { files throws(FileSystemError) in try files.length(file) }
    }

    mutating func read(_ file: OpenFile, at offset: UInt64, count: Int) throws(StorageError) -> [UInt8] {
        try run { files throws(FileSystemError) in try files.read(file, at: offset, count: count) }
    }

    mutating func write(_ file: OpenFile, _ bytes: [UInt8], at offset: UInt64) throws(StorageError) {
        try run { files throws(FileSystemError) in try files.write(file, bytes, at: offset) }
    }

    mutating func allocate(_ file: OpenFile, length: UInt64) throws(StorageError) {
        try run { files throws(FileSystemError) in try files.allocate(file, length: length) }
    }

    mutating func synchronize(_ file: OpenFile) throws(StorageError) {
        try run(isFatalInAnyCase: true) { files throws(FileSystemError) in try files.synchronize(file) }
    }

    mutating func synchronizeDirectory(_ path: String) throws(StorageError) {
        try run(isFatalInAnyCase: true) { files throws(FileSystemError) in try files.synchronizeDirectory(path) }
    }

    mutating func rename(_ path: String, to newPath: String) throws(StorageError) {
        try run { files throws(FileSystemError) in try files.rename(path, to: newPath) }
    }

    /// Removes a name. No error where it is not there.
    mutating func remove(_ path: String) throws(StorageError) {
        try run { files throws(FileSystemError) in
            do throws(FileSystemError) {
                try files.remove(path)
            } catch {
                guard error.reason == .notFound else { throw error }
            }
        }
    }

    /// Removes an empty folder.
    mutating func removeDirectory(_ path: String) throws(StorageError) {
        try run { files throws(FileSystemError) in try files.removeDirectory(path) }
    }

    private mutating func run<Value>(
        isFatalInAnyCase: Bool = false,
        _ body: (Files) throws(FileSystemError) -> Value
    ) throws(StorageError) -> Value {
        guard !isStopped else { throw .stopped }
        do throws(FileSystemError) {
            return try body(files)
        } catch {
            if error.reason == .full, !isFatalInAnyCase { throw .full(error) }
            isStopped = true
            throw .fatal(error)
        }
    }
}

extension StorageFiles: Sendable where Files: Sendable {}
