#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What a configuration takes from the machine that reads it. Tests give their own.
public struct LoadingEnvironment: Sendable {
    /// Why a file cannot be had.
    public struct FileFault: Error, Sendable, Equatable {
        /// What is wrong, after the file's name: "does not exist".
        public var message: String
        /// What to do.
        public var remedy: String

        /// A fault of these words.
        public init(message: String, remedy: String) {
            self.message = message
            self.remedy = remedy
        }
    }

    /// The default of `node.name`.
    public var hostName: String
    /// A file's bytes, if they are at most so many.
    public var readFile: @Sendable (_ path: String, _ byteLimit: Int) throws(FileFault) -> [UInt8]

    /// The same of a file that holds a secret: refused where others than its owner may read or change it (a mode of
    /// more than 0600). Root's file may be readable for its group (0640), as Kubernetes mounts secrets and administrators
    /// hand them out: the owner of such a file is trusted anyway, and has chosen the group.
    public var readSecretFile: @Sendable (_ path: String, _ byteLimit: Int) throws(FileFault) -> [UInt8]

    /// The value of a variable of the process's environment; nil where it is not set.
    public var variable: @Sendable (_ name: String) -> String?

    /// The default of `node.data`: what a service manager has made for the service (systemd.exec(5), `StateDirectory=`).
    var stateDirectory: String {
        guard let path = variable("STATE_DIRECTORY"), path.hasPrefix("/"), !path.contains(":") else {
            return "/var/lib/tollgate"
        }
        return path
    }

    /// With this host's name, these files and these variables.
    public init(
        hostName: String,
        readFile: @escaping @Sendable (_ path: String, _ byteLimit: Int) throws(FileFault) -> [UInt8],
        readSecretFile: @escaping @Sendable (_ path: String, _ byteLimit: Int) throws(FileFault) -> [UInt8] = noSecret,
        variable: @escaping @Sendable (_ name: String) -> String? = { _ in nil }
    ) {
        self.hostName = hostName
        self.readFile = readFile
        self.readSecretFile = readSecretFile
        self.variable = variable
    }

    /// Has no file of secrets.
    @Sendable public static func noSecret(_ path: String, _ byteLimit: Int) throws(FileFault) -> [UInt8] {
        throw FileFault(message: "does not exist", remedy: "create it, or name another file")
    }

    /// This machine's name and files. Reading blocks the calling thread: not for an event loop.
    public static var machine: LoadingEnvironment {
        LoadingEnvironment(
            hostName: systemHostName(),
            readFile: readRegularFile,
            readSecretFile: readOwnersFile,
            variable: { name in getenv(name).map { String(cString: $0) } }
        )
    }
}

/// Reads a file that anybody may read.
@Sendable private func readRegularFile(path: String, byteLimit: Int) throws(LoadingEnvironment.FileFault) -> [UInt8] {
    try readFile(path, byteLimit, isSecret: false)
}

/// Reads a file that nobody may read but its owner and, where that is root, its group.
@Sendable private func readOwnersFile(path: String, byteLimit: Int) throws(LoadingEnvironment.FileFault) -> [UInt8] {
    try readFile(path, byteLimit, isSecret: true)
}

private func systemHostName() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    // The last byte stays 0: a name that is cut off need not be terminated.
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "node" }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}

/// Reads a regular file of at most `byteLimit` bytes. Anything else (a folder, a FIFO that never ends) is refused
/// without waiting for it. A secret is not read where more people may read it than its owner.
private func readFile(
    _ path: String,
    _ byteLimit: Int,
    isSecret: Bool
) throws(LoadingEnvironment.FileFault) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
        switch errno {
        case ENOENT: throw .init(message: "does not exist", remedy: "create it, or name another file")
        case EACCES: throw .init(message: "may not be read by this user", remedy: "change its owner or mode")
        case ELOOP: throw .init(message: "is a link that leads back to itself", remedy: "name the file itself")
        case ENOTDIR: throw .init(message: "lies in what is no folder", remedy: "check its path")
        case let code:
            let reason = String(cString: strerror(code))
            throw .init(message: "cannot be opened (\(reason))", remedy: "check its path")
        }
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        throw .init(message: "is not a regular file", remedy: "name a file")
    }
    // Every bit but the owner's reading and writing; and, where the owner is root, the group's reading.
    let forbidden: mode_t = status.st_uid == 0 ? 0o7137 : 0o7177
    guard !isSecret || status.st_mode & forbidden == 0 else {
        let mode = String(status.st_mode & 0o7777, radix: 8)
        throw .init(
            message: "has the mode 0\(mode), so that others may read a secret in it",
            remedy: "run `chmod 600` on it, and replace the secret if others may have read it"
        )
    }
    let tooLarge = LoadingEnvironment.FileFault(message: "is larger than \(byteLimit) bytes", remedy: "make it smaller")
    guard status.st_size <= byteLimit else { throw tooLarge }
    // The file may grow while it is read: one byte more than allowed is asked for, and tells.
    var bytes = [UInt8](repeating: 0, count: min(Int(status.st_size), byteLimit) + 1)
    var filled = 0
    while filled < bytes.count {
        let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + filled, $0.count - filled) }
        if count == 0 { break }
        guard count > 0 else {
            if errno == EINTR { continue }
            let reason = String(cString: strerror(errno))
            throw .init(message: "cannot be read (\(reason))", remedy: "check the disk")
        }
        filled += count
        guard filled <= byteLimit else { throw tooLarge }
        if filled == bytes.count {
            bytes.append(contentsOf: repeatElement(0, count: min(65_536, byteLimit + 1 - filled)))
        }
    }
    bytes.removeLast(bytes.count - filled)
    return bytes
}
