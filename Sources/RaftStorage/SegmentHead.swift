import Wire

/// The first sector of a segment: whose it is, which one, how long, and what the one before it must end with.
///
/// It is synchronized before the file gets its name, hence never torn. What is not covered by a field is zero, and its
/// checksum, in the last four bytes, covers all of the sector.
struct SegmentHead: Hashable, Sendable {
    /// The file's first bytes.
    static let magic = Array("TOLLGLOG".utf8)
    /// The format of heads and records.
    static let version: UInt32 = 1
    /// The head's length: one sector. The first record comes after it.
    static let bytes = SectorLayout.sectorBytes
    /// How long a segment can be: it has a head and a first record at least.
    static let lengths: ClosedRange<UInt64> = {
        let shortest = RecordWriter.end(from: bytes, of: [.start(.initial, last: .zero)])
        return UInt64(shortest)...UInt64(StorageSettings.segmentBytesMax)
    }()

    /// Whose it is.
    var identity: StorageIdentity
    /// Segments are numbered from 1, without gaps.
    var number: UInt64
    /// The file's length in bytes.
    var length: UInt64
    /// Where the records of the segment before end, all of them durable. 0 where there is none.
    var previousEnd: UInt64
    /// The checksum of the last record before.
    var previousSum: UInt32

    /// The sector, and its checksum.
    func encode() -> (bytes: [UInt8], sum: UInt32) {
        precondition(identity.node.utf8.count <= StorageIdentity.nodeBytesMax, "a node's name is at most 255 bytes")
        var writer = ByteWriter(capacity: Self.bytes)
        writer.write(raw: Self.magic)
        writer.write(Self.version)
        writer.write(number)
        writer.write(length)
        writer.write(previousEnd)
        writer.write(previousSum)
        writer.write(identity)
        writer.write(raw: repeatElement(0, count: Self.bytes - 4 - writer.count))
        let sum = checksum(0, writer.bytes)
        writer.write(sum)
        return (writer.take(), sum)
    }

    /// Reads a head from a segment's first sector.
    static func read(_ sector: [UInt8], path: String) throws(StorageError) -> (head: SegmentHead, sum: UInt32) {
        let damage = StorageError.damage(path, 0, .head)
        guard sector.count == bytes, sector.starts(with: magic) else { throw damage }
        let sum = checksum(0, Array(sector[..<(bytes - 4)]))
        guard storedChecksum(sector) == sum else { throw damage }
        var reader = ByteReader(sector[magic.count...])
        let version: UInt32
        do { version = try reader.readUInt32() } catch { throw damage }
        guard version == self.version else { throw .unsupportedVersion(path: path, version: version) }
        let head: SegmentHead
        do throws(WireError) {
            let number = try reader.readUInt64()
            let length = try reader.readUInt64()
            let previousEnd = try reader.readUInt64()
            let previousSum = try reader.readUInt32()
            head = SegmentHead(
                identity: try reader.readStorageIdentity(),
                number: number,
                length: length,
                previousEnd: previousEnd,
                previousSum: previousSum
            )
        } catch {
            throw damage
        }
        guard lengths.contains(head.length) else { throw .damage(path, 0, .headContent) }
        return (head, sum)
    }
}

extension ByteWriter {
    /// Cluster, replica, and the node's name after its length.
    mutating func write(_ identity: StorageIdentity) {
        write(identity.cluster)
        write(identity.replica)
        write(text: identity.node)
    }
}

extension ByteReader {
    /// Cluster, replica, and the node's name after its length.
    mutating func readStorageIdentity() throws(WireError) -> StorageIdentity {
        let cluster = try readClusterID()
        let replica = try readReplicaID()
        return StorageIdentity(
            cluster: cluster,
            node: try readText(limit: StorageIdentity.nodeBytesMax),
            replica: replica
        )
    }
}
