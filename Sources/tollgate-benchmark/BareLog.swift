import Glibc
import RaftStorage

/// What a log is compared with: one thread that writes and synchronizes, again and again, into a file that is filled
/// with zeros ahead. Nothing that must be on disk before it is acknowledged can be faster with one writer.
struct BareLog {
    private let file: OpenFile
    private let disk: SlowDisk
    private let bytes: [UInt8]
    private let length: UInt64
    private var offset: UInt64 = 0

    /// - Parameter recordBytes: what one write takes: as much as the log's own record.
    init(path: String, disk: SlowDisk, recordBytes: Int, length: UInt64) throws {
        self.disk = disk
        self.length = length
        bytes = (0..<recordBytes).map { UInt8(truncatingIfNeeded: $0) }
        file = try disk.open(path, .createNew)
        try disk.allocate(file, length: length)
        try disk.synchronize(file)
    }

    func close() { disk.close(file) }

    /// Writes a second for so many nanoseconds.
    mutating func run(nanoseconds: UInt64) -> Double {
        let begin = Clock.nanoseconds()
        var count = 0
        var now = begin
        while now - begin < nanoseconds {
            write()
            count += 1
            now = Clock.nanoseconds()
        }
        return Double(count) * 1e9 / Double(now - begin)
    }

    /// Writes once more, and synchronizes.
    mutating func write() {
        // Around to the beginning, as the file is long and the run short.
        if offset + UInt64(bytes.count) > length { offset = 0 }
        let written = bytes.withUnsafeBytes { pwrite(file.rawValue, $0.baseAddress, $0.count, off_t(offset)) }
        precondition(written == bytes.count && fdatasync(file.rawValue) == 0, "the disk failed")
        disk.wait()
        offset += UInt64(bytes.count)
    }
}
