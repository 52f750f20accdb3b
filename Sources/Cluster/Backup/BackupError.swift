import RaftStorage

/// Why there is no backup, or nothing came of one. For the operator.
public enum BackupError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file is not what was written, or no backup.
    case damaged(path: String, reason: String)
    /// A call of the system failed.
    case file(path: String, reason: String)
    /// A later release wrote it.
    case laterRelease(path: String, reason: String)
    /// The data folder is not what it must be.
    case folder(ClusterError)

    /// One sentence or two, with what to do.
    public var description: String {
        switch self {
        case .damaged(let path, let reason): "\(path): \(reason). It cannot be used: take another backup."
        case .file(let path, let reason): "\(path): \(reason)."
        case .laterRelease(let path, let reason): "\(path): written by a later release (\(reason)); use that one."
        case .folder(let error): error.description
        }
    }
}
