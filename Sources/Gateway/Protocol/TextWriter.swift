/// Writes text into memory, as far as there is room for it.
struct TextWriter {
    private let bytes: UnsafeMutableRawBufferPointer
    /// Bytes written.
    private(set) var count = 0
    /// Whether something had no room. It and what follows is of no use then.
    private(set) var isTooLong = false

    init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = bytes }

    @inline(__always)
    mutating func append(_ text: String) {
        let done: Void? = text.utf8.withContiguousStorageIfAvailable { append(UnsafeRawBufferPointer($0)) }
        if done == nil { for byte in text.utf8 { append(byte) } }
    }

    @inline(__always)
    mutating func append(_ text: [UInt8]) { text.withUnsafeBytes { append($0) } }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        guard count < bytes.count else {
            isTooLong = true
            return
        }
        bytes[count] = byte
        count += 1
    }

    @inline(__always)
    mutating func append(_ first: UInt8, _ second: UInt8) {
        append(first)
        append(second)
    }

    /// In decimal.
    mutating func append(_ number: UInt64) {
        if number < 10 { return append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number)) }
        withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { digits in
            var first = digits.count
            var rest = number
            // Two at a time.
            while rest >= 10 {
                let pair = UInt8(truncatingIfNeeded: rest % 100)
                rest /= 100
                first -= 2
                digits[first] = UInt8(ascii: "0") + pair / 10
                digits[first + 1] = UInt8(ascii: "0") + pair % 10
            }
            if rest > 0 {
                first -= 1
                digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest)
            }
            append(UnsafeRawBufferPointer(rebasing: digits[first...]))
        }
    }

    @inline(__always)
    private mutating func append(_ more: UnsafeRawBufferPointer) {
        guard let base = more.baseAddress else { return }
        guard more.count <= bytes.count - count else {
            isTooLong = true
            return
        }
        (bytes.baseAddress! + count).copyMemory(from: base, byteCount: more.count)
        count += more.count
    }
}
