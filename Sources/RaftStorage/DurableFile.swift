import Wire

/// A small file that is replaced as a whole: after a crash the new content is there, or the old one, never a mixture.
///
/// For a replica's id before genesis, and for an acceptor's promises. The content comes after a magic number and its
/// length, and before its checksum. After ``StorageError/fatal(_:)`` the process ends.
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
    ///
    /// Makes what it returns durable: it may be there only since a crash came between its name and its folder's
    /// synchronization.
    public func read() throws(StorageError) -> [UInt8]? {
        var disk = StorageFiles(files)
        let folder = StoragePaths.parent(path)
        guard let name = path.split(separator: "/").last, try disk.list(folder).contains(String(name)) else {
            return nil
        }
        try disk.synchronizeDirectory(folder)
        let damage = StorageError.damage(path, 0, .content)
        let file = try disk.open(path, .read)
        defer { disk.close(file) }
        let bytes = try disk.read(file, at: 0, count: Self.bytesMax + 64)
        guard bytes.count == Int(clamping: try disk.length(file)), bytes.count > 4 else { throw damage }
        let covered = bytes.count - 4
        guard checksum(0, Array(bytes[..<covered])) == storedChecksum(bytes), bytes.starts(with: durableFileMagic)
        else {
            throw damage
        }
        do throws(WireError) {
            var reader = ByteReader(bytes[durableFileMagic.count..<covered])
            let content = try reader.readLengthPrefixed(limit: Self.bytesMax)
            try reader.finish()
            return content
        } catch {
            throw damage
        }
    }

    /// Replaces the content; durable when it returns. After ``StorageError/full(_:)`` the old content stands.
    /// - Precondition: at most ``bytesMax`` bytes.
    public func write(_ content: [UInt8]) throws(StorageError) {
        var disk = StorageFiles(files)
        precondition(content.count <= Self.bytesMax, "a small file")
        var writer = ByteWriter(capacity: content.count + 16)
        writer.write(raw: durableFileMagic)
        writer.write(lengthPrefixed: content)
        writer.write(checksum(0, writer.bytes))
        let temporary = path + StoragePaths.unfinished
        try disk.remove(temporary)
        let file = try disk.open(temporary, .createNew)
        do throws(StorageError) {
            try disk.write(file, writer.bytes, at: 0)
            try disk.synchronize(file)
            try disk.rename(temporary, to: path)
        } catch {
            disk.close(file)
            if case .full = error { try disk.remove(temporary) }
            throw error
        }
        disk.close(file)
        try disk.synchronizeDirectory(StoragePaths.parent(path))
    }
}

/// The first bytes of every such file; the last two are the format.
private let durableFileMagic = Array("TOLLFL01".utf8)

extension DurableFile: Sendable where Files: Sendable {}
