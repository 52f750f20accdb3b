import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// bind(2), by a name that is not one of ``SocketFile``'s.
private func bindSocket(_ descriptor: CInt, _ address: UnsafePointer<sockaddr>, _ size: socklen_t) -> CInt {
    bind(descriptor, address, size)
}

/// The file of a Unix socket that this process listens on, told from another that may stand at its path later.
public struct SocketFile: Sendable {
    private let path: String
    private let device: UInt64
    private let inode: UInt64

    /// The file at the path as it is now; nil where there is none.
    public init?(path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        self.path = path
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }

    /// Removes the file, unless another has taken its place.
    public func remove() {
        guard let now = SocketFile(path: path), now.device == device, now.inode == inode else { return }
        unlink(path)
    }

    /// Makes a socket at a path, in place of one that a process has left which has ended.
    ///
    /// - Parameter isPrivate: nobody but the process's own user may connect to it.
    /// - Returns: a descriptor that is bound and does not listen yet; it is the caller's, and so is the file.
    public static func bind(_ path: String, isPrivate: Bool, group: any EventLoopGroup) async throws -> CInt {
        let isAbandoned = await isAbandoned(path, group: group)
        return try bind(path, isPrivate: isPrivate, replacing: isAbandoned)
    }

    /// Whether a socket file is left from a process that has ended: it is there, and nobody answers.
    static func isAbandoned(_ path: String, group: any EventLoopGroup) async -> Bool {
        do {
            let channel = try await ClientBootstrap(group: group).connect(unixDomainSocketPath: path).get()
            channel.close(promise: nil)
            return false
        } catch let error as IOError {
            return error.errnoCode == ECONNREFUSED
        } catch {
            return false
        }
    }

    private static func removeSocket(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
        unlink(path)
    }

    /// Makes a socket. A private one's file has mode 0600 from the moment at which it is there: Linux takes the mode of the
    /// socket, less the umask, for that of its file. Nobody can connect before the socket listens.
    ///
    /// - Parameters:
    ///   - isPrivate: nobody but the process's own user may connect to it.
    ///   - replacing: whether a socket file at the path is removed first; no other file ever is.
    /// - Returns: a descriptor that is bound and does not listen yet; it is the caller's.
    static func bind(_ path: String, isPrivate: Bool, replacing: Bool) throws -> CInt {
        let address = try SocketAddress(unixDomainSocketPath: path)
        if replacing { removeSocket(path) }
        #if canImport(Glibc)
            let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        #else
            let type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK
        #endif
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        do {
            guard !isPrivate || fchmod(descriptor, 0o600) == 0 else {
                throw IOError(errnoCode: errno, reason: "fchmod")
            }
            let result = address.withSockAddr { pointer, size in bindSocket(descriptor, pointer, socklen_t(size)) }
            guard result == 0 else { throw IOError(errnoCode: errno, reason: "bind") }
            guard isPrivate else { return descriptor }
            // Where a kernel does it otherwise, the file gets its mode here, still before anybody can connect.
            var status = stat()
            guard lstat(path, &status) == 0 else { throw IOError(errnoCode: errno, reason: "lstat") }
            if status.st_mode & 0o777 != 0o600, chmod(path, 0o600) != 0 {
                throw IOError(errnoCode: errno, reason: "chmod")
            }
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }
}
