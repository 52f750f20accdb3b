import Testing

@testable import Settings

@Suite struct PrefixTests {
    @Test(arguments: [
        ("192.0.2.0/24", "192.0.2.0/24"), ("192.0.2.7", "192.0.2.7/32"), ("0.0.0.0/0", "0.0.0.0/0"), ("::/0", "::/0"),
        ("2001:db8::/32", "2001:db8::/32"), ("2001:DB8::7", "2001:db8::7/128"),
        ("2001:db8:0:0:8000::/65", "2001:db8:0:0:8000::/65"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"), ("::ffff:0:0/96", "0.0.0.0/0"), ("128.0.0.0/1", "128.0.0.0/1"),
    ])
    func `A prefix is read and written`(text: String, canonical: String) throws {
        let prefix = try #require(IPPrefix(text))
        #expect(prefix.description == canonical)
        #expect(IPPrefix(canonical) == prefix)
    }

    @Test(arguments: [
        ("", IPPrefix.Problem.notAnAddress), ("/24", .notAnAddress), ("192.0.2/24", .notAnAddress),
        ("192.0.2.0/", .badLength),
        ("192.0.2.0/33", .badLength), ("192.0.2.0/-1", .badLength), ("192.0.2.0/+8", .badLength),
        ("192.0.2.0/024", .badLength),
        ("192.0.2.0/24/8", .badLength), ("192.0.2.0/ 24", .badLength), ("::/129", .badLength),
        ("192.0.2.0/99999999999999999999", .badLength),
        ("::ffff:192.0.2.0/24", .badLength), ("::ffff:0.0.0.0/95", .badLength), ("192.0.2.0/24 ", .badLength),
    ])
    func `What is no prefix is refused`(text: String, problem: IPPrefix.Problem) {
        #expect(throws: problem) { try IPPrefix(parsing: text) }
        #expect(IPPrefix(text) == nil)
    }

    @Test(arguments: [
        ("192.0.2.7/24", "192.0.2.0/24"), ("2001:db8::1/64", "2001:db8::/64"), ("10.0.0.1/0", "0.0.0.0/0"),
        ("2001:db8::1/127", "2001:db8::/127"),
    ])
    func `Bits after the prefix are an error that says what was meant`(text: String, meant: String) throws {
        let network = try #require(IPPrefix(meant))
        #expect(throws: IPPrefix.Problem.hostBitsSet(meant: network)) { try IPPrefix(parsing: text) }
    }

    @Test func `A prefix holds its first and last address and not their neighbours`() throws {
        let four = try #require(IPPrefix("192.0.2.64/26"))
        for (text, inside) in [
            ("192.0.2.63", false), ("192.0.2.64", true), ("192.0.2.127", true), ("192.0.2.128", false),
        ] {
            #expect(four.contains(try #require(IPAddress(text))) == inside)
        }
        let six = try #require(IPPrefix("2001:db8:0:1::/64"))
        for (text, inside) in [
            ("2001:db8:0:0:ffff:ffff:ffff:ffff", false), ("2001:db8:0:1::", true),
            ("2001:db8:0:1:ffff:ffff:ffff:ffff", true), ("2001:db8:0:2::", false),
        ] { #expect(six.contains(try #require(IPAddress(text))) == inside) }
        #expect(try !#require(IPPrefix("::/0")).contains(IPAddress(ipv4: 1)))
        #expect(try !#require(IPPrefix("0.0.0.0/0")).contains(IPAddress(ipv6High: 0, low: 1)))
    }

    @Test func `Lengths out of bounds are clamped`() throws {
        let address = try #require(IPAddress("192.0.2.7"))
        #expect(address.prefix(-5).description == "0.0.0.0/0")
        #expect(address.prefix(99).description == "192.0.2.7/32")
        #expect(try #require(IPAddress("2001:db8:1:2:3::4")).prefix(48).description == "2001:db8:1::/48")
        // A mapped network must not come out of masking an IPv6 address: the first 96 bits of one are not those of
        // another.
        #expect(IPAddress(ipv6High: 0, low: 0xFFFE_0000_0001).prefix(80).description == "::/80")
    }

    @Test func `A client is its network`() throws {
        let prefix = ClientPrefix(ipv4: 24, ipv6: 56)
        #expect(prefix.prefix(of: try #require(IPAddress("192.0.2.7"))).description == "192.0.2.0/24")
        #expect(prefix.prefix(of: try #require(IPAddress("2001:db8:1:2ff::4"))).description == "2001:db8:1:200::/56")
    }

    /// What `PrefixSet` promises, one prefix at a time, by comparing bits as text.
    private func slowContains(_ prefixes: [IPPrefix], _ address: IPAddress) -> Bool {
        func bits(_ address: IPAddress) -> String {
            func padded(_ value: UInt64, _ width: Int) -> String {
                let digits = String(value, radix: 2)
                return String(repeating: "0", count: width - digits.count) + digits
            }
            return address.isIPv4 ? padded(address.low, 32) : padded(address.high, 64) + padded(address.low, 64)
        }
        return prefixes.contains {
            $0.address.isIPv4 == address.isIPv4 && bits(address).hasPrefix(bits($0.address).prefix($0.bits))
        }
    }

    @Test func `A set agrees with looking at each prefix`() {
        var random = SeededGenerator(seed: printedSeed())
        // Few distinct bits, so that prefixes nest and addresses hit.
        func address() -> IPAddress {
            let high = UInt64.random(in: 0...3, using: &random) << 62 | UInt64.random(in: 0...1, using: &random) << 32
            let low = UInt64.random(in: 0...3, using: &random) << 62 | UInt64.random(in: 0...3, using: &random)
            return Bool.random(using: &random)
                ? IPAddress(ipv4: UInt32(truncatingIfNeeded: high >> 32 | low)) : IPAddress(ipv6High: high, low: low)
        }
        var hits = 0
        for _ in 0..<300 {
            let prefixes = (0..<Int.random(in: 0...20, using: &random)).map { _ -> IPPrefix in
                let address = address()
                return address.prefix(Int.random(in: 0...address.bitWidth, using: &random))
            }
            let set = PrefixSet(prefixes)
            #expect(set.prefixes.count <= prefixes.count)
            #expect(set == PrefixSet(prefixes.reversed()))
            for _ in 0..<50 {
                let address = address()
                let expected = slowContains(prefixes, address)
                hits += expected ? 1 : 0
                #expect(set.contains(address) == expected, "\(prefixes) \(address)")
            }
        }
        #expect(hits > 1_000 && hits < 14_000)
    }

    @Test func `A set of a hundred thousand is exact at every edge`() {
        // 100,000 disjoint /24, every second one: each is surrounded by addresses that are outside.
        let count: UInt32 = 100_000
        let set = PrefixSet((0..<count).reversed().map { IPAddress(ipv4: 0x0100_0000 &+ $0 << 9).prefix(24) })
        #expect(set.prefixes.count == Int(count))
        var wrong = 0
        for index in 0..<count {
            let first = 0x0100_0000 &+ index << 9
            if !set.contains(IPAddress(ipv4: first)) || !set.contains(IPAddress(ipv4: first &+ 255)) { wrong += 1 }
            if set.contains(IPAddress(ipv4: first &- 1)) || set.contains(IPAddress(ipv4: first &+ 256)) { wrong += 1 }
        }
        #expect(wrong == 0)
    }

    @Test(arguments: [
        ("127.0.0.1", true, false), ("::1", true, false), ("10.9.8.7", false, true), ("172.15.0.1", false, false),
        ("172.31.0.1", false, true), ("192.168.0.1", false, true), ("fd00::1", false, true), ("8.8.8.8", false, false),
        ("2001:db8::1", false, false),
    ])
    func `The named sets hold what they say`(text: String, loopback: Bool, isPrivate: Bool) throws {
        let address = try #require(IPAddress(text))
        #expect(PrefixSet.loopback.contains(address) == loopback)
        #expect(PrefixSet.privateNetworks.contains(address) == isPrivate)
        #expect(!PrefixSet([]).contains(address))
    }
}
