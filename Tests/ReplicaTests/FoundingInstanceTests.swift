import Testing
import Wire

@testable import Replica

struct FoundingInstanceTests {
    func seed(_ name: String, _ address: String) -> FoundingSeed { FoundingSeed(name: name, address: address) }

    /// What OpenSSL computes: `openssl mac -macopt size:16 -macopt hexkey:0001…0f SIPHASH`.
    @Test func `the hash is SipHash with 128 bits`() {
        let key: (UInt64, UInt64) = (0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908)
        let expected: [(UInt8, UInt64, UInt64)] = [
            (0, 0xA381_7F04_BA25_A8E6, 0x6DF6_7214_C755_0293),
            (1, 0xDA87_C1D8_6B99_AF44, 0x3476_5911_9B22_FC45),
            (7, 0xA1F1_EBBE_D8DB_C153, 0xC0B8_4AA6_1FF0_8239),
            (8, 0x3B62_A9BA_6258_F561, 0x0F83_E264_F314_97B4),
            (15, 0x5493_E999_33B0_A811, 0x7E08_EC0F_97CF_C3D9),
            (63, 0x5150_D177_2F50_834A, 0x503E_069A_973F_BD7C),
        ]
        for (count, high, low) in expected {
            let instance = FoundingInstance(hashing: Array(0..<count), key: key)
            #expect(instance == FoundingInstance(high: high, low: low))
        }
    }

    @Test func `the order in which seeds are written down does not matter`() throws {
        let one = try FoundingSeeds([seed("a", "h:1"), seed("b", "h:2"), seed("c", "h:3")])
        let other = try FoundingSeeds([seed("c", "h:3"), seed("a", "h:1"), seed("b", "h:2")])
        #expect(one == other)
        #expect(FoundingInstance(one) == FoundingInstance(other))
    }

    @Test func `every difference of two lists gives another name`() throws {
        let lists = [
            [seed("a", "h:1"), seed("b", "h:2")],
            [seed("a", "h:1"), seed("b", "h:3")],
            [seed("a", "h:1"), seed("c", "h:2")],
            [seed("a", "h:1")],
            [seed("a", "h:1b"), seed("b", "h:2")],
            [seed("ah", ":1"), seed("b", "h:2")],
            [seed("a", "h:1"), seed("b", "h:2"), seed("c", "h:3")],
        ]
        let names = try lists.map { FoundingInstance(try FoundingSeeds($0)) }
        #expect(Set(names).count == lists.count)
    }

    @Test func `lists that cannot found a cluster are refused, and it is said why`() {
        func refusal(_ seeds: [FoundingSeed]) -> FoundingRefusal? {
            do { _ = try FoundingSeeds(seeds) } catch { return error }
            return nil
        }
        let long = String(repeating: "x", count: 256)
        #expect(refusal([]) == .noSeeds)
        #expect(refusal([seed("", "h:1")]) == .badName(""))
        #expect(refusal([seed(long, "h:1")]) == .badName(long))
        #expect(refusal([seed("a", "")]) == .badAddress(""))
        #expect(refusal([seed("a", long)]) == .badAddress(long))
        #expect(refusal([seed("a", "h:1"), seed("a", "h:2")]) == .repeatedName("a"))
        #expect(refusal([seed("a", "h:1"), seed("b", "h:1")]) == .repeatedAddress("h:1"))
        #expect(refusal((0..<65).map { seed("n\($0)", "h:\($0)") }) == .tooManySeeds(count: 65))
        #expect(refusal((0..<64).map { seed("n\($0)", "h:\($0)") }) == nil)
    }
}
