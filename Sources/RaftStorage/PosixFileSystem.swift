import CLinux
import Glibc

/// The file system of Linux.
///
/// It holds nothing itself: files are descriptors, paths are taken as they are. Only regular files are opened, and no
/// links. Usable from any thread; a file from one
/// thread at a time.
public struct PosixFileSystem: FileSystem, Sendable {
    /// How much is written at a time where a file is filled with zeros.
    private static let zeroBytes = 1 << 20

    /// The file system.
    public init() {}

    public func makeDirectory(_ path: String) throws(FileSystemError) {
        guard mkdir(path, 0o700) != 0 else { return }
        let code = errno
        if code == EEXIST {
            // Also said of a file, and of a link that leads nowhere.
            var status = stat()
            if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return }
        }
        throw failure("mkdir", path, code)
    }

    public func list(_ directory: String) throws(FileSystemError) -> [String] {
        guard let stream = opendir(directory) else { throw failure("opendir", directory) }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw failure("readdir", directory) }
                break
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: field.pointee)) {
                    String(cString: $0)
                }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    public func open(_ path: String, _ mode: OpenMode) throws(FileSystemError) -> OpenFile {
        let flags =
            switch mode {
            case .read: O_RDONLY
            case .readWrite: O_RDWR
            case .createNew: O_RDWR | O_CREAT | O_EXCL
            }
        while true {
            // Without waiting, should it be a pipe: the check below refuses that.
            let descriptor = Glibc.open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
            if descriptor >= 0 {
                var status = stat()
                let isKnown = fstat(descriptor, &status) == 0
                let code = errno
                let kind = status.st_mode & S_IFMT
                if isKnown, kind == S_IFREG { return OpenFile(rawValue: descriptor) }
                Glibc.close(descriptor)
                throw failure("open", path, isKnown ? (kind == S_IFDIR ? EISDIR : ENXIO) : code)
            }
            guard errno == EINTR else { throw failure("open", path) }
        }
    }

    public func close(_ file: OpenFile) { Glibc.close(file.rawValue) }

    public func length(_ file: OpenFile) throws(FileSystemError) -> UInt64 {
        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else { throw failure("fstat", name(file)) }
        return UInt64(status.st_size)
    }

    public func read(_ file: OpenFile, at offset: UInt64, count: Int) throws(FileSystemError) -> [UInt8] {
        // A caller's count may be far beyond the file's end: nothing is reserved for that.
        let length = try length(file)
        guard offset < length, count > 0 else { return [] }
        let wanted = Int(min(UInt64(count), length - offset))
        var code: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
            while filled < wanted {
                let rest = UnsafeMutableRawPointer(buffer.baseAddress?.advanced(by: filled))
                let result = pread(file.rawValue, rest, wanted - filled, off_t(offset) + off_t(filled))
                if result > 0 {
                    filled += result
                } else if result == 0 {
                    break
                } else if errno != EINTR {
                    code = errno
                    break
                }
            }
        }
        guard code == 0 else { throw failure("pread", name(file), code) }
        return bytes
    }

    public func write(_ file: OpenFile, _ bytes: [UInt8], at offset: UInt64) throws(FileSystemError) {
        let code = bytes.withUnsafeBytes { Self.write(file, $0, at: off_t(offset)) }
        guard code == 0 else { throw failure("pwrite", name(file), code) }
    }

    /// Reserves the space, so that want of it shows here, and then writes zeros, so that a later write finds blocks that
    /// are in use: else the first fdatasync after it had to write the file system's own log too.
    public func allocate(_ file: OpenFile, length: UInt64) throws(FileSystemError) {
        var offset = try self.length(file)
        guard offset < length else { return }
        let code = clinux_fallocate(file.rawValue, Int64(offset), Int64(length - offset))
        // Not every file system has it; zeros reserve the space as well.
        guard code == 0 || code == EOPNOTSUPP else { throw failure("fallocate", name(file), code) }
        let zeros = [UInt8](repeating: 0, count: Int(min(UInt64(Self.zeroBytes), length - offset)))
        while offset < length {
            let count = Int(min(UInt64(zeros.count), length - offset))
            let code = zeros.withUnsafeBytes {
                Self.write(file, UnsafeRawBufferPointer(rebasing: $0[..<count]), at: off_t(offset))
            }
            guard code == 0 else { throw failure("pwrite", name(file), code) }
            offset += UInt64(count)
        }
    }

    public func truncate(_ file: OpenFile, length: UInt64) throws(FileSystemError) {
        while ftruncate(file.rawValue, off_t(length)) != 0 {
            guard errno == EINTR else { throw failure("ftruncate", name(file)) }
        }
    }

    /// Not tried again after any error, EINTR included: what was written may be lost already.
    public func synchronize(_ file: OpenFile) throws(FileSystemError) {
        guard fdatasync(file.rawValue) == 0 else { throw failure("fdatasync", name(file)) }
    }

    public func synchronizeDirectory(_ path: String) throws(FileSystemError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open", path) }
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("fsync", path) }
    }

    public func rename(_ path: String, to newPath: String) throws(FileSystemError) {
        guard Glibc.rename(path, newPath) == 0 else { throw failure("rename", newPath) }
    }

    public func remove(_ path: String) throws(FileSystemError) {
        guard unlink(path) == 0 else { throw failure("unlink", path) }
    }

    public func removeDirectory(_ path: String) throws(FileSystemError) {
        guard rmdir(path) == 0 else { throw failure("rmdir", path) }
    }

    /// Writes all of it; 0, or the number of the error.
    private static func write(_ file: OpenFile, _ bytes: UnsafeRawBufferPointer, at offset: off_t) -> Int32 {
        var written = 0
        while written < bytes.count {
            let rest = bytes.baseAddress?.advanced(by: written)
            let result = pwrite(file.rawValue, rest, bytes.count - written, offset + off_t(written))
            if result > 0 {
                written += result
            } else if result == 0 {
                return EIO
            } else if errno != EINTR {
                return errno
            }
        }
        return 0
    }

    /// The path of an open file, for messages.
    private func name(_ file: OpenFile) -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/fd/\(file.rawValue)", &buffer, buffer.count)
        guard count > 0 else { return "file \(file.rawValue)" }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func failure(_ call: String, _ path: String, _ code: Int32 = errno) -> FileSystemError {
        let reason: FileSystemError.Reason =
            switch code {
            case ENOENT: .notFound
            case EEXIST: .exists
            case ENOSPC, EDQUOT: .full
            default: .failed(errno: code)
            }
        return FileSystemError(reason: reason, call: call, path: path)
    }
}
