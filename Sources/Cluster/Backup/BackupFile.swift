import Glibc

/// A backup that is being written to a file: mode 0600, since it holds secrets, and under its name only when all of it is
/// durable. Use from one thread at a time.
public final class BackupFile {
    private let path: String
    private let temporary: String
    private var descriptor: Int32

    /// Begins a file.
    /// - Parameter replacing: whether a file of this name gives way at the end.
    public init(path: String, replacing: Bool) throws(BackupError) {
        self.path = path
        temporary = path + ".partial"
        if !replacing, access(path, F_OK) == 0 {
            throw .file(path: path, reason: "there is a file of this name already; choose another one")
        }
        unlink(temporary)
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Self.failure(temporary, "cannot be made") }
    }

    deinit { abandon() }

    /// Writes the next piece.
    public func append(_ bytes: [UInt8]) throws(BackupError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure(temporary, "cannot be written") }
            rest = rest.dropFirst(count)
        }
    }

    /// Reads back what was written, makes it durable, and gives it its name.
    /// - Returns: what it holds.
    public func finish() throws(BackupError) -> Backup {
        guard fsync(descriptor) == 0 else { throw Self.failure(temporary, "cannot be made durable") }
        let backup = try Self.read(temporary)
        guard rename(temporary, path) == 0 else { throw Self.failure(path, "cannot be given its name") }
        close(descriptor)
        descriptor = -1
        try Self.synchronizeFolder(of: path)
        return backup
    }

    /// Leaves nothing behind.
    public func abandon() {
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
        unlink(temporary)
    }

    /// Reads a file, and makes sure that it is what was written.
    public static func read(_ path: String) throws(BackupError) -> Backup {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path, "cannot be opened") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path, "cannot be read") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .file(path: path, reason: "this is no file") }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(status.st_size))
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(path, "cannot be read") }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return try Backup(bytes, path: path)
    }

    static func synchronizeFolder(of path: String) throws(BackupError) {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(folder, "cannot be opened") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(folder, "cannot be made durable") }
    }

    private static func failure(_ path: String, _ what: String) -> BackupError {
        let code = errno
        return .file(path: path, reason: "it \(what): \(String(cString: strerror(code)))")
    }
}
