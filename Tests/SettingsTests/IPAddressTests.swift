import Glibc
import Testing

@testable import Settings

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("0.0.0.0", 0), ("127.0.0.1", 0x7F00_0001), ("255.255.255.255", 0xFFFF_FFFF), ("192.0.2.7", 0xC000_0207),
        ("::ffff:192.0.2.7", 0xC000_0207), ("::ffff:c000:207", 0xC000_0207), ("::FFFF:0:0", 0),
        ("0:0:0:0:0:ffff:1.2.3.4", 0x0102_0304), ("0000:0000:0000:0000:0000:ffff:255.255.255.255", 0xFFFF_FFFF),
    ])
    func `IPv4 and what maps it is read`(text: String, bits: Int) throws {
        let address = try #require(IPAddress(text))
        #expect(address == IPAddress(ipv4: UInt32(bits)))
        #expect(address.isIPv4)
    }

    @Test(arguments: [
        ("::", 0, 0), ("::1", 0, 1), ("1::", 0x0001_0000_0000_0000, 0), ("2001:db8::1", 0x2001_0DB8_0000_0000, 1),
        ("2001:0DB8:0000:0000:0000:0000:0000:0001", 0x2001_0DB8_0000_0000, 1),
        ("1:2:3:4:5:6:7:8", 0x0001_0002_0003_0004, 0x0005_0006_0007_0008),
        ("1:2:3:4:5:6:7::", 0x0001_0002_0003_0004, 0x0005_0006_0007_0000),
        ("::2:3:4:5:6:7:8", 0x0000_0002_0003_0004, 0x0005_0006_0007_0008), ("::1.2.3.4", 0, 0x0102_0304),
        ("64:ff9b::192.0.2.33", 0x0064_FF9B_0000_0000, 0xC000_0221),
        ("::fffe:1.2.3.4", 0, 0xFFFE_0102_0304), ("1::ffff:1.2.3.4", 0x0001_0000_0000_0000, 0xFFFF_0102_0304),
    ])
    func `IPv6 is read`(text: String, high: Int, low: Int) throws {
        let address = try #require(IPAddress(text))
        #expect((address.high, address.low) == (UInt64(high), UInt64(low)))
        #expect(!address.isIPv4)
    }

    @Test(arguments: [
        "", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "01.2.3.4", "1.2.3.04", "1.2.3.00",
        "256.1.1.1",
        "1.2.3.256", "1.2.3.999999999999", "1.2.3.-4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4\n", "1.2.3.4\0", "0x7f.1.1.1",
        "127.1",
        "2130706433", "1.2.3.4:80", "1.2.3.4/32", "１.2.3.4", ":", ":::", "1:", ":1", "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1::2::3", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "12345::", "::12345", "g::",
        "::1%eth0",
        "[::1]", "[::1]:80", "::1/128", "1.2.3.4::", "::1.2.3", "::1.2.3.04", "::1.2.3.4.5", "::1.2.3.4:5",
        "1:2:3:4:5:6:7:1.2.3.4", "::ffff:256.1.1.1", "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555", "::-1", "::+1",
        "0::0x1",
    ])
    func `What is not one address is refused`(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(arguments: [
        // RFC 5952, sections 1 and 4.
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:0db8::0001", "2001:db8::1"),
        ("2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ("2001:DB8::A", "2001:db8::a"),
        ("0:0:0:0:0:0:0:0", "::"), ("0:0:0:0:0:0:0:1", "::1"), ("1:0:0:0:0:0:0:0", "1::"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1"), ("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"),
        ("0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"),
    ])
    func `Text is canonical`(text: String, canonical: String) throws {
        #expect(try #require(IPAddress(text)).description == canonical)
    }

    @Test func `Text reads back as the same value`() throws {
        var random = SeededGenerator(seed: printedSeed())
        for _ in 0..<20_000 {
            // Groups are often zero, as runs of them are what text is about.
            let address: IPAddress
            if Bool.random(using: &random) {
                address = IPAddress(ipv4: UInt32.random(in: 0...UInt32.max, using: &random))
            } else {
                func half() -> UInt64 {
                    (0..<4).reduce(0) { half, _ in
                        half << 16 | (Bool.random(using: &random) ? 0 : UInt64.random(in: 0...0xFFFF, using: &random))
                    }
                }
                address = IPAddress(ipv6High: half(), low: half())
            }
            #expect(IPAddress(address.description) == address)
        }
    }

    @Test func `Reading agrees with the system's inet_pton`() {
        var random = SeededGenerator(seed: printedSeed())
        let starts = [
            "1.2.3.4", "255.250.25.1", "2001:db8::1", "::ffff:1.2.3.4", "1:2:3:4:5:6:7:8", "::", "fe80::a:b",
            "1:2:3:4:5:6:1.2.3.4",
        ]
        let alphabet = Array("0123456789abcdefABCDEFg:::...%/ ".utf8)
        var accepted = 0
        for _ in 0..<50_000 {
            var bytes = Array(starts.randomElement(using: &random)!.utf8)
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                let index = Int.random(in: 0...bytes.count, using: &random)
                let byte = alphabet.randomElement(using: &random)!
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes.insert(byte, at: index)
                case 1 where index < bytes.count: bytes.remove(at: index)
                case _ where index < bytes.count: bytes[index] = byte
                default: bytes.append(byte)
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            let ours = bytes.withUnsafeBytes { IPAddress(utf8: $0) }
            #expect(ours == systemAddress(text), "\(text)")
            accepted += ours == nil ? 0 : 1
        }
        // The comparison means something only if it saw both kinds.
        #expect(accepted > 5_000 && accepted < 45_000)
    }

    private func systemAddress(_ text: String) -> IPAddress? {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return IPAddress(ipv4: UInt32(bigEndian: four.s_addr)) }
        var six = [UInt64](repeating: 0, count: 2)
        guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        return IPAddress(ipv6High: UInt64(bigEndian: six[0]), low: UInt64(bigEndian: six[1]))
    }

    @Test func `Families are told apart where numbers are equal`() throws {
        let four = try #require(IPAddress("0.0.0.1"))
        let six = try #require(IPAddress("::1"))
        #expect((four.high, four.low) == (six.high, six.low))
        #expect(four != six)
        #expect(four < six)
        #expect(!four.isLoopback)
        #expect(six.isLoopback)
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.255.0.9", true), ("128.0.0.1", false), ("::1", true), ("::2", false),
        ("::ffff:127.0.0.1", true), ("1::1", false),
    ])
    func `Loopback is known`(text: String, isLoopback: Bool) throws {
        #expect(try #require(IPAddress(text)).isLoopback == isLoopback)
    }
}
