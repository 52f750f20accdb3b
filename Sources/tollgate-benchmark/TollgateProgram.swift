import Glibc

/// The `tollgate` that is measured.
enum TollgateProgram {
    /// The program's path: the one given, or the one beside this program.
    static func path(_ given: String?) throws(BenchmarkError) -> String {
        if let given {
            guard access(given, X_OK) == 0 else { throw .system("cannot run \(given)") }
            return given.contains("/") ? given : "./\(given)"
        }
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { throw .system("cannot find this program's own folder") }
        let own = String(decoding: buffer[..<count], as: UTF8.self)
        let beside = own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let path = "\(beside)/tollgate"
        guard access(path, X_OK) == 0 else {
            throw BenchmarkError("there is no tollgate beside this program; build it, or name it with --tollgate PATH")
        }
        return path
    }
}
