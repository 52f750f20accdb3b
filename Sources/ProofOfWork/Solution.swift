/// The answer to a puzzle: one 64-bit number for each round. As text it is their bytes, big-endian, one after the
/// other, in base64url without padding; a solution has one text and a text one solution.
///
/// It holds its numbers in place, 64 at most, so that reading one from the wire allocates nothing.
public struct Solution: Sendable {
    /// The most characters that a solution takes: 64 rounds.
    public static let textLengthMax = 683

    /// The numbers as they stand on the wire, big-endian; those from `count` on mean nothing.
    @usableFromInline
    var storage: InlineArray<64, UInt64>

    @usableFromInline
    var storedCount: UInt8

    /// How many rounds it answers, 1 to 64.
    public var count: Int { Int(storedCount) }

    /// A solution of these numbers; nil where they are none or more than 64.
    public init?(_ nonces: some Collection<UInt64>) {
        guard Difficulty.roundsRange.contains(nonces.count) else { return nil }
        storage = InlineArray(repeating: 0)
        storedCount = UInt8(nonces.count)
        for (index, nonce) in nonces.enumerated() { storage[index] = nonce.bigEndian }
    }

    /// Reads a solution from the wire. Its length tells its rounds; whether they are the challenge's is for
    /// ``Puzzle/firstMiss(seed:rounds:target:solution:)``, or for the caller who wants to call it malformed.
    ///
    /// Throws ``TokenError/malformed`` for every text but the canonical one of 1 to 64 numbers. Allocates nothing.
    @inlinable
    public init(parsing text: UnsafeRawBufferPointer) throws(TokenError) {
        // Inlined, so that the numbers are read to where they will stay: a copy of them is as dear as reading them.
        storage = InlineArray(repeating: 0)
        storedCount = 0
        guard read(text) else { throw .malformed }
    }

    /// Takes the numbers of the text; where it is not canonical says false, and what is then here means nothing.
    @usableFromInline
    mutating func read(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text.count <= Self.textLengthMax, let bytes = Base64URL.byteCount(characters: text.count), bytes % 8 == 0,
            Difficulty.roundsRange.contains(bytes / 8)
        else { return false }
        storedCount = UInt8(bytes / 8)
        return withUnsafeMutableBytes(of: &storage) { Base64URL.decode(text, into: $0) }
    }

    /// The same, from a string.
    public init(parsing text: String) throws(TokenError) {
        var text = text
        // Through Result, since String's closure does not carry a typed error.
        let result: Result<Solution, TokenError> = text.withUTF8 { text in
            Result { () throws(TokenError) in try Solution(parsing: UnsafeRawBufferPointer(text)) }
        }
        self = try result.get()
    }

    /// The number of a round, from 0 to `count` − 1; others are the caller's mistake and stop the process.
    public subscript(round: Int) -> UInt64 {
        precondition((0..<count).contains(round), "no such round")
        return UInt64(bigEndian: storage[round])
    }

    /// The numbers, in an array.
    public var nonces: [UInt64] { (0..<count).map { self[$0] } }

    /// The text for the wire.
    public var text: String {
        let bytes = nonces.flatMap { nonce in (0..<8).map { UInt8(truncatingIfNeeded: nonce >> (56 - 8 * $0)) } }
        return String(unsafeUninitializedCapacity: Base64URL.characterCount(bytes: bytes.count)) { output in
            bytes.withUnsafeBytes { Base64URL.encode($0, into: UnsafeMutableRawBufferPointer(output)) }
        }
    }
}
