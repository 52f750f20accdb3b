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
}
