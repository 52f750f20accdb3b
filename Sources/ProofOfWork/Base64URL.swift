/// base64url without padding (RFC 4648, section 5), in its one canonical form: no padding, no white space, no bits set
/// beyond the last byte. A text that decodes here is the only text of its bytes, so a token cannot be shown under two
/// names.
///
/// Not in constant time: what is decoded came from outside in that very form.
enum Base64URL {
    /// For each byte its six bits, or `refused`. Made at first use, 256 bytes, never freed.
    private nonisolated(unsafe) static let values: UnsafePointer<UInt8> = {
        let table = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
        table.initialize(repeating: refused, count: 256)
        for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
        return UnsafePointer(table)
    }()

    private nonisolated(unsafe) static let characters: UnsafePointer<UInt8> = {
        let table = UnsafeMutablePointer<UInt8>.allocate(capacity: 64)
        for (value, character) in alphabet.enumerated() { table[value] = character }
        return UnsafePointer(table)
    }()

    private static var alphabet: String.UTF8View {
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8
    }

    /// The mark of a byte outside the alphabet: a bit above the six.
    private static let refused: UInt8 = 0x80

    /// How many bytes so many characters hold; nil where no number of bytes has this length of text.
    static func byteCount(characters: Int) -> Int? {
        characters >= 0 && characters % 4 != 1 ? characters / 4 * 3 + max(characters % 4 - 1, 0) : nil
    }

    /// How many characters so many bytes (0 to 2^60) take.
    static func characterCount(bytes: Int) -> Int { (bytes * 4 + 2) / 3 }

    /// Decodes all of `text` to the beginning of `output`. Allocates nothing.
    ///
    /// - Parameter output: at least `byteCount(characters: text.count)` bytes.
    /// - Returns: whether the text was canonical. Where it was not, what `output` then holds means nothing.
    static func decode(_ text: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Bool {
        guard let count = byteCount(characters: text.count) else { return false }
        precondition(output.count >= count, "the buffer is too small for the text")
        guard count > 0, let source = text.baseAddress, let target = output.baseAddress else { return true }
        let values = self.values
        @inline(__always) func value(_ index: Int) -> UInt32 {
            UInt32(values[Int(source.load(fromByteOffset: index, as: UInt8.self))])
        }
        var bad: UInt32 = 0  // the marks of all characters together: one branch at the end
        let groups = text.count / 4
        for group in 0..<groups {
            let (a, b, c, d) = (value(4 * group), value(4 * group + 1), value(4 * group + 2), value(4 * group + 3))
            bad |= a | b | c | d
            let word = a << 18 | b << 12 | c << 6 | d
            target.storeBytes(of: UInt8(truncatingIfNeeded: word >> 16), toByteOffset: 3 * group, as: UInt8.self)
            target.storeBytes(of: UInt8(truncatingIfNeeded: word >> 8), toByteOffset: 3 * group + 1, as: UInt8.self)
            target.storeBytes(of: UInt8(truncatingIfNeeded: word), toByteOffset: 3 * group + 2, as: UInt8.self)
        }
        let (from, to) = (4 * groups, 3 * groups)
        switch text.count % 4 {
        case 2:
            let (a, b) = (value(from), value(from + 1))
            bad |= a | b
            target.storeBytes(of: UInt8(truncatingIfNeeded: a << 2 | b >> 4), toByteOffset: to, as: UInt8.self)
            if b & 0x0f != 0 { bad |= UInt32(refused) }  // four bits that no byte has use for
        case 3:
            let (a, b, c) = (value(from), value(from + 1), value(from + 2))
            bad |= a | b | c
            target.storeBytes(of: UInt8(truncatingIfNeeded: a << 2 | b >> 4), toByteOffset: to, as: UInt8.self)
            target.storeBytes(of: UInt8(truncatingIfNeeded: b << 4 | c >> 2), toByteOffset: to + 1, as: UInt8.self)
            if c & 0x03 != 0 { bad |= UInt32(refused) }  // two bits
        default: break
        }
        return bad & UInt32(refused) == 0
    }

    /// Encodes all of `bytes` to the beginning of `output`. Allocates nothing.
    ///
    /// - Parameter output: at least `characterCount(bytes: bytes.count)` bytes.
    /// - Returns: how many characters were written.
    @discardableResult
    static func encode(_ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int {
        let count = characterCount(bytes: bytes.count)
        precondition(output.count >= count, "the buffer is too small for the text")
        let characters = self.characters
        var (pending, bits, written) = (UInt32(0), 0, 0)
        for byte in bytes {
            pending = pending << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                output[written] = characters[Int(pending >> UInt32(bits) & 63)]
                written += 1
            }
            pending &= 0x3f  // fewer than six bits are left; they are the lowest
        }
        if bits > 0 {
            output[written] = characters[Int(pending << UInt32(6 - bits) & 63)]
            written += 1
        }
        return written
    }
}
