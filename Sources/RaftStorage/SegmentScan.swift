import Raft

/// Reads a segment's records, and says how they end: cleanly, torn by a crash, or damaged.
///
/// A record that is not what was written is *torn* if all of this holds; else it is *damage*:
/// - It is in the last segment. An older one was synchronized before the next one got its name.
/// - Its own header agrees with its checksum, or is all zero. A header lies within one sector, which the disk writes
///   whole or not at all: one that is neither was written and has changed since. Only a header that agrees is believed
///   when it says how far the record reaches.
/// - Its share of some sector is zero. A record that was acknowledged was synchronized, so that none of its sectors can
///   be missing; and no single flipped bit makes a written share zero (``SectorLayout``). So the last record of all is
///   protected too, whose durability no later record can tell of.
/// - Nothing says that it was durable: not the records before it, and not those after it, which can be on disk although
///   it is not, as what was never synchronized gets there in any order. Headers that agree with their checksums are
///   looked for up to the end.
struct SegmentScan {
    /// A record as it lies in the file.
    struct Record: Hashable, Sendable {
        /// Where its header is.
        var offset: Int
        /// Where its last byte is followed.
        var end: Int
        /// What it is.
        var kind: RecordKind
        /// Term and index of the header.
        var position: LogPosition
        /// What was known to be durable when it was written.
        var durable: Int
        /// Without markers.
        var payload: [UInt8]
    }

    /// How the records end.
    enum Ending: Hashable, Sendable {
        /// Nothing is wrong; the next record goes here.
        case clean(at: Int)
        /// What a crash left of records that were never synchronized, up to the last byte that is not zero.
        case torn(at: Int, nonZeroEnd: Int)
        /// What must not happen.
        case damaged(at: Int, StorageError.Problem)
    }

    /// What the next segment says about this one's end.
    struct Close: Hashable, Sendable {
        /// Where the records end.
        var end: Int
        /// The last one's checksum.
        var sum: UInt32
    }

    /// Set when there are no more records.
    private(set) var ending: Ending?
    /// The last record's checksum.
    private(set) var previous: UInt32
    /// All of the segment before this offset is known to have been durable.
    private(set) var durable = SegmentHead.bytes

    private let bytes: [UInt8]
    private let salt: UInt32
    private let close: Close?
    private var position = SegmentHead.bytes
    /// The first record has been read. No segment is without it.
    private var isBegun: Bool { position > SegmentHead.bytes }

    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - salt: the checksum of its head.
    ///   - close: of every segment but the last.
    init(bytes: [UInt8], salt: UInt32, close: Close?) {
        self.bytes = bytes
        self.salt = salt
        self.close = close
        previous = salt
    }

    /// The next record, or nil where they end.
    mutating func next() -> Record? {
        guard ending == nil else { return nil }
        switch bytes.withUnsafeBytes({ read($0) }) {
        case .success(let (record, sum)):
            previous = sum
            // A segment's first record is synchronized before the file gets its name.
            durable = max(durable, isBegun ? record.durable : record.end)
            position = SectorLayout.recordStart(atOrAfter: record.end)
            return record
        case .failure(let found):
            ending = found.ending
            return nil
        }
    }

    private struct Found: Error { var ending: Ending }

    private func read(_ bytes: UnsafeRawBufferPointer) -> Result<(Record, UInt32), Found> {
        func end(_ ending: Ending) -> Result<(Record, UInt32), Found> { .failure(Found(ending: ending)) }
        func damaged(_ problem: StorageError.Problem) -> Result<(Record, UInt32), Found> {
            end(.damaged(at: position, problem))
        }
        if let close, position >= close.end {
            return isBegun && position == close.end && previous == close.sum
                ? end(.clean(at: position)) : damaged(.chain)
        }
        guard position + SectorLayout.headerBytes <= bytes.count else {
            return isBegun && close == nil ? end(.clean(at: position)) : damaged(.chain)
        }
        let begin = position + SectorLayout.headerBytes
        if SectorLayout.isZero(bytes, position..<begin) { return end(afterUnwritten(bytes)) }
        guard let (header, sum) = RecordHeader.read(bytes, at: position, salt: salt) else {
            return damaged(.recordHeader)
        }
        guard header.previous == previous else { return damaged(.chain) }
        let last = SectorLayout.recordEnd(start: position, payloadBytes: Int(header.length))
        guard let kind = RecordKind(rawValue: header.kind), last <= bytes.count, Int(header.durable) <= position else {
            return damaged(.recordContent)
        }
        let payloadSum = checksum(salt, UnsafeRawBufferPointer(rebasing: bytes[begin..<last]))
        guard payloadSum == header.payloadSum,
            let payload = SectorLayout.payload(of: bytes, at: begin, count: Int(header.length))
        else {
            return SectorLayout.hasZeroShare(bytes, position..<last)
                ? end(afterUnwritten(bytes)) : damaged(.recordPayload)
        }
        let record = Record(
            offset: position,
            end: last,
            kind: kind,
            position: LogPosition(term: Term(header.term), index: LogIndex(header.index)),
            durable: Int(header.durable),
            payload: payload
        )
        return .success((record, sum))
    }

    /// Where a record could be, or is, a sector has never been written: what this means.
    private func afterUnwritten(_ bytes: UnsafeRawBufferPointer) -> Ending {
        let lost = Ending.damaged(at: position, .lostBelowDurable)
        guard close == nil, position >= durable, isBegun else { return lost }
        let nonZeroEnd = SectorLayout.endOfNonZero(bytes, position..<bytes.count)
        guard nonZeroEnd > position else { return .clean(at: position) }
        return durableOfLaterHeaders(bytes, before: nonZeroEnd) > position
            ? lost : .torn(at: position, nonZeroEnd: nonZeroEnd)
    }

    /// The greatest durable offset that any header after `position` tells of. A header that agrees with its checksum was
    /// written by us, whatever became of its payload; none of a payload's bytes agree with it but by a chance of 2⁻³².
    private func durableOfLaterHeaders(_ bytes: UnsafeRawBufferPointer, before end: Int) -> Int {
        var durable = 0
        var offset = SectorLayout.recordStart(atOrAfter: position + SectorLayout.alignment)
        while offset < end, offset + SectorLayout.headerBytes <= bytes.count {
            if let (header, _) = RecordHeader.read(bytes, at: offset, salt: salt) {
                durable = max(durable, Int(header.durable))
            }
            offset = SectorLayout.recordStart(atOrAfter: offset + SectorLayout.alignment)
        }
        return durable
    }
}
