import CChecksum

/// CRC-32C of bytes, continued from the checksum of what came before, 0 at the beginning.
@inline(__always)
func checksum(_ before: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
    cchecksum_crc32c(before, bytes.baseAddress, bytes.count)
}

/// CRC-32C of an array, continued from the checksum of what came before, 0 at the beginning.
func checksum(_ before: UInt32, _ bytes: [UInt8]) -> UInt32 {
    bytes.withUnsafeBytes { checksum(before, $0) }
}

/// The last four bytes, big-endian: where heads and small files keep their checksum. There must be four.
func storedChecksum(_ bytes: [UInt8]) -> UInt32 {
    bytes.suffix(4).reduce(0) { $0 << 8 | UInt32($1) }
}
