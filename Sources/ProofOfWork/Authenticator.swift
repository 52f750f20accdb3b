import COpenSSL
import CSodium

/// The tag of a token: HMAC-SHA-256 (RFC 2104), cut to its first 16 bytes (RFC 2104 section 5), over a message of fixed
/// length.
///
/// The states after the two key blocks are computed once, when the ring is made, so a tag is three blocks of SHA-256:
/// some 120 ns with the processor's instructions, where keyed BLAKE2b takes 310 and SipHash-2-4-128 takes 60. The last
/// would save a tenth of a verification and is no cryptographic hash; HMAC-SHA-256 with keys of 256 bits is the
/// conservative choice. A forger has one chance in 2^128 for each request.
enum Authenticator {
    /// The longest message, in bytes: what two blocks hold with their padding.
    static let messageCountMax = 119

    /// Computes the states of a key's two blocks.
    ///
    /// - Parameters:
    ///   - key: 32 bytes.
    ///   - states: receives ``Subkey/tagStateCount`` bytes: the inner state, then the outer.
    static func prepare(key: UnsafeRawBufferPointer, into states: UnsafeMutableRawPointer) {
        var block = InlineArray<64, UInt8>(repeating: 0)
        for (offset, pad) in [(0, UInt8(0x36)), (32, UInt8(0x5c))] {
            withUnsafeMutableBytes(of: &block) { block in
                for index in 0..<64 { block[index] = pad ^ (index < key.count ? key[index] : 0) }
                var context = SHA256Blocks.initial
                if let base = block.bound { SHA256_Transform(&context, base) }
                withUnsafeBytes(of: context.h) { (states + offset).copyMemory(from: $0.baseAddress!, byteCount: 32) }
                SHA256Blocks.wipe(&context)
                sodium_memzero(block.baseAddress, block.count)
            }
        }
    }

    /// - Parameters:
    ///   - message: the token without its tag, at most ``messageCountMax`` bytes.
    ///   - states: of ``prepare(key:into:)``.
    ///   - tag: receives 16 bytes.
    @inline(__always)
    static func tag(_ message: UnsafeRawBufferPointer, states: UnsafeRawPointer, into tag: UnsafeMutableRawPointer) {
        precondition(message.count <= messageCountMax, "tokens have fixed sizes")
        var context = SHA256_CTX()
        context.h = states.loadUnaligned(as: SHA256Blocks.State.self)
        SHA256Blocks.finish(&context, message, totalCount: 64 + message.count)
        var digest = SHA256Blocks.bigEndian(context.h)
        context.h = (states + 32).loadUnaligned(as: SHA256Blocks.State.self)
        withUnsafeBytes(of: &digest) { SHA256Blocks.finish(&context, $0, totalCount: 64 + 32) }
        withUnsafeBytes(of: SHA256Blocks.bigEndian(context.h)) { tag.copyMemory(from: $0.baseAddress!, byteCount: 16) }
    }

    /// Whether the tag, 16 bytes, is the message's. The comparison takes the same time wherever they differ.
    @inline(__always)
    static func isValid(_ message: UnsafeRawBufferPointer, states: UnsafeRawPointer, tag: UnsafeRawPointer) -> Bool {
        var expected: (UInt64, UInt64) = (0, 0)
        return withUnsafeMutableBytes(of: &expected) { expected in
            guard let base = expected.baseAddress else { return false }
            self.tag(message, states: states, into: base)
            return crypto_verify_16(base.bound, tag.bound) == 0
        }
    }
}
