import CSodium

/// Names for clients that tell them apart and say nothing else: a keyed hash of the address under a key of this value
/// alone, which nobody else has and which ends with it. Any thread.
public struct Pseudonyms: Sendable {
    private let key: [UInt8]

    /// With a fresh random key.
    public init() {
        key = randomBytes(count: Int(crypto_shorthash_KEYBYTES))
    }

    /// 16 hexadecimal digits.
    ///
    /// - Parameters:
    ///   - high: an IPv6 address's first eight bytes; 0 for IPv4.
    ///   - low: an IPv6 address's last eight bytes, or the IPv4 address.
    ///   - isIPv4: keeps 0.0.0.1 and ::1 apart.
    public func text(high: UInt64, low: UInt64, isIPv4: Bool) -> String {
        let hash = key.withUnsafeBufferPointer {
            addressHash(high: high, low: low, isIPv4: isIPv4, key: $0.baseAddress)
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
