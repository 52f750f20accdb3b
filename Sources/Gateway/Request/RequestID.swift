import ProofOfWork

/// The id that stands in `X-Request-Id`, in refusals, on the page and in logs.
enum RequestID {
    /// Longest id that is taken from a trusted peer, in bytes.
    static let bytesMax = 128

    /// A fresh id: 128 random bits as 32 hexadecimal digits.
    static func make() -> String {
        let words = TokenID.random()
        return hex(words.high) + hex(words.low)
    }

    /// The id that a trusted peer sent, if it is one that can stand in a header, a log line and a page as it is.
    static func accepted(_ head: RequestHead) -> String? {
        guard let slice = head.first("x-request-id"), slice.count > 0, slice.count <= bytesMax else { return nil }
        let isClean = head.withBytes(slice) { bytes in
            bytes.allSatisfy { ASCII.isUnreserved($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "=") }
        }
        return isClean ? head.string(slice) : nil
    }

    private static func hex(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
