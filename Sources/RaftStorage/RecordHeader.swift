/// The kinds of record. A value stands for its format too: another format of the same thing is another kind. After a vote there
/// may be what the disk is known to have lost.
public enum RecordKind: UInt8, Hashable, Sendable, CaseIterable {
    /// The first record of each segment: term and vote, and the last position of the log at that moment, so that the
    /// segments before it can be removed.
    case start = 0x11
    /// Term and vote, in one record.
    case hardState = 0x22
    /// The log is empty and goes on after a snapshot that a leader sent.
    case reset = 0x33
    /// A new leader's entry without content.
    case noOperation = 0x44
    /// An entry with a command.
    case command = 0x55
    /// An entry with a membership.
    case configuration = 0x66

    /// Whether it is an entry of the log.
    public var isEntry: Bool {
        switch self {
        case .noOperation, .command, .configuration: true
        case .start, .hardState, .reset: false
        }
    }
}

/// A record's header: 40 bytes within one sector.
///
/// Its own checksum covers it, so that a length is believed before the payload has been looked at, and it covers the
/// payload's checksum and the one of the header before it: it is the chain. Both checksums begin with that of the
/// segment's head, so that a record of another file, node or replica does not fit.
///
///     offset  0      2     3     4       8     16     24       28        32             36
///             magic  kind  zero  length  term  index  durable  previous  payload's sum  header's sum
struct RecordHeader: Hashable, Sendable {
    /// The first two bytes. With seven bits, and not the marker of a sector.
    static let magic: UInt16 = 0xD1B4

    /// What the record is.
    var kind: UInt8
    /// The payload's length in bytes, without markers.
    var length: UInt32
    /// The term; what of depends on the kind.
    var term: UInt64
    /// The index; what of depends on the kind.
    var index: UInt64
    /// All of the segment before this offset was known to be durable when the record was written.
    var durable: UInt32
    /// The checksum of the record before, or of the segment's head.
    var previous: UInt32
    /// The checksum of the payload as it lies in the file, markers and zeros included.
    var payloadSum: UInt32

    /// Puts the header into bytes that have room for it. Returns its checksum, which the next record continues.
    func write(to bytes: inout [UInt8], at offset: Int, salt: UInt32) -> UInt32 {
        bytes.withUnsafeMutableBytes { bytes in
            func put(_ value: some FixedWidthInteger, _ place: Int) {
                bytes.storeBytes(of: value.bigEndian, toByteOffset: offset + place, as: type(of: value))
            }
            put(Self.magic, 0)
            put(kind, 2)
            put(UInt8(0), 3)
            put(length, 4)
            put(term, 8)
            put(index, 16)
            put(durable, 24)
            put(previous, 28)
            put(payloadSum, 32)
            let sum = checksum(salt, UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + Self.sumOffset]))
            put(sum, Self.sumOffset)
            return sum
        }
    }

    /// Reads a header at an offset of a segment, together with its checksum. Nil where that, or the magic, is wrong.
    static func read(_ bytes: UnsafeRawBufferPointer, at offset: Int, salt: UInt32) -> (RecordHeader, sum: UInt32)? {
        func get<Value: FixedWidthInteger>(_ place: Int) -> Value {
            Value(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + place, as: Value.self))
        }
        guard get(0) == magic, bytes[offset + 3] == 0 else { return nil }
        let sum: UInt32 = get(sumOffset)
        guard checksum(salt, UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + sumOffset])) == sum else {
            return nil
        }
        let header = RecordHeader(
            kind: bytes[offset + 2],
            length: get(4),
            term: get(8),
            index: get(16),
            durable: get(24),
            previous: get(28),
            payloadSum: get(32)
        )
        return (header, sum)
    }

    private static let sumOffset = SectorLayout.headerBytes - 4
}
