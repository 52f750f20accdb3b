/// A small file that is replaced as a whole: the new content is there after a crash, or the old one, never a mixture.
///
/// For a replica's id before genesis, and for an acceptor's promises.
public struct DurableFile<Files: FileSystem> {
    /// The content at most, in bytes.
    public static var bytesMax: Int { 1 << 20 }

    /// The file. Its folder must exist.
    public let path: String
    private let files: Files

    /// The file of that path.
    public init(path: String, files: Files) {
        self.path = path
        self.files = files
    }

    /// The content, or nil where the file has never been written. Damage is an error, not an absence.
    public func read() throws(StorageError) -> [UInt8]? { fatalError() }

    /// Replaces the content; durable when it returns. After ``StorageError/full(_:)`` the old content stands.
    /// - Precondition: at most ``bytesMax`` bytes.
    public func write(_ content: [UInt8]) throws(StorageError) { fatalError() }
}

extension DurableFile: Sendable where Files: Sendable {}
