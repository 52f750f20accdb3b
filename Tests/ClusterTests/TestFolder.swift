import Glibc
import Testing

/// A folder of a test's own, with what it makes of it in one level of folders.
struct TestFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/tollgate-test.XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) != nil }
        try #require(made)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes it with all that is in it, links not followed.
    func remove() { Self.remove(path) }

    /// Removes a folder with all that is in it.
    static func remove(_ path: String) {
        if let folder = opendir(path) {
            while let entry = readdir(folder) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name != ".", name != ".." { remove(path + "/" + name) }
            }
            closedir(folder)
        }
        _ = rmdir(path) == 0 || unlink(path) == 0
    }

    /// Copies a folder with all that is in it.
    static func copy(_ path: String, to copy: String) throws {
        var pid: pid_t = 0
        let words: [String] = ["cp", "-a", path, copy]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        try #require(posix_spawnp(&pid, "cp", nil, nil, &arguments, nil) == 0)
        var status: Int32 = -1
        try #require(waitpid(pid, &status, 0) == pid && status == 0)
    }

    /// Flips a bit of the last byte that was written of the log in a node's folder.
    static func flipLastByte(ofLogIn folder: String) throws {
        var segment = ""
        for number in 1...99 {
            let digits = String(number, radix: 16)
            let name = String(repeating: "0", count: 16 - digits.count) + digits
            let path = "\(folder)/log/\(name).log"
            if access(path, F_OK) == 0 { segment = path }
        }
        try flipLastByte(of: segment)
    }

    /// Flips a bit of the last byte of a file that is not zero.
    static func flipLastByte(of path: String) throws {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Int(lseek(descriptor, 0, SEEK_END)))
        try #require(pread(descriptor, &bytes, bytes.count, 0) == bytes.count)
        let place = try #require(bytes.lastIndex { $0 != 0 })
        var byte = bytes[place] ^ 4
        try #require(pwrite(descriptor, &byte, 1, off_t(place)) == 1)
    }
}
