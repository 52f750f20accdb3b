import CSolver

/// base64url without padding (RFC 4648, section 5), in its one canonical form: no padding, no white space, no bits set
/// beyond the last byte. A text that decodes here is the only text of its bytes, so a token cannot be shown under two
/// names.
enum Base64URL {
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
        guard count > 0, let source = text.bound, let target = output.bound else { return true }
        return csolver_base64url_decode(source, text.count, target) == 1
    }

    /// Encodes all of `bytes` to the beginning of `output`. Allocates nothing.
    ///
    /// - Parameter output: at least `characterCount(bytes: bytes.count)` bytes.
    /// - Returns: how many characters were written.
    @discardableResult
    static func encode(_ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int {
        let count = characterCount(bytes: bytes.count)
        precondition(output.count >= count, "the buffer is too small for the text")
        var (pending, bits, written) = (UInt32(0), UInt32(0), 0)
        for byte in bytes {
            pending = pending << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                output[written] = alphabet.utf8Start[Int(pending >> bits & 63)]
                written += 1
            }
        }
        if bits > 0 {
            output[written] = alphabet.utf8Start[Int(pending << (6 - bits) & 63)]
            written += 1
        }
        return written
    }

    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
}
