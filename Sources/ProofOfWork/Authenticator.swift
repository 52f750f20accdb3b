import CSodium

/// The tag of a token: keyed BLAKE2b, 16 bytes, over a message of fixed length.
enum Authenticator {
    /// - Parameters:
    ///   - message: the token without its tag.
    ///   - key: ``Subkey/tagKeyCount`` bytes.
    ///   - tag: receives 16 bytes.
    @inline(__always)
    static func tag(_ message: UnsafeRawBufferPointer, key: UnsafeRawPointer, into tag: UnsafeMutableRawPointer) {
        let result = crypto_generichash_blake2b(
            tag.bound,
            16,
            message.bound,
            UInt64(message.count),
            key.bound,
            Subkey.tagKeyCount
        )
        precondition(result == 0, "keyed BLAKE2b takes these sizes")
    }

    /// Whether the tag, 16 bytes, is the message's. The comparison takes the same time wherever they differ.
    @inline(__always)
    static func isValid(_ message: UnsafeRawBufferPointer, key: UnsafeRawPointer, tag: UnsafeRawPointer) -> Bool {
        var expected: (UInt64, UInt64) = (0, 0)
        return withUnsafeMutableBytes(of: &expected) { expected in
            guard let base = expected.baseAddress else { return false }
            self.tag(message, key: key, into: base)
            return crypto_verify_16(base.bound, tag.bound) == 0
        }
    }
}
