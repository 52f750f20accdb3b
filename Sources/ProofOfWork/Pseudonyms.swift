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
        var message = (high.bigEndian, low.bigEndian, UInt64(isIPv4 ? 4 : 6).bigEndian)
        var hash: UInt64 = 0
        withUnsafeBytes(of: &message) { message in
            withUnsafeMutableBytes(of: &hash) { hash in
                guard let output = hash.bound else { return }
                _ = crypto_shorthash(output, message.bound, UInt64(message.count), key)
            }
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
