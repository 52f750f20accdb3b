/// A network: an address and how many of its leading bits count. Usable on any thread.
///
/// Invariant: the bits of `address` after the first `bits` are zero.
public struct IPPrefix: Hashable, Sendable {
    /// The network's first address.
    public let address: IPAddress
    /// 0…32 for IPv4, 0…128 for IPv6.
    public let bits: Int

    /// The network of `address`'s first `bits` bits, which are clamped to what its family has.
    init(masking address: IPAddress, bits: Int) {
        let bits = min(max(bits, 0), address.bitWidth)
        self.bits = bits
        if address.isIPv4 {
            self.address = IPAddress(ipv4: UInt32(truncatingIfNeeded: address.low) & ~(UInt32.max >> UInt32(bits)))
        } else {
            // Smart shifts: a shift by the whole width gives 0, so that 0 and 64 need no case of their own.
            let high = address.high & ~(UInt64.max >> UInt64(min(bits, 64)))
            let low = address.low & ~(UInt64.max >> UInt64(max(bits - 64, 0)))
            self.address = IPAddress(ipv6High: high, low: low)
        }
    }

    /// Why a text is not a prefix.
    public enum Problem: Error, Hashable, Sendable {
        /// The part before the `/`, or the whole, is not an address.
        case notAnAddress
        /// The part after the `/` is not a number, or more than the family's bits.
        case badLength
        /// Bits after the prefix are set: `192.0.2.7/24` is probably a mistake for one of two things.
        case hostBitsSet(meant: IPPrefix)
    }

    /// Reads `192.0.2.0/24`, `2001:db8::/32` or a bare address, which stands for itself alone.
    ///
    /// A prefix of IPv4-mapped addresses, `::ffff:192.0.2.0/120`, is the IPv4 prefix. Throws what is wrong.
    public init(parsing text: some StringProtocol) throws(Problem) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(parts[0]) else { throw .notAnAddress }
        guard parts.count == 2 else {
            self.init(masking: address, bits: address.bitWidth)
            return
        }
        let digits = parts[1].utf8
        guard
            (1...3).contains(digits.count), digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            digits.count == 1 || digits.first != UInt8(ascii: "0"),
            var bits = Int(parts[1])
        else { throw .badLength }
        if address.isIPv4, parts[0].utf8.contains(UInt8(ascii: ":")) {
            // Written as a mapped address: its first 96 bits are `::ffff`, a shorter prefix would cut into them.
            guard bits >= 96 else { throw .badLength }
            bits -= 96
        }
        guard bits <= address.bitWidth else { throw .badLength }
        let prefix = IPPrefix(masking: address, bits: bits)
        guard prefix.address == address else { throw .hostBitsSet(meant: prefix) }
        self = prefix
    }

    /// As ``init(parsing:)``, nil instead of an error.
    public init?(_ text: some StringProtocol) {
        guard let prefix = try? IPPrefix(parsing: text) else { return nil }
        self = prefix
    }

    /// Whether `candidate` is in this network. An address of the other family never is.
    public func contains(_ candidate: IPAddress) -> Bool {
        candidate.isIPv4 == address.isIPv4 && IPPrefix(masking: candidate, bits: bits).address == address
    }
}

extension IPPrefix: CustomStringConvertible {
    /// The text that reads back as this value, always with its length: `192.0.2.0/24`.
    public var description: String { "\(address)/\(bits)" }
}

extension IPPrefix: Comparable {
    /// By address, wider networks first, so that a network comes before those inside it.
    public static func < (left: IPPrefix, right: IPPrefix) -> Bool {
        left.address == right.address ? left.bits < right.bits : left.address < right.address
    }
}
