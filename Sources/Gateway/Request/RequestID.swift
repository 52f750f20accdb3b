import ProofOfWork

/// The id that stands in `X-Request-Id`, in refusals, on the page and in logs.
public enum RequestID {
    /// Longest id that is taken from a trusted peer, in bytes.
    static let bytesMax = 128

    /// A fresh id: 128 random bits as 32 hexadecimal digits.
    static func make() -> String {
        let id = TokenID.random()
        return String(unsafeUninitializedCapacity: 32) { digits in
            for (index, word) in [id.high, id.low].enumerated() {
                for place in 0..<16 {
                    let digit = Int(truncatingIfNeeded: word >> (60 - 4 * UInt64(place))) & 15
                    digits[16 * index + place] = ASCII.lowerHex[digit]
                }
            }
            return 32
        }
    }

    /// The id that a trusted peer sent, if it is one that can stand in a header, a log line and a page as it is.
    static func accepted(_ head: RequestHead) -> String? {
        guard let slice = head.first("x-request-id"), head.withBytes(slice, { isAcceptable($0) }) else { return nil }
        return head.string(slice)
    }

    /// Whether these bytes can be an id: one that was made here, or that was taken from a trusted peer.
    public static func isAcceptable(_ bytes: some Collection<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.count <= bytesMax
            && bytes.allSatisfy { ASCII.isUnreserved($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "=") }
    }
}
