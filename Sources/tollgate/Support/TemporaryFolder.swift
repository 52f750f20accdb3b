#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A folder of this user's alone, mode 0700, that is removed with all that is in it.
struct TemporaryFolder {
    /// The system gave none; one sentence for a person.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Longest path that leaves room for a socket's name in it: sockaddr_un(7) holds 107 bytes.
    private static let pathBytesMax = 90

    let path: String

    /// Under TMPDIR, unless that is too long a path for a socket, else under /tmp.
    init(prefix: String) throws(Failure) {
        let wanted = getenv("TMPDIR").map { String(cString: $0) } ?? ""
        let suffix = "/\(prefix)-XXXXXX"
        let base =
            wanted.hasPrefix("/") && wanted.utf8.count + suffix.utf8.count <= Self.pathBytesMax ? wanted : "/tmp"
        var template = Array((base + suffix).utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Failure(description: "cannot make a folder in \(base): \(String(cString: strerror(errno)))")
        }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    /// While somebody writes there, a file may come after its folder was read.
    private static let triesMax = 8

    /// Removes the folder and all that is in it, also under the hands of who writes there. Any thread.
    func remove() {
        for _ in 0..<Self.triesMax where access(path, F_OK) == 0 { Self.remove(path) }
    }

    private static func remove(_ path: String) {
        if let folder = opendir(path) {
            while let entry = readdir(folder) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                guard name != ".", name != ".." else { continue }
                // A link is removed, and not what it leads to.
                if unlink("\(path)/\(name)") != 0 { remove("\(path)/\(name)") }
            }
            closedir(folder)
        }
        rmdir(path)
    }
}
