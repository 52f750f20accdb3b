import Glibc
import NIOConcurrencyHelpers

/// A node's folder, taken by this process: no other one uses it until it is released (flock(2)).
final class DirectoryLock: Sendable {
    private let descriptor: NIOLockedValueBox<Int32?>

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
                    ? "another process uses it; give each node a folder of its own"
                    : "it cannot be locked: \(String(cString: strerror(code)))"
            )
        }
        self.descriptor = NIOLockedValueBox(descriptor)
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
