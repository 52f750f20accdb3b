import ProofOfWork

/// The id that stands in `X-Request-Id`, in refusals, on the page and in logs.
enum RequestID {
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
        guard let slice = head.first("x-request-id"), slice.count > 0, slice.count <= bytesMax else { return nil }
        let isClean = head.withBytes(slice) { bytes in
            bytes.allSatisfy { ASCII.isUnreserved($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "=") }
        }
        return isClean ? head.string(slice) : nil
    }
}
