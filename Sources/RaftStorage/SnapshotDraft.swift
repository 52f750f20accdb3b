import Raft

/// A snapshot file that is being written, under a temporary name.
///
/// What was written is synchronized whenever it is as much as a slice, so that no synchronization is a long one, the last
/// one included. A call that finds no space leaves the draft as it was: the same call may be made again.
struct SnapshotDraft<Files: FileSystem> {
    /// What it will be.
    let description: SnapshotDescription
    private let temporary: String
    private let file: OpenFile
    private let headBytes: Int
    private let identity: StorageIdentity
    /// Payload bytes in whole blocks that have been written.
    private var written: UInt64 = 0
    /// How many of them have been synchronized.
    private var synchronized: UInt64 = 0
    /// The last block's checksum.
    private var sum: UInt32
    /// Less than a block.
    private var pending: [UInt8] = []

    /// Begins a file.
    init(
        _ description: SnapshotDescription,
        identity: StorageIdentity,
        path: String,
        disk: inout StorageFiles<Files>
    ) throws(StorageError) {
        self.description = description
        self.identity = identity
        temporary = path + StoragePaths.unfinished
        let head = SnapshotHead(identity: identity, description: description)
        headBytes = head.encode().count
        sum = head.seed
        try disk.remove(temporary)
        file = try disk.open(temporary, .createNew)
    }

    /// Bytes of payload so far.
    var bytes: UInt64 { written + UInt64(pending.count) }

    /// Appends payload.
    /// - Parameter sliceBytes: so many bytes are synchronized together.
    mutating func append(
        _ bytes: [UInt8],
        sliceBytes: Int,
        disk: inout StorageFiles<Files>
    ) throws(StorageError) {
        let block = SnapshotHead.blockBytes
        guard pending.count + bytes.count >= block else {
            pending += bytes
            return
        }
        let payload = pending + bytes
        let whole = payload.count / block * block
        let (blocks, last) = Self.blocks(payload[..<whole], after: sum)
        try disk.write(file, blocks, at: offset)
        written += UInt64(whole)
        sum = last
        pending = Array(payload[whole...])
        guard written - synchronized >= UInt64(max(sliceBytes, 1)) else { return }
        try disk.synchronize(file)
        synchronized = written
    }

    /// Writes what is left and the head, and makes the file durable under its name.
    func finish(path: String, disk: inout StorageFiles<Files>) throws(StorageError) -> SnapshotDescription {
        if !pending.isEmpty { try disk.write(file, Self.blocks(pending[...], after: sum).bytes, at: offset) }
        var description = description
        description.bytes = bytes
        let head = SnapshotHead(identity: identity, description: description)
        try disk.write(file, head.encode(), at: 0)
        try disk.synchronize(file)
        try disk.rename(temporary, to: path)
        try disk.synchronizeDirectory(StoragePaths.parent(path))
        disk.close(file)
        return description
    }

    /// Throws the file away.
    func abandon(disk: inout StorageFiles<Files>) throws(StorageError) {
        disk.close(file)
        do throws(StorageError) {
            try disk.remove(temporary)
        } catch {
            // A file that cannot be removed now for want of space is removed at the next start.
            guard case .full = error else { throw error }
        }
    }

    /// Where the next block goes.
    private var offset: UInt64 {
        UInt64(headBytes) + written + written / UInt64(SnapshotHead.blockBytes) * UInt64(SnapshotHead.sumBytes)
    }

    /// Payload in blocks with their checksums; the last may be shorter.
    private static func blocks(_ payload: ArraySlice<UInt8>, after sum: UInt32) -> (bytes: [UInt8], sum: UInt32) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(payload.count + payload.count / SnapshotHead.blockBytes * SnapshotHead.sumBytes + 4)
        var sum = sum
        var begin = payload.startIndex
        while begin < payload.endIndex {
            let end = min(begin + SnapshotHead.blockBytes, payload.endIndex)
            sum = payload[begin..<end].withUnsafeBytes { checksum(sum, $0) }
            bytes.append(contentsOf: payload[begin..<end])
            withUnsafeBytes(of: sum.bigEndian) { bytes.append(contentsOf: $0) }
            begin = end
        }
        return (bytes, sum)
    }
}

extension SnapshotDraft: Sendable where Files: Sendable {}
