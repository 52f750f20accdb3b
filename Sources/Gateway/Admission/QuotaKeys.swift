import Ledger
import ProofOfWork
import Settings

/// What limits count, as 128-bit keyed hashes: DESIGN section 2 (*key*) and section 6 (fallbacks).
///
/// Each kind of key has its own domain, so that no header value can be made to collide with an address. Clients that come
/// again are remembered, a bounded number of them; the keys of the others are hashed anew. Confined to a loop.
final class QuotaKeys {
    /// The key, and the fallback bucket for when the limit's table is full: the /24 or /48 of a client, one for each limit
    /// otherwise.
    typealias Keys = (own: QuotaKey, fallback: QuotaKey)

    private enum Kind: UInt8 {
        case address4 = 1
        case address6 = 2
        case header = 3
        case all = 4
        case shared = 5
    }

    /// A client that has come, cut to so many bits, and its keys.
    private struct Known {
        var client: IPAddress
        var bits: Int
        var keys: Keys
    }

    /// Clients that are remembered at most; a power of two. 64 KiB.
    private static let knownMax = 1_024

    /// Whose hashes they are.
    let ring: KeyRing
    /// Each at the place that its address says, where it has taken that of another.
    private var known: [Known?] = []

    init(_ ring: KeyRing) { self.ring = ring }

    /// What a limit counts of a request.
    func key(_ key: LimitKey, head: RequestHead, client: IPAddress, clientPrefix: ClientPrefix) -> Keys {
        switch key {
        case .client:
            return address(client, client.isIPv4 ? clientPrefix.ipv4 : clientPrefix.ipv6)
        case .clientPrefix(let prefix):
            return address(client, client.isIPv4 ? prefix.ipv4 : prefix.ipv6)
        case .header(let name):
            // An absent header counts the client instead, and so does an empty one.
            guard let value = head.first(named: name), value.count > 0 else {
                return address(client, client.isIPv4 ? clientPrefix.ipv4 : clientPrefix.ipv6)
            }
            return head.withBytes(value) { header($0) }
        case .all: return all()
        }
    }

    /// The key of a network, and its fallback.
    func network(_ prefix: IPPrefix) -> Keys { address(prefix.address, prefix.bits) }

    /// The key of a header's value, whichever header it is of, and the fallback.
    func header(_ value: UnsafeRawBufferPointer) -> Keys {
        (QuotaKey(ring.quotaKey(kind: Kind.header.rawValue, bytes: value)), shared(.shared))
    }

    /// The key of all requests together, which is its own fallback.
    func all() -> Keys {
        let own = shared(.all)
        return (own, own)
    }

    /// Where a client comes from, for what its challenges cost: its own /32 or /64 and the networks around it, whatever a
    /// policy's limits count as a client.
    func prefixes(_ client: IPAddress) -> PrefixKeys {
        let bits = client.isIPv4 ? [24, 16] : [56, 48]
        return PrefixKeys(
            address: prefix(client, client.isIPv4 ? 32 : 64),
            neighbourhoods: bits.map { prefix(client, $0) }
        )
    }

    private func shared(_ kind: Kind) -> QuotaKey {
        QuotaKey(ring.quotaKey(kind: kind.rawValue, bytes: UnsafeRawBufferPointer(start: nil, count: 0)))
    }

    private func address(_ client: IPAddress, _ bits: Int) -> Keys {
        // Addresses next to each other have places next to each other, whichever half of an address tells them apart.
        let mixed = client.low ^ client.high &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(bits)
        let place = Int(truncatingIfNeeded: mixed ^ mixed >> 32) & (Self.knownMax - 1)
        if known.isEmpty { known = Array(repeating: nil, count: Self.knownMax) }
        if let known = known[place], known.client == client, known.bits == bits { return known.keys }
        let fallbackBits = min(bits, client.isIPv4 ? 24 : 48)
        let keys = (own: prefix(client, bits), fallback: prefix(client, fallbackBits))
        known[place] = Known(client: client, bits: bits, keys: keys)
        return keys
    }

    /// Fixed-width fields, so that no two prefixes read alike: 16 bytes of address, 8 of prefix length.
    private func prefix(_ client: IPAddress, _ bits: Int) -> QuotaKey {
        let prefix = client.prefix(bits).address
        let kind: Kind = client.isIPv4 ? .address4 : .address6
        let fields = (prefix.high.bigEndian, prefix.low.bigEndian, UInt64(bits).bigEndian)
        return withUnsafeBytes(of: fields) { QuotaKey(ring.quotaKey(kind: kind.rawValue, bytes: $0)) }
    }
}
