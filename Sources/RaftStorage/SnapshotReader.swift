import Raft

/// Reads a snapshot file, and believes nothing of it that its checksums do not confirm.
struct SnapshotReader<Files: FileSystem> {
    /// What the file says it is.
    let head: SnapshotHead
    private let path: String
    private let file: OpenFile
    private let headBytes: Int

    /// Opens a snapshot and reads its head. ``close(_:)`` when done.
    init(path: String, disk: inout StorageFiles<Files>) throws(StorageError) {
        let file = try disk.open(path, .read)
        do throws(StorageError) {
            let prefix = try disk.read(file, at: 0, count: SnapshotHead.prefixBytes)
            headBytes = try SnapshotHead.length(prefix: prefix, path: path)
            let bytes = try disk.read(file, at: 0, count: headBytes)
            guard bytes.count == headBytes else {
                throw StorageError.damage(path, 0, .head)
            }
            head = try SnapshotHead.read(bytes, path: path)
            let length = try disk.length(file)
            guard SnapshotHead.fileBytes(headBytes: headBytes, payloadBytes: head.description.bytes) == length else {
                throw StorageError.damage(path, length, .length)
            }
        } catch {
            disk.close(file)
            throw error
        }
        self.path = path
        self.file = file
    }

    /// Closes the file.
    func close(_ disk: StorageFiles<Files>) { disk.close(file) }

    /// A part of the payload; shorter only where the payload ends.
    func read(offset: UInt64, count: Int, disk: inout StorageFiles<Files>) throws(StorageError) -> [UInt8] {
        let payloadBytes = head.description.bytes
        guard offset < payloadBytes, count > 0 else { return [] }
        let end = offset + min(UInt64(count), payloadBytes - offset)
        let block = UInt64(SnapshotHead.blockBytes)
        var payload: [UInt8] = []
        payload.reserveCapacity(Int(end - offset))
        for number in offset / block...(end - 1) / block {
            let content = try readBlock(number, disk: &disk)
            let begin = number * block
            let from = Int(max(offset, begin) - begin)
            let to = Int(min(end, begin + UInt64(content.count)) - begin)
            payload.append(contentsOf: content[from..<to])
        }
        return payload
    }

    /// Reads all blocks.
    func verify(disk: inout StorageFiles<Files>) throws(StorageError) {
        let block = UInt64(SnapshotHead.blockBytes)
        var begin: UInt64 = 0
        while begin < head.description.bytes {
            _ = try readBlock(begin / block, disk: &disk)
            begin += block
        }
    }

    /// A block's payload, checked.
    private func readBlock(_ number: UInt64, disk: inout StorageFiles<Files>) throws(StorageError) -> ArraySlice<UInt8>
    {
        let sumBytes = SnapshotHead.sumBytes
        let stride = UInt64(SnapshotHead.blockBytes + sumBytes)
        let begin = UInt64(headBytes) + number * stride
        let left = head.description.bytes - number * UInt64(SnapshotHead.blockBytes)
        let count = Int(min(left, UInt64(SnapshotHead.blockBytes)))
        // The checksum before the block is read with it; before the first block there is the head.
        let bytes = try disk.read(file, at: begin - UInt64(sumBytes), count: sumBytes + count + sumBytes)
        let damage = StorageError.damage(path, begin, .block)
        guard bytes.count == sumBytes + count + sumBytes else { throw damage }
        let found = bytes.withUnsafeBytes { bytes in
            func sum(_ offset: Int) -> UInt32 {
                UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            }
            let before = number == 0 ? head.seed : sum(0)
            let content = UnsafeRawBufferPointer(rebasing: bytes[sumBytes..<sumBytes + count])
            return checksum(before, content) == sum(sumBytes + count)
        }
        guard found else { throw damage }
        return bytes[sumBytes..<sumBytes + count].withZeroStart()
    }
}

extension ArraySlice<UInt8> {
    /// The same bytes, numbered from 0.
    fileprivate func withZeroStart() -> ArraySlice<UInt8> { Array(self)[...] }
}
