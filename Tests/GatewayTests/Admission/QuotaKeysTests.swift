import Ledger
import ProofOfWork
import Settings
import Testing

@testable import Gateway

/// What limits count by: no two things that differ have one key, and none can be made to.
@Suite struct QuotaKeysTests {
    private let keys: KeyRing

    init() throws { keys = try keyRing() }

    private func key(
        _ key: LimitKey,
        _ client: String = "203.0.113.5",
        fields: [(String, String)] = [],
        prefix: ClientPrefix = ClientPrefix()
    ) -> (own: QuotaKey, fallback: QuotaKey) {
        QuotaKeys.key(key, head: head("GET", "/", fields), client: ip(client), clientPrefix: prefix, keys: keys)
    }

    @Test func aClientIsItsPrefix() {
        #expect(key(.client, "203.0.113.5").own == key(.client, "203.0.113.5").own)
        #expect(key(.client, "203.0.113.5").own != key(.client, "203.0.113.6").own)
        #expect(key(.client, "2001:db8::1").own == key(.client, "2001:db8::ffff:ffff:ffff:ffff").own)
        #expect(key(.client, "2001:db8::1").own != key(.client, "2001:db8:0:1::1").own)
        #expect(key(.client, "::ffff:203.0.113.5").own == key(.client, "203.0.113.5").own)
        let wide = ClientPrefix(ipv4: 24, ipv6: 56)
        #expect(key(.client, "203.0.113.5", prefix: wide).own == key(.client, "203.0.113.6", prefix: wide).own)
        #expect(key(.client, "2001:db8::1", prefix: wide).own == key(.client, "2001:db8:0:ff::1", prefix: wide).own)
    }

    @Test func theFallbackIsTheWiderNetwork() {
        let four = key(.client, "203.0.113.5")
        #expect(four.fallback == key(.client, "203.0.113.200").fallback)
        #expect(four.fallback != key(.client, "203.0.114.5").fallback)
        #expect(four.fallback != four.own)
        let six = key(.client, "2001:db8:0:1::1")
        #expect(six.fallback == key(.client, "2001:db8:0:ffff::1").fallback)
        #expect(six.fallback != key(.client, "2001:db8:1::1").fallback)
    }

    @Test func aNetworkWiderThanTheFallbackIsItsOwn() {
        let wide = LimitKey.clientPrefix(ClientPrefix(ipv4: 16, ipv6: 32))
        for client in ["203.0.113.5", "2001:db8::1"] {
            let key = key(wide, client)
            #expect(key.own == key.fallback)
        }
        #expect(key(wide, "203.0.113.5").own == key(wide, "203.0.0.1").own)
        #expect(key(wide, "203.0.113.5").own != key(wide, "203.1.113.5").own)
    }

    @Test func networksOfDifferentSizesDiffer() {
        let sizes = (1...32).map { key(.clientPrefix(ClientPrefix(ipv4: $0, ipv6: 64)), "0.0.0.0").own }
        #expect(Set(sizes).count == 32)
    }

    @Test func familiesDiffer() {
        #expect(key(.client, "0.0.0.1").own != key(.client, "::1").own)
        #expect(
            key(.clientPrefix(ClientPrefix(ipv4: 32, ipv6: 32)), "0.0.0.0").own
                != key(.clientPrefix(ClientPrefix(ipv4: 32, ipv6: 32)), "::").own
        )
    }

    @Test func aHeaderCountsByItsValueWhoeverSendsIt() {
        let header = LimitKey.header("x-api-key")
        let a = key(header, fields: [("X-Api-Key", "alpha")])
        #expect(a.own == key(header, "2001:db8::1", fields: [("x-api-key", "alpha ")]).own)
        #expect(a.own != key(header, fields: [("X-Api-Key", "beta")]).own)
        #expect(a.own != key(header, fields: [("X-Api-Key", "Alpha")]).own)
        #expect(a.fallback == key(header, "2001:db8::1", fields: [("X-Api-Key", "beta")]).fallback)
        #expect(a.own != a.fallback)
    }

    @Test func anAbsentOrEmptyHeaderCountsTheClient() {
        let header = LimitKey.header("x-api-key")
        #expect(key(header).own == key(.client).own)
        #expect(key(header).fallback == key(.client).fallback)
        #expect(key(header, fields: [("X-Api-Key", " \t")]).own == key(.client).own)
        #expect(key(header, fields: [("X-Other", "a")]).own == key(.client).own)
    }

    @Test func allIsOneKey() {
        #expect(key(.all, "203.0.113.5").own == key(.all, "2001:db8::1", fields: [("A", "b")]).own)
        #expect(key(.all).own == key(.all).fallback)
    }

    /// A header's value is any bytes of a client's choice, the ones that other keys are made of among them.
    @Test func noHeaderValueCollidesWithAnotherKindOfKey() {
        var others: Set<QuotaKey> = [key(.all).own]
        for client in ["203.0.113.5", "::1", "0.0.0.0", "::", "2001:db8::1"] {
            others.formUnion([key(.client, client).own, key(.client, client).fallback])
        }
        let header = LimitKey.header("k")
        others.insert(key(header, fields: [("k", "x")]).fallback)
        let bytes: [[UInt8]] = [
            [UInt8](repeating: 0, count: 24),
            [UInt8](repeating: 0, count: 8) + [0, 0, 0, 0, 203, 0, 113, 5] + [UInt8](repeating: 0, count: 7) + [32],
            [4], [5], [0],
        ]
        for value in bytes {
            let own = value.withUnsafeBytes { QuotaKey(keys.quotaKey(kind: 3, bytes: $0)) }
            #expect(!others.contains(own))
        }
        for value in ["client", "all", "203.0.113.5", "203.0.113.5/32", "\u{1}", "\u{4}", "\u{5}"] {
            #expect(!others.contains(key(header, fields: [("k", value)]).own), "\(value)")
        }
    }

    @Test func tenThousandKeysOfAllKindsDiffer() {
        var generator = SeededGenerator.printed()
        var inputs: Set<String> = []
        var seen: Set<QuotaKey> = []
        for _ in 0..<10_000 {
            let word = UInt32.random(in: .min ... .max, using: &generator)
            switch generator.below(3) {
            case 0:
                let client = IPAddress(ipv4: word).description
                guard inputs.insert("client \(client)").inserted else { continue }
                seen.insert(key(.client, client).own)
            case 1:
                let client = IPAddress(ipv6High: 0x2001_0DB8_0000_0000 | UInt64(word), low: 0).description
                guard inputs.insert("client \(client)").inserted else { continue }
                seen.insert(key(.client, client).own)
            default:
                let value = String(word, radix: 36)
                guard inputs.insert("header \(value)").inserted else { continue }
                seen.insert(key(.header("k"), fields: [("k", value)]).own)
            }
        }
        #expect(seen.count == inputs.count)
    }

    /// Another spelling of a key would be an empty bucket: every quota refilled by an upgrade, every override lost.
    @Test func theSpellingOfKeysNeverChanges() {
        func spelled(_ kind: UInt8, _ bytes: [UInt8]) -> QuotaKey {
            bytes.withUnsafeBytes { QuotaKey(keys.quotaKey(kind: kind, bytes: $0)) }
        }
        func word(_ last: UInt8) -> [UInt8] { [UInt8](repeating: 0, count: 7) + [last] }
        let network4: [UInt8] = word(0) + [0, 0, 0, 0, 203, 0, 113, 0]
        #expect(key(.client).own == spelled(1, word(0) + [0, 0, 0, 0, 203, 0, 113, 5] + word(32)))
        #expect(key(.client).fallback == spelled(1, network4 + word(24)))
        let network6: [UInt8] = [0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0] + word(0)
        #expect(key(.client, "2001:db8::1").own == spelled(2, network6 + word(64)))
        #expect(key(.client, "2001:db8::1").fallback == spelled(2, network6 + word(48)))
        #expect(key(.header("k"), fields: [("k", "v")]).own == spelled(3, Array("v".utf8)))
        #expect(key(.all).own == spelled(4, []))
        #expect(key(.header("k"), fields: [("k", "v")]).fallback == spelled(5, []))
    }

    @Test func aClientComesFromThreeNetworks() throws {
        let keys = try keyRing()
        func prefixes(_ address: String) -> PrefixKeys { QuotaKeys.prefixes(ip(address), keys) }
        func shared(_ one: String, _ other: String) -> [Bool] {
            let (one, other) = (prefixes(one), prefixes(other))
            return [one.address == other.address]
                + zip(one.neighbourhoods, other.neighbourhoods).map { $0 == $1 }
        }
        #expect(prefixes("203.0.113.5").neighbourhoods.count == 2)
        #expect(shared("203.0.113.5", "203.0.113.5") == [true, true, true])
        #expect(shared("203.0.113.5", "203.0.113.6") == [false, true, true])
        #expect(shared("203.0.113.5", "203.0.1.5") == [false, false, true])
        #expect(shared("203.0.113.5", "203.1.113.5") == [false, false, false])
        #expect(shared("2001:db8:0:1::1", "2001:db8:0:1:ffff::") == [true, true, true])
        #expect(shared("2001:db8:0:1::1", "2001:db8:0:2::1") == [false, true, true])
        #expect(shared("2001:db8:0:1::1", "2001:db8:0:101::1") == [false, false, true])
        #expect(shared("2001:db8:0:1::1", "2001:db8:1:1::1") == [false, false, false])
        // It is the same address that limits count.
        #expect(prefixes("203.0.113.5").address == key(.client).own)
    }

    @Test func keysOfAnotherClusterAreOthers() throws {
        let other = try keyRing(cluster: 8)
        let theirs = QuotaKeys.key(
            .client,
            head: head(),
            client: ip("203.0.113.5"),
            clientPrefix: ClientPrefix(),
            keys: other
        )
        #expect(theirs.own != key(.client).own)
        // But an epoch changes nothing: a quota is no less used after a rotation.
        let later = QuotaKeys.key(
            .client,
            head: head(),
            client: ip("203.0.113.5"),
            clientPrefix: ClientPrefix(),
            keys: try keyRing(epochs: [1, 2, 3])
        )
        #expect(later.own == key(.client).own)
    }
}
