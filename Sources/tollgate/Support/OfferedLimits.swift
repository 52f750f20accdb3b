import RaftStorage
import Settings

/// The limits that this node last offered to the cluster, on its disk: it offers those of its file when they have changed
/// since.
struct OfferedLimits: Sendable {
    private let path: String

    /// - Parameter directory: the data folder, which is there.
    init(directory: String) { path = directory + "/limits" }

    /// Whether anything was noted yet.
    var hasRecord: Bool { last != nil }

    private var last: [UInt8]? { (try? DurableFile(path: path, files: PosixFileSystem()).read()) ?? nil }

    /// Whether limits that the file has no more were still in force when the last was noted.
    var isRetiring: Bool { last?.starts(with: Self.retiring) ?? false }

    /// Whether the limits of this configuration are others than those that were offered last. A node that has never
    /// offered any has no news: it follows those in force.
    func isNews(_ configuration: Configuration) -> Bool {
        last.map { $0 != Self.text(configuration) && $0 != Self.retiring + Self.text(configuration) } ?? false
    }

    /// Notes that they were offered, or are in force.
    /// - Parameter isRetiring: limits that the file has no more are still in force, to be retired.
    /// - Throws: `StorageError`.
    func record(_ configuration: Configuration, isRetiring: Bool) throws(StorageError) {
        let text = Self.text(configuration)
        try DurableFile(path: path, files: PosixFileSystem()).write(isRetiring ? Self.retiring + text : text)
    }

    private static let retiring = Array("retiring\n".utf8)

    /// What the ledger is told of a configuration, a line a limit.
    private static func text(_ configuration: Configuration) -> [UInt8] {
        var text = ""
        for policy in configuration.policies {
            text += "policy \(policy.name) \(policy.maxKeys)\n"
            for (role, limits) in [("free", policy.free), ("ceiling", policy.ceiling)] {
                for limit in limits { text += "\(role) \(limit.identity) \(limit.interval) \(limit.burst)\n" }
            }
        }
        return Array(text.utf8)
    }
}
