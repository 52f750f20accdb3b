import Ledger
import ProofOfWork
import Settings

/// What limits count, as 128-bit keyed hashes: DESIGN section 2 (*key*) and section 6 (fallbacks).
///
/// Each kind of key has its own domain, so that no header value can be made to collide with an address.
enum QuotaKeys {
    private enum Kind: UInt8 {
        case address4 = 1
        case address6 = 2
        case header = 3
        case all = 4
        case shared = 5
    }

    /// - Returns: the key, and the fallback bucket for when the limit's table is full: the /24 or /48 of a client, one
    ///   for each limit otherwise.
    static func key(
        _ key: LimitKey,
        head: RequestHead,
        client: IPAddress,
        clientPrefix: ClientPrefix,
        keys: KeyRing
    ) -> (own: QuotaKey, fallback: QuotaKey) {
        switch key {
        case .client:
            return address(client, client.isIPv4 ? clientPrefix.ipv4 : clientPrefix.ipv6, keys)
        case .clientPrefix(let prefix):
            return address(client, client.isIPv4 ? prefix.ipv4 : prefix.ipv6, keys)
        case .header(let name):
            // An absent header counts the client instead, and so does an empty one.
            guard let value = head.first(named: name), value.count > 0 else {
                return address(client, client.isIPv4 ? clientPrefix.ipv4 : clientPrefix.ipv6, keys)
            }
            return head.withBytes(value) { header($0, keys) }
        case .all:
            return all(keys)
        }
    }

    /// The key of a network, and its fallback.
    static func network(_ prefix: IPPrefix, _ keys: KeyRing) -> (own: QuotaKey, fallback: QuotaKey) {
        address(prefix.address, prefix.bits, keys)
    }

    /// The key of a header's value, whichever header it is of, and the fallback.
    static func header(_ value: UnsafeRawBufferPointer, _ keys: KeyRing) -> (own: QuotaKey, fallback: QuotaKey) {
        (QuotaKey(keys.quotaKey(kind: Kind.header.rawValue, bytes: value)), shared(.shared, keys))
    }

    /// The key of all requests together, which is its own fallback.
    static func all(_ keys: KeyRing) -> (own: QuotaKey, fallback: QuotaKey) {
        let own = shared(.all, keys)
        return (own, own)
    }

    /// Where a client comes from, for what its challenges cost: its own /32 or /64 and the networks around it, whatever a
    /// policy's limits count as a client.
    static func prefixes(_ client: IPAddress, _ keys: KeyRing) -> PrefixKeys {
        let bits = client.isIPv4 ? [24, 16] : [56, 48]
        return PrefixKeys(
            address: prefix(client, client.isIPv4 ? 32 : 64, keys),
            neighbourhoods: bits.map { prefix(client, $0, keys) }
        )
    }

    private static func shared(_ kind: Kind, _ keys: KeyRing) -> QuotaKey {
        QuotaKey(keys.quotaKey(kind: kind.rawValue, bytes: UnsafeRawBufferPointer(start: nil, count: 0)))
    }

    private static func address(_ client: IPAddress, _ bits: Int, _ keys: KeyRing) -> (
        own: QuotaKey, fallback: QuotaKey
    ) {
        let fallbackBits = min(bits, client.isIPv4 ? 24 : 48)
        return (prefix(client, bits, keys), prefix(client, fallbackBits, keys))
    }

    /// Fixed-width fields, so that no two prefixes read alike: 16 bytes of address, 8 of prefix length.
    private static func prefix(_ client: IPAddress, _ bits: Int, _ keys: KeyRing) -> QuotaKey {
        let prefix = client.prefix(bits).address
        let kind: Kind = client.isIPv4 ? .address4 : .address6
        let fields = (prefix.high.bigEndian, prefix.low.bigEndian, UInt64(bits).bigEndian)
        return withUnsafeBytes(of: fields) { QuotaKey(keys.quotaKey(kind: kind.rawValue, bytes: $0)) }
    }
}
