import Raft
import Wire

/// The head of a snapshot file: whose it is, and of what.
///
///     "TOLLGSNP", version, length of the head, then: identity, description; in the last four bytes the checksum
///
/// Blocks follow it, each of 64 KiB of payload (the last one may be shorter) and a checksum of four bytes, which goes on
/// from the one before, the first from that of identity and position. So a part of the payload can be read and checked
/// alone, and a block of another place or another file does not fit.
struct SnapshotHead: Hashable, Sendable {
    /// The file's first bytes.
    static let magic = Array("TOLLGSNP".utf8)
    /// The format of head and blocks.
    static let version: UInt32 = 1
    /// What comes before the head's content: magic, version, length.
    static let prefixBytes = 16
    /// Bytes of a head at most: the largest membership takes some 40 KiB.
    static let bytesMax = 1 << 18
    /// Payload bytes of a block.
    static let blockBytes = 64 << 10
    /// Bytes of a block's checksum.
    static let sumBytes = 4

    /// Whose it is.
    var identity: StorageIdentity
    /// Of what, and how long the payload is.
    var description: SnapshotDescription

    /// The head. Its length depends on the membership, not on the payload.
    func encode() -> [UInt8] {
        var content = ByteWriter()
        content.write(identity)
        content.write(lengthPrefixed: description.encode())
        var writer = ByteWriter()
        writer.write(raw: Self.magic)
        writer.write(Self.version)
        writer.write(UInt32(Self.prefixBytes + content.count + Self.sumBytes))
        writer.write(raw: content.bytes)
        writer.write(checksum(0, writer.bytes))
        return writer.take()
    }

    /// What the first block's checksum goes on from.
    var seed: UInt32 {
        var writer = ByteWriter()
        writer.write(identity)
        writer.write(description.position.term.rawValue)
        writer.write(description.position.index.rawValue)
        return checksum(0, writer.bytes)
    }

    /// The length of the head that begins with these bytes; nil where they do not begin one.
    static func length(prefix: [UInt8], path: String) throws(StorageError) -> Int {
        let damage = StorageError.damage(path, 0, .head)
        guard prefix.count == prefixBytes, prefix.starts(with: magic) else { throw damage }
        var reader = ByteReader(prefix[magic.count...])
        let length: Int
        do throws(WireError) {
            // The version is looked at once the checksum has been: a flipped bit is damage, not another release.
            _ = try reader.readUInt32()
            length = Int(try reader.readUInt32())
        } catch {
            throw damage
        }
        guard length > prefixBytes + sumBytes, length <= bytesMax else { throw damage }
        return length
    }

    /// Reads a whole head.
    static func read(_ bytes: [UInt8], path: String) throws(StorageError) -> SnapshotHead {
        let damage = StorageError.damage(path, 0, .head)
        guard bytes.count > prefixBytes + sumBytes else { throw damage }
        let covered = bytes.count - sumBytes
        guard checksum(0, Array(bytes[..<covered])) == storedChecksum(bytes) else { throw damage }
        var reader = ByteReader(bytes[magic.count..<covered])
        let version: UInt32
        do throws(WireError) {
            version = try reader.readUInt32()
            _ = try reader.readUInt32()
        } catch {
            throw damage
        }
        guard version == self.version else { throw .unsupportedVersion(path: path, version: version) }
        let head: SnapshotHead
        do {
            let identity = try reader.readStorageIdentity()
            let encoded = try reader.readLengthPrefixed(limit: bytesMax)
            try reader.finish()
            head = SnapshotHead(identity: identity, description: try SnapshotDescription(decoding: encoded))
        } catch {
            throw damage
        }
        guard head.description.position.isPossible else { throw .damage(path, 0, .headContent) }
        return head
    }

    /// The length of a file with a head of that length.
    static func fileBytes(headBytes: Int, payloadBytes: UInt64) -> UInt64? {
        let blocks = payloadBytes / UInt64(blockBytes) + (payloadBytes % UInt64(blockBytes) == 0 ? 0 : 1)
        let (sums, overflow) = blocks.multipliedReportingOverflow(by: UInt64(sumBytes))
        let (all, overflow2) = payloadBytes.addingReportingOverflow(sums)
        let (length, overflow3) = all.addingReportingOverflow(UInt64(headBytes))
        return overflow || overflow2 || overflow3 ? nil : length
    }
}
