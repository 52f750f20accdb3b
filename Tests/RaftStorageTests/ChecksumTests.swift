import CChecksum
import Testing

/// CRC-32C by every path that this processor has: RFC 3720, appendix B.4, and each path against the tables.
@Suite struct ChecksumTests {
    private static let paths = (0..<Int32(cchecksum_path_count)).filter { cchecksum_path_available($0) == 1 }

    @Test(arguments: paths) func vectorsOfTheStandard(path: Int32) {
        let vectors: [([UInt8], UInt32)] = [
            ([], 0),
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
            ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            ((0..<32).map { UInt8($0) }, 0x46DD_794E),
            ((0..<32).reversed().map { UInt8($0) }, 0x113F_DB5C),
            (Array("123456789".utf8), 0xE306_9283),
            (
                [
                    0x01, 0xC0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14,
                    0,
                    0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
                ],
                0xD996_3A56
            ),
        ]
        for (bytes, sum) in vectors { #expect(cchecksum_crc32c_by(path, 0, bytes, bytes.count) == sum) }
    }

    @Test(arguments: paths) func everyLengthAndOffsetGivesWhatTheTablesGive(path: Int32) {
        let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 >> 3) }
        bytes.withUnsafeBytes { bytes in
            for offset in 0..<9 {
                for count in 0..<(bytes.count - offset) {
                    let start = bytes.baseAddress?.advanced(by: offset)
                    let expected = cchecksum_crc32c_by(Int32(cchecksum_path_portable.rawValue), 7, start, count)
                    #expect(cchecksum_crc32c_by(path, 7, start, count) == expected)
                }
            }
        }
    }

    @Test func goesOnFromWhatCameBefore() {
        let bytes = (0..<100).map { UInt8($0) }
        let whole = cchecksum_crc32c(0, bytes, bytes.count)
        for cut in 0...bytes.count {
            let (head, tail) = (Array(bytes[..<cut]), Array(bytes[cut...]))
            #expect(cchecksum_crc32c(cchecksum_crc32c(0, head, head.count), tail, tail.count) == whole)
        }
    }

    @Test func anUnknownPathIsNotAvailable() {
        #expect(cchecksum_path_available(-1) == 0)
        #expect(cchecksum_path_available(99) == 0)
        #expect(cchecksum_crc32c_by(99, 0, "123456789", 9) == 0xE306_9283)
    }
}
