import Glibc

/// A file in a folder that a backup is being restored into, there before anything else of it and gone after all of it: a
/// restoration that was cut short is not taken for a folder in which nothing was ever done.
///
/// While no other process uses the folder.
enum RestoreMark {
    private static let name = "restoring"
    /// What every folder may hold: the lock, and what a file system puts at its root.
    private static let harmless: Set = ["lock", "lost+found"]
    /// What a restoration makes.
    private static let made: Set = [
        name, "log", "snapshots", "creating", "clock", "clock.tmp", "founding", "founding.tmp",
    ]

    /// A node does not start in the middle.
    static func check(_ directory: String) throws(ClusterError) {
        guard access("\(directory)/\(name)", F_OK) != 0 else {
            throw .folder(
                path: directory,
                reason:
                    "a backup was being restored into it, and that has not come to an end: run `tollgate backup restore` "
                    + "into it again, or empty it"
            )
        }
    }

    /// Marks a folder, durably.
    /// - Throws: where there is anything in it but what an earlier restoration left that was cut short.
    static func begin(in directory: String) throws(BackupError) {
        let names = try entries(of: directory)
        let allowed = names.contains(name) ? harmless.union(made) : harmless
        if let other = names.filter({ !allowed.contains($0) }).min() {
            throw .file(
                path: directory,
                reason: "it is not empty (\(other)): it holds a node's data already, or something else; name an empty "
                    + "folder, or move away what is there"
            )
        }
        let path = "\(directory)/\(name)"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure(path, "cannot be made") }
        close(descriptor)
        try BackupFile.synchronizeFolder(of: path)
    }

    /// Removes the mark, durably.
    static func end(in directory: String) throws(BackupError) {
        let path = "\(directory)/\(name)"
        guard unlink(path) == 0 else { throw failure(path, "cannot be removed") }
        try BackupFile.synchronizeFolder(of: path)
    }

    private static func entries(of directory: String) throws(BackupError) -> [String] {
        guard let stream = opendir(directory) else { throw failure(directory, "cannot be read") }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw failure(directory, "cannot be read") }
                break
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: field.pointee)) {
                    String(cString: $0)
                }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    private static func failure(_ path: String, _ what: String) -> BackupError {
        let code = errno
        return .file(path: path, reason: "it \(what): \(String(cString: strerror(code)))")
    }
}
