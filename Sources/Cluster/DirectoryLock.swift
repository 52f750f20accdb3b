import Glibc
import NIOConcurrencyHelpers

/// A node's folder, taken by this process: no other one uses it until it is released (flock(2)).
final class DirectoryLock: Sendable {
    private let descriptor: NIOLockedValueBox<Int32?>
    /// The folder's permissions, as in `chmod`, where they let others in: to be told, for there are secrets in it. Nil where
    /// they do not.
    let openMode: String?

    /// Makes the folder, for its owner only, where it is not there yet, and takes it.
    /// - Throws: ``ClusterError/folder(path:reason:)``.
    init(directory: String) throws(ClusterError) {
        if mkdir(directory, 0o700) != 0, errno != EEXIST {
            throw .folder(path: directory, reason: "it cannot be made: \(String(cString: strerror(errno)))")
        }
        // What is there already may be anything.
        var status = stat()
        if stat(directory, &status) != 0 {
            let code = errno
            throw .folder(
                path: directory,
                reason: code == ENOENT || code == ELOOP
                    ? "it is a link that leads to nothing: make the folder that it names, or name another one"
                    : "it cannot be looked at: \(String(cString: strerror(code)))"
            )
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .folder(path: directory, reason: "it is no folder") }
        openMode = Self.openMode(status)
        let path = directory + "/lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw .folder(path: path, reason: "it cannot be opened: \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            throw .folder(
                path: directory,
                reason: code == EWOULDBLOCK
                    ? "another process uses it; stop that one, or give each node a folder of its own"
                    : "it cannot be locked: \(String(cString: strerror(code)))"
            )
        }
        self.descriptor = NIOLockedValueBox(descriptor)
    }

    /// An own folder is to be the owner's alone. One that another made for this process, as a volume is, must only not let
    /// everybody write: its mode is not this node's to change, and what is in it is readable to its owner alone.
    private static func openMode(_ status: stat) -> String? {
        let forbidden: mode_t = status.st_uid == geteuid() ? 0o077 : 0o002
        return status.st_mode & forbidden == 0 ? nil : "0" + String(status.st_mode & 0o777, radix: 8)
    }

    deinit { release() }

    /// Leaves the folder to others. Any thread; again does nothing.
    func release() {
        let taken = descriptor.withLockedValue { descriptor in
            defer { descriptor = nil }
            return descriptor
        }
        if let taken { close(taken) }
    }
}
