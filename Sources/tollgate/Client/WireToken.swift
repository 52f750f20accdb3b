/// The grammar of tokens on the wire (DESIGN section 5): a letter, then letters, digits, `-` and `_`.
///
/// A client need not know more of a token, but must know that much: it repeats what a server made up, in a header of
/// its own request and in JSON for another program.
enum WireToken {
    /// Longest token, in characters.
    static let countMax = 512

    static func isToken(_ text: some StringProtocol) -> Bool {
        let bytes = text.utf8
        guard bytes.count <= countMax, let first = bytes.first, isLetter(first) else { return false }
        return bytes.allSatisfy {
            isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
