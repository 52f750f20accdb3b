/// A set of networks that answers membership in logarithmic time: 100,000 prefixes cost 17 comparisons. An immutable
/// value, usable on any thread.
///
/// Two networks are either nested or disjoint. With the inner ones dropped and the rest sorted, the only one that can
/// contain an address is the last that does not begin after it.
public struct PrefixSet: Hashable, Sendable {
    /// The networks, ascending, none inside another.
    public let prefixes: [IPPrefix]

    /// The union of these networks, in any order, with or without repetitions.
    public init(_ prefixes: some Sequence<IPPrefix>) {
        var outer: [IPPrefix] = []
        for prefix in prefixes.sorted() where outer.last?.contains(prefix.address) != true {
            outer.append(prefix)
        }
        self.prefixes = outer
    }

    /// 127.0.0.0/8 and ::1.
    public static let loopback = PrefixSet([
        IPPrefix(masking: IPAddress(ipv4: 0x7F00_0000), bits: 8),
        IPPrefix(masking: IPAddress(ipv6High: 0, low: 1), bits: 128),
    ])

    /// The networks that no one outside can have: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 (RFC 1918), fc00::/7 (RFC
    /// 4193).
    public static let privateNetworks = PrefixSet([
        IPPrefix(masking: IPAddress(ipv4: 0x0A00_0000), bits: 8),
        IPPrefix(masking: IPAddress(ipv4: 0xAC10_0000), bits: 12),
        IPPrefix(masking: IPAddress(ipv4: 0xC0A8_0000), bits: 16),
        IPPrefix(masking: IPAddress(ipv6High: 0xFC00_0000_0000_0000, low: 0), bits: 7),
    ])

    /// Whether the set contains nothing.
    public var isEmpty: Bool { prefixes.isEmpty }

    /// Whether one of the networks contains `address`. Logarithmic in their number; allocates nothing.
    public func contains(_ address: IPAddress) -> Bool {
        prefixes.withUnsafeBufferPointer { prefixes in
            var lower = 0
            var upper = prefixes.count
            while lower < upper {
                let middle = (lower + upper) / 2
                if prefixes[middle].address <= address { lower = middle + 1 } else { upper = middle }
            }
            return lower > 0 && prefixes[lower - 1].contains(address)
        }
    }
}
