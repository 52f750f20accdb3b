import Settings
import Testing

@testable import Gateway

/// How much of a client's address is written down.
@Suite struct ClientMaskTests {
    private let mask = ClientMask()

    @Test func itsNetwork() {
        #expect(mask.text(ip("192.0.2.77"), .prefix) == "192.0.2.0/24")
        #expect(mask.text(ip("2001:db8:1:2:3::4"), .prefix) == "2001:db8:1::/48")
        #expect(mask.text(ip("::ffff:192.0.2.77"), .prefix) == "192.0.2.0/24")
    }

    @Test func allOrNothing() {
        #expect(mask.text(ip("192.0.2.77"), .full) == "192.0.2.77")
        #expect(mask.text(ip("2001:db8::1"), .full) == "2001:db8::1")
        #expect(mask.text(ip("192.0.2.77"), .none) == nil)
    }

    @Test func aHashTellsClientsApartAndSaysNothing() throws {
        let one = try #require(mask.text(ip("192.0.2.77"), .hashed))
        #expect(one.utf8.count == 16)
        #expect(one == mask.text(ip("192.0.2.77"), .hashed))
        #expect(one != mask.text(ip("192.0.2.78"), .hashed))
        // One client, whatever the host makes of its half.
        #expect(mask.text(ip("2001:db8::1"), .hashed) == mask.text(ip("2001:db8::ffff:1"), .hashed))
        #expect(mask.text(ip("2001:db8::1"), .hashed) != mask.text(ip("2001:db8:0:1::1"), .hashed))
        #expect(mask.text(ip("0.0.0.1"), .hashed) != mask.text(ip("::1"), .hashed))
        // Another start, another key.
        #expect(one != ClientMask().text(ip("192.0.2.77"), .hashed))
    }
}
