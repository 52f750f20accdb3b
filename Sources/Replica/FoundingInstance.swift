import Wire

/// The name of one founding round: a hash of the seed list, so that nodes with different lists never vote together.
///
/// Nothing secret and no defence: whoever can send messages here is trusted. Lists are compared as well.
public struct FoundingInstance: Hashable, Sendable {
    /// The first 64 bits.
    public var high: UInt64
    /// The last 64 bits.
    public var low: UInt64

    /// A value of these fields.
    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The name of the round of these seeds.
    public init(_ seeds: FoundingSeeds) {
        var writer = ByteWriter(capacity: seeds.seeds.count * 64)
        for seed in seeds.seeds {
            // Each after its length, so that no two lists have the same bytes.
            writer.write(text: seed.name)
            writer.write(text: seed.address)
        }
        self.init(hashing: writer.bytes, key: (0, 0))
    }

    /// SipHash-2-4 with 128 bits of output, by Aumasson and Bernstein. The output's bytes in order are big-endian here.
    init(hashing bytes: [UInt8], key: (UInt64, UInt64)) {
        var v0 = 0x736f_6d65_7073_6575 ^ key.0
        var v1 = 0x646f_7261_6e64_6f6d ^ key.1 ^ 0xEE
        var v2 = 0x6c79_6765_6e65_7261 ^ key.0
        var v3 = 0x7465_6462_7974_6573 ^ key.1

        func rotated(_ value: UInt64, _ count: UInt64) -> UInt64 { value << count | value >> (64 - count) }
        func rounds(_ count: Int) {
            for _ in 0..<count {
                v0 &+= v1
                v2 &+= v3
                v1 = rotated(v1, 13) ^ v0
                v3 = rotated(v3, 16) ^ v2
                v0 = rotated(v0, 32)
                v2 &+= v1
                v0 &+= v3
                v1 = rotated(v1, 17) ^ v2
                v3 = rotated(v3, 21) ^ v0
                v2 = rotated(v2, 32)
            }
        }
        func absorb(_ word: UInt64) {
            v3 ^= word
            rounds(2)
            v0 ^= word
        }

        var word: UInt64 = 0
        for (place, byte) in bytes.enumerated() {
            word |= UInt64(byte) << UInt64(place % 8 * 8)
            if place % 8 == 7 {
                absorb(word)
                word = 0
            }
        }
        absorb(word | UInt64(bytes.count & 0xFF) << 56)
        v2 ^= 0xEE
        rounds(4)
        high = (v0 ^ v1 ^ v2 ^ v3).byteSwapped
        v1 ^= 0xDD
        rounds(4)
        low = (v0 ^ v1 ^ v2 ^ v3).byteSwapped
    }
}
