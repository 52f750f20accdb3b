import Raft

/// Makes the bytes of one write: consecutive records, from an offset of a segment on.
struct RecordWriter {
    /// The bytes so far, from `start` of the file on.
    private(set) var bytes: [UInt8] = []
    /// The last record's checksum.
    private(set) var previous: UInt32
    /// Where the first record begins.
    let start: Int
    private let salt: UInt32
    private let durable: Int

    /// - Parameters:
    ///   - start: where a record can begin.
    ///   - previous: the checksum of the record before, or of the segment's head.
    ///   - salt: the checksum of the segment's head.
    ///   - durable: all of the segment before this offset is known to be durable.
    init(start: Int, previous: UInt32, salt: UInt32, durable: Int) {
        self.start = start
        self.previous = previous
        self.salt = salt
        self.durable = durable
    }

    /// Where the next record begins.
    var end: Int { SectorLayout.recordStart(atOrAfter: start + bytes.count) }

    /// The end that records of these lengths would reach.
    static func end(from start: Int, of contents: some Sequence<RecordContent>) -> Int {
        var end = start
        for content in contents {
            end = SectorLayout.recordEnd(
                start: SectorLayout.recordStart(atOrAfter: end),
                payloadBytes: content.payload.count
            )
        }
        return end
    }

    /// Appends records.
    mutating func append(contentsOf contents: [RecordContent]) {
        // Once, so that a group is not copied as it grows.
        bytes.reserveCapacity(Self.end(from: start, of: contents) - start)
        for content in contents { append(content) }
    }

    /// Appends a record.
    mutating func append(_ content: RecordContent) {
        let begin = end
        bytes.append(contentsOf: repeatElement(0, count: begin + SectorLayout.headerBytes - start - bytes.count))
        let payload = content.payload
        payload.withUnsafeBytes {
            SectorLayout.append($0, to: &bytes, at: begin + SectorLayout.headerBytes)
        }
        let payloadSum = bytes.withUnsafeBytes {
            checksum(salt, UnsafeRawBufferPointer(rebasing: $0[(begin + SectorLayout.headerBytes - start)...]))
        }
        let header = RecordHeader(
            kind: content.kind.rawValue,
            length: UInt32(payload.count),
            term: content.position.term.rawValue,
            index: content.position.index.rawValue,
            durable: UInt32(durable),
            previous: previous,
            payloadSum: payloadSum
        )
        previous = header.write(to: &bytes, at: begin - start, salt: salt)
    }
}
