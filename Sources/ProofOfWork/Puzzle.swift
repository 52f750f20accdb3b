import COpenSSL

/// The puzzle and its verifier. DESIGN, section 5.
///
/// The seed is the SHA-256 of the token's text. A round i is met by n where the first 8 bytes, big-endian, of
/// SHA-256(seed ‖ i as 4 bytes ‖ n as 8 bytes) are at most the target. That message of 44 bytes is one block, which we
/// build with its padding and hand to libcrypto's `SHA256_Transform`: the block function itself, half the price of the
/// same hash through OpenSSL's newer interface.
public enum Puzzle {
    /// The 32 bytes that tie a puzzle to its challenge.
    public struct Seed: Hashable, Sendable {
        /// The bytes as four words, big-endian.
        public let words: (UInt64, UInt64, UInt64, UInt64)

        /// A seed of these words.
        public init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

        /// Two seeds are the same where all four words are.
        public static func == (a: Seed, b: Seed) -> Bool { a.words == b.words }

        /// Feeds the four words.
        public func hash(into hasher: inout Hasher) {
            hasher.combine(words.0)
            hasher.combine(words.1)
            hasher.combine(words.2)
            hasher.combine(words.3)
        }
    }

    /// The seed of a token: the SHA-256 of its text, of any length. Allocates nothing; a challenge of version 1 takes
    /// two blocks.
    public static func seed(token text: UnsafeRawBufferPointer) -> Seed {
        var context = SHA256Blocks.initial
        let wholeBlocks = text.count / 64
        if let base = text.bound {
            for block in 0..<wholeBlocks { SHA256_Transform(&context, base + 64 * block) }
        }
        let rest = UnsafeRawBufferPointer(rebasing: text[(64 * wholeBlocks)...])
        SHA256Blocks.finish(&context, rest, totalCount: text.count)
        let h = context.h
        return Seed(words: (word(h.0, h.1), word(h.2, h.3), word(h.4, h.5), word(h.6, h.7)))
    }

    /// The seed of a token that is a string.
    public static func seed(token: String) -> Seed {
        var token = token
        return token.withUTF8 { seed(token: UnsafeRawBufferPointer($0)) }
    }

    /// The first round that the solution misses; nil: it meets the target in every round, and answers no more and no
    /// fewer rounds than there are.
    ///
    /// Stops at the first miss: a wrong solution costs one block for each round up to it. Allocates nothing.
    ///
    /// - Parameters:
    ///   - seed: of the token that was shown, not of one like it.
    ///   - rounds: of the challenge, 1 to 64. For any other number no solution is right.
    ///   - target: of the challenge, inclusive.
    public static func firstMiss(seed: Seed, rounds: Int, target: UInt64, solution: Solution) -> Int? {
        var block = Block(seed: seed)
        var context = SHA256_CTX()
        for round in 0..<min(max(rounds, 0), solution.count)
        where block.digestHead(round: UInt32(round), nonce: solution[round], context: &context) > target {
            return round
        }
        // Too few: the first that is not answered. Too many: the first that was not asked. Neither is a solution.
        return rounds == solution.count ? nil : max(0, min(rounds, solution.count))
    }

    /// Whether one n meets one round, by the verifier's own code. What `firstMiss` does for a round.
    public static func meets(seed: Seed, round: UInt32, nonce: UInt64, target: UInt64) -> Bool {
        var block = Block(seed: seed)
        var context = SHA256_CTX()
        return block.digestHead(round: round, nonce: nonce, context: &context) <= target
    }
}

private func word(_ high: UInt32, _ low: UInt32) -> UInt64 { UInt64(high) << 32 | UInt64(low) }

/// The one block of a round, in memory order: the seed, the round, n, the padding.
///
/// In quarters of 16 bytes, each written by one store: that is how the block function reads them, and a load that spans
/// two fresh stores waits for both to reach the cache.
private struct Block {
    private typealias Quarter = SIMD2<UInt64>
    private var quarters: (Quarter, Quarter, Quarter, Quarter)

    init(seed: Puzzle.Seed) {
        let s = seed.words
        quarters = (
            Quarter(s.0.bigEndian, s.1.bigEndian), Quarter(s.2.bigEndian, s.3.bigEndian), Quarter(),
            Quarter(0, UInt64(44 * 8).bigEndian)
        )
    }

    /// The first eight bytes of the round's digest.
    @inline(__always)
    mutating func digestHead(round: UInt32, nonce: UInt64, context: inout SHA256_CTX) -> UInt64 {
        // Bytes 32 to 35 the round, 36 to 43 n, 44 the padding's first bit.
        quarters.2 = Quarter(
            word(round, UInt32(truncatingIfNeeded: nonce >> 32)).bigEndian,
            word(UInt32(truncatingIfNeeded: nonce), 0x8000_0000).bigEndian
        )
        context.h = SHA256Blocks.initialState
        withUnsafeBytes(of: &quarters) { bytes in
            guard let bytes = bytes.bound else { return }
            SHA256_Transform(&context, bytes)
        }
        return word(context.h.0, context.h.1)
    }
}
