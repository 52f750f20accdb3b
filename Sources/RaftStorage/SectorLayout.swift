/// Where a record's bytes lie in a segment.
///
/// A disk writes sectors of 512 bytes whole or not at all, and in any order. What tells a record that a crash has torn
/// from one that was damaged later is therefore that at least one sector of it has never been written and is still
/// zero. For that, a record's share of every sector must differ from zero in at least two bits, whatever its payload:
/// then no single flipped bit makes a written share look like one that was never written, nor the other way round.
///
///     sector │ header (40) │ payload … │ M │ payload (511) │ M │ payload … │ 0–7 zeros │ next header …
///
/// - The header lies within one sector, and has more than two bits set. Where less than a header is left of a sector,
///   the record begins with the next one, and what is left is never read.
/// - Wherever the payload goes on into another sector, that sector begins with a marker byte M.
/// - Records begin at multiples of eight; up to there, zeros follow the payload and belong to it.
enum SectorLayout {
    /// What a disk writes in one piece.
    static let sectorBytes = 512
    /// A record's header.
    static let headerBytes = 40
    /// Records begin at multiples of this.
    static let alignment = 8
    /// The first byte of each sector that a payload goes on into. Four bits.
    static let marker: UInt8 = 0xA5

    /// Where the next record can begin, at or after an offset.
    static func recordStart(atOrAfter offset: Int) -> Int {
        let aligned = (offset + alignment - 1) / alignment * alignment
        let left = sectorBytes - aligned % sectorBytes
        return left < headerBytes ? aligned + left : aligned
    }

    /// Where a record ends that begins at `start`: with its markers and the zeros after it.
    static func recordEnd(start: Int, payloadBytes: Int) -> Int {
        let begin = start + headerBytes
        let first = (sectorBytes - begin % sectorBytes) % sectorBytes
        guard payloadBytes > first else { return align(begin + payloadBytes) }
        let rest = payloadBytes - first
        let markers = (rest + sectorBytes - 2) / (sectorBytes - 1)
        return align(begin + payloadBytes + markers)
    }

    private static func align(_ offset: Int) -> Int { (offset + alignment - 1) / alignment * alignment }

    /// Appends a payload to bytes whose end lies at `offset` of the file, with markers and the zeros after it.
    static func append(_ payload: UnsafeRawBufferPointer, to bytes: inout [UInt8], at offset: Int) {
        var position = offset
        var taken = 0
        while taken < payload.count {
            if position % sectorBytes == 0 {
                bytes.append(marker)
                position += 1
            }
            let count = min(payload.count - taken, sectorBytes - position % sectorBytes)
            bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: payload[taken..<taken + count]))
            taken += count
            position += count
        }
        bytes.append(contentsOf: repeatElement(0, count: align(position) - position))
    }

    /// Takes a payload out of a file's bytes, from `start` on. Nil where a marker, or a zero after it, is not there.
    static func payload(of bytes: UnsafeRawBufferPointer, at start: Int, count: Int) -> [UInt8]? {
        var payload: [UInt8] = []
        payload.reserveCapacity(count)
        var position = start
        while payload.count < count {
            if position % sectorBytes == 0 {
                guard bytes[position] == marker else { return nil }
                position += 1
            }
            let part = min(count - payload.count, sectorBytes - position % sectorBytes)
            payload.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[position..<position + part]))
            position += part
        }
        return bytes[position..<align(position)].allSatisfy { $0 == 0 } ? payload : nil
    }

    /// Whether a record's share of some sector is zero: it was never written there.
    static func hasZeroShare(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min(range.upperBound, (start / sectorBytes + 1) * sectorBytes)
            if isZero(bytes, start..<end) { return true }
            start = end
        }
        return false
    }

    /// Whether all of a range is zero.
    static func isZero(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        firstNonZero(bytes, range) == nil
    }

    /// The first byte of a range that is not zero.
    static func firstNonZero(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int? {
        var offset = range.lowerBound
        while offset + 8 <= range.upperBound, bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) == 0 {
            offset += 8
        }
        while offset < range.upperBound {
            if bytes[offset] != 0 { return offset }
            offset += 1
        }
        return nil
    }

    /// The end of what is not zero in a range, or its beginning where all of it is.
    static func endOfNonZero(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int {
        var offset = range.upperBound
        while offset - 8 >= range.lowerBound, bytes.loadUnaligned(fromByteOffset: offset - 8, as: UInt64.self) == 0 {
            offset -= 8
        }
        while offset > range.lowerBound, bytes[offset - 1] == 0 { offset -= 1 }
        return offset
    }
}
