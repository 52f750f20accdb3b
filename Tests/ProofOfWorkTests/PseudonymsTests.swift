import Testing

@testable import ProofOfWork

/// Names for clients in logs.
@Suite struct PseudonymsTests {
    @Test func aNameTellsClientsApartAndNothingElse() {
        let pseudonyms = Pseudonyms()
        let addresses: [(high: UInt64, low: UInt64, isIPv4: Bool)] = [
            (0, 1, true), (0, 1, false), (0, 2, true), (1, 0, false), (0, 1 << 32, false), (.max, .max, false),
        ]
        let names = addresses.map { pseudonyms.text(high: $0.high, low: $0.low, isIPv4: $0.isIPv4) }
        #expect(Set(names).count == names.count)
        for name in names {
            #expect(name.utf8.count == 16 && name.allSatisfy { $0.isHexDigit && !$0.isUppercase }, "\(name)")
        }
        #expect(addresses.map { pseudonyms.text(high: $0.high, low: $0.low, isIPv4: $0.isIPv4) } == names)
    }

    @Test func eachValueHasItsOwnKey() {
        let names = (0..<100).map { _ in Pseudonyms().text(high: 0, low: 0x7F00_0001, isIPv4: true) }
        #expect(Set(names).count == names.count)
    }
}
