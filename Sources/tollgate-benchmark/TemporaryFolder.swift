import Glibc

/// A folder of its own below `TMPDIR`, mode 0700, removed with all that is in it when the value goes.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws(BenchmarkError) {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/tollgate-benchmark-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .system("cannot make a folder in \(parent)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        Surroundings.created(folder: path)
    }

    deinit {
        Self.remove(path)
        Surroundings.removed(folder: path)
    }

    /// Writes a file into it and returns its path.
    func write(_ name: String, _ text: String) throws(BenchmarkError) -> String {
        let file = "\(path)/\(name)"
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system("cannot write \(file)") }
        defer { close(descriptor) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw .system("cannot write \(file)") }
            rest = rest.dropFirst(count)
        }
        return file
    }

    /// Removes a folder and what is in it, links as links: nothing outside it is touched. What cannot be removed stays.
    static func remove(_ path: String) {
        for name in File.entries(path) {
            let entry = "\(path)/\(name)"
            var status = stat()
            guard lstat(entry, &status) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR { remove(entry) } else { unlink(entry) }
        }
        rmdir(path)
    }
}
