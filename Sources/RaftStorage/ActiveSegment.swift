import Raft

/// The segment that is written to: the last one.
struct ActiveSegment: Hashable, Sendable {
    /// Open to read and write.
    var file: OpenFile
    /// Its number.
    var number: UInt64
    /// The file's length in bytes: all of it is allocated.
    var length: Int
    /// The checksum of its head, with which those of its records begin.
    var salt: UInt32
    /// Where the next record begins.
    var tail: Int
    /// The last record's checksum.
    var previous: UInt32
    /// All of the segment before this offset is durable.
    var durable: Int
    /// What an append that found no space may have left behind the tail. It must be zero on disk before anything else
    /// is written there: what is there after a crash would else be a mixture of two records, which looks like damage.
    var leftover: Range<Int>?

    /// A writer that goes on where this segment ends.
    var writer: RecordWriter {
        RecordWriter(start: tail, previous: previous, salt: salt, durable: durable)
    }
}

extension ActiveSegment {
    /// Makes a segment, with its head and its first record, durable with its name.
    ///
    /// Under a temporary name until its content is synchronized: a segment that has its name is never torn before the
    /// end of its first record. After ``StorageError/full(_:)`` there is none, and nothing is left.
    static func make<Files: FileSystem>(
        _ head: SegmentHead,
        state: HardState,
        last: LogPosition,
        paths: StoragePaths,
        disk: inout StorageFiles<Files>
    ) throws(StorageError) -> ActiveSegment {
        let path = paths.segment(head.number)
        let temporary = path + StoragePaths.unfinished
        let (bytes, salt) = head.encode()
        var writer = RecordWriter(start: SegmentHead.bytes, previous: salt, salt: salt, durable: SegmentHead.bytes)
        writer.append(.start(state, last: last))
        try disk.remove(temporary)
        let file = try disk.open(temporary, .createNew)
        do throws(StorageError) {
            try disk.allocate(file, length: head.length)
            try disk.write(file, bytes + writer.bytes, at: 0)
            try disk.synchronize(file)
            try disk.rename(temporary, to: path)
        } catch {
            disk.close(file)
            if case .full = error { try disk.remove(temporary) }
            throw error
        }
        do throws(StorageError) {
            try disk.synchronizeDirectory(paths.log)
        } catch {
            disk.close(file)
            throw error
        }
        return ActiveSegment(
            file: file,
            number: head.number,
            length: Int(head.length),
            salt: salt,
            tail: writer.end,
            previous: writer.previous,
            durable: writer.end,
            leftover: nil
        )
    }

    /// The length of a segment that has room for these records after its first one.
    /// - Precondition: there is one.
    static func length(for contents: [RecordContent], settings: StorageSettings) -> UInt64 {
        let longest = HardState(term: .zero, vote: .init(high: 0, low: 0), forgotten: .zero)
        let start = RecordContent.start(longest, last: .zero)
        let end = RecordWriter.end(from: SegmentHead.bytes, of: [start] + contents)
        let wanted = min(max(settings.segmentBytes, StorageSettings.segmentBytesMin), StorageSettings.segmentBytesMax)
        let sector = SectorLayout.sectorBytes
        let length = (max(end, wanted) + sector - 1) / sector * sector
        precondition(length <= StorageSettings.segmentBytesMax, "a request fits in the longest segment")
        return UInt64(length)
    }
}
