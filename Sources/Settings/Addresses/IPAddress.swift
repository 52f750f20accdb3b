// Addresses of clients, proxies and listeners as plain integers: no allocation on the request path, no `sockaddr`, and
// one value for one host (an IPv4-mapped IPv6 address *is* the IPv4 address), so that a client cannot have two quotas.

/// An IPv4 or IPv6 address. A value of at most 17 bytes; usable on any thread.
///
/// There is one value for one address: IPv4-mapped IPv6 addresses (`::ffff:0:0/96`, RFC 4291 section 2.5.5.2) become
/// IPv4 wherever a value is made. IPv6 zones (`fe80::1%eth0`) do not exist here.
public struct IPAddress: Hashable, Sendable {
    /// The upper 64 bits of an IPv6 address; 0 for IPv4.
    public let high: UInt64
    /// The lower 64 bits of an IPv6 address; for IPv4 its 32 bits, in the low half.
    public let low: UInt64
    /// Whether this is an IPv4 address. Needed beside the numbers: `::1` and `0.0.0.1` have the same ones.
    public let isIPv4: Bool

    private init(high: UInt64, low: UInt64, isIPv4: Bool) {
        self.high = high
        self.low = low
        self.isIPv4 = isIPv4
    }

    /// The IPv4 address with these 32 bits: `0x7F000001` is 127.0.0.1.
    public init(ipv4 bits: UInt32) {
        self.init(high: 0, low: UInt64(bits), isIPv4: true)
    }

    /// The IPv6 address with these 128 bits, or the IPv4 address that they map.
    public init(ipv6High high: UInt64, low: UInt64) {
        if high == 0, low >> 32 == 0xFFFF {
            self.init(ipv4: UInt32(truncatingIfNeeded: low))
        } else {
            self.init(high: high, low: low, isIPv4: false)
        }
    }

    /// 32 for IPv4, 128 for IPv6.
    public var bitWidth: Int { isIPv4 ? 32 : 128 }

    /// Whether the address is of the host itself: 127.0.0.0/8 or ::1.
    public var isLoopback: Bool {
        isIPv4 ? low >> 24 == 127 : high == 0 && low == 1
    }

    /// Whether the address is 0.0.0.0 or ::, which listeners take for "every address".
    public var isUnspecified: Bool { high == 0 && low == 0 }

    /// The network of the first `bits` bits. Bounds: `bits` is clamped to 0…`bitWidth`.
    public func prefix(_ bits: Int) -> IPPrefix {
        IPPrefix(masking: self, bits: bits)
    }
}

extension IPAddress: Comparable {
    /// IPv4 before IPv6, then by number.
    public static func < (left: IPAddress, right: IPAddress) -> Bool {
        if left.isIPv4 != right.isIPv4 { return left.isIPv4 }
        return left.high == right.high ? left.low < right.low : left.high < right.high
    }
}
