import COpenSSL
import CSodium

/// SHA-256 by libcrypto's block function (FIPS 180-4), for messages whose padding is written here. Allocates nothing.
enum SHA256Blocks {
    typealias State = (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32)

    /// The state before the first block (section 5.3.3).
    static let initialState: State = (
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19
    )

    /// A context before the first block.
    static var initial: SHA256_CTX {
        var context = SHA256_CTX()
        context.h = initialState
        return context
    }

    /// Takes the end of a message, with its padding: the first bit, zeros, and the length in bits (section 5.1.1).
    ///
    /// - Parameters:
    ///   - rest: what has not been taken yet, at most 119 bytes; one block where 9 bytes are left for the padding.
    ///   - totalCount: bytes of the whole message.
    @inline(__always)
    static func finish(_ context: inout SHA256_CTX, _ rest: UnsafeRawBufferPointer, totalCount: Int) {
        let tailCount = rest.count + 9 <= 64 ? 64 : 128
        var tail = InlineArray<128, UInt8>(repeating: 0)
        withUnsafeMutableBytes(of: &tail) { tail in
            tail.copyMemory(from: rest)
            tail[rest.count] = 0x80
            tail.storeBytes(of: (UInt64(totalCount) &* 8).bigEndian, toByteOffset: tailCount - 8, as: UInt64.self)
            guard let base = UnsafeRawBufferPointer(tail).bound else { return }
            SHA256_Transform(&context, base)
            if tailCount == 128 { SHA256_Transform(&context, base + 64) }
        }
    }

    /// The digest's bytes in memory order.
    @inline(__always)
    static func bigEndian(_ h: State) -> State {
        (
            h.0.bigEndian, h.1.bigEndian, h.2.bigEndian, h.3.bigEndian, h.4.bigEndian, h.5.bigEndian, h.6.bigEndian,
            h.7.bigEndian
        )
    }

    static func wipe(_ context: inout SHA256_CTX) {
        sodium_memzero(&context, MemoryLayout<SHA256_CTX>.size)
    }
}
