import TestSupport
import Testing
import Wire

@testable import RaftTransport

struct HelloTests {
    private static let hello = Hello(
        versions: 1...3,
        lane: .snapshots,
        identity: NodeIdentity(
            name: "node-ä",
            replica: ReplicaID(high: 1, low: 2),
            cluster: ClusterID(high: 3, low: 4),
            membership: 5,
            address: "node-ä:7400"
        )
    )

    @Test func `a Hello is read as it was written`() throws {
        for cluster in [nil, ClusterID(high: 3, low: 4)] {
            for membership in [nil, 0, UInt64.max] {
                for lane in Lane.allCases {
                    var hello = Self.hello
                    hello.identity.cluster = cluster
                    hello.identity.membership = membership
                    hello.lane = lane
                    #expect(try Hello(decoding: hello.encode(), speaking: 1...1) == hello)
                }
            }
        }
    }

    /// A connection goes on where what was said on it is still so.
    @Test func `to be a member is another thing to say and to know more of the members is not`() {
        let groups: [[UInt64?]] = [[nil, NodeIdentity.undecided], [0, 5, NodeIdentity.undecided - 1]]
        for (place, group) in groups.enumerated() {
            for other in groups.indices {
                for first in group {
                    for second in groups[other] {
                        var (one, two) = (Self.hello.identity, Self.hello.identity)
                        (one.membership, two.membership) = (first, second)
                        #expect(one.saysTheSame(as: two) == (place == other))
                        #expect(one.isMember == (place == 1))
                    }
                }
            }
        }
    }

    @Test func `the longest fits into what is taken before the handshake`() {
        var hello = Self.hello
        hello.identity.name = String(repeating: "n", count: Hello.nameBytesMax)
        hello.identity.address = String(repeating: "a", count: Hello.nameBytesMax)
        #expect(hello.encode().count == Hello.encodedBytesMax)
        #expect(Hello.encodedBytesMax + Frame.headBytes <= TransportSettings().handshakeBytesMax)
        #expect(1 + 4 + Refusal.textBytesMax + Frame.headBytes <= TransportSettings().handshakeBytesMax)
    }

    @Test func `a Hello that is cut, longer or of another protocol is refused`() {
        let bytes = Self.hello.encode()
        for count in 0..<bytes.count {
            #expect(throws: HelloError.self) { try Hello(decoding: Array(bytes[..<count]), speaking: 1...1) }
        }
        #expect(throws: HelloError.malformed(.trailingBytes(count: 1))) {
            try Hello(decoding: bytes + [0], speaking: 1...1)
        }
        #expect(throws: HelloError.notTollgate) {
            try Hello(decoding: Array("GET / HTTP/1.1\r\n\r\n".utf8), speaking: 1...1)
        }
    }

    @Test func `of a release without a common version no more than its versions is read`() {
        let bytes = Hello.magic + [0, 5, 0, 9] + Array("a form of the future".utf8)
        #expect(throws: HelloError.noCommonVersion(theirs: 5...9)) { try Hello(decoding: bytes, speaking: 1...4) }
        #expect(throws: HelloError.unknownLane(97)) { try Hello(decoding: bytes, speaking: 1...5) }
        #expect(throws: HelloError.emptyVersionRange) {
            try Hello(decoding: Hello.magic + [0, 2, 0, 1], speaking: 1...4)
        }
    }

    @Test func `names that no node can have are refused`() {
        for name in ["", "a\nb", "a\u{0}", "\u{7F}"] {
            var hello = Self.hello
            hello.identity.name = name
            #expect(throws: HelloError.badName) { try Hello(decoding: hello.encode(), speaking: 1...1) }
        }
        var hello = Self.hello
        hello.identity.name = String(repeating: "n", count: 256)
        #expect(throws: HelloError.malformed(.tooLong(length: 256, limit: 255))) {
            try Hello(decoding: hello.encode(), speaking: 1...1)
        }
    }

    @Test func `100,000 random byte strings are read or refused, and one form only is read`() {
        var generator = Seeded(seed())
        let whole = Self.hello.encode()
        for _ in 0..<runs(100_000) {
            var bytes = whole
            for _ in 0..<1 + generator.below(3) {
                switch generator.below(4) {
                case 0 where !bytes.isEmpty:
                    bytes[Int(generator.below(UInt64(bytes.count)))] = UInt8(truncatingIfNeeded: generator.next())
                case 1: bytes = Array(bytes.prefix(Int(generator.below(80))))
                case 2: bytes += (0..<generator.below(20)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
                default: bytes = (0..<generator.below(80)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
                }
            }
            if let hello = try? Hello(decoding: bytes, speaking: 1...3) { #expect(hello.encode() == bytes) }
            if let refusal = try? Refusal(decoding: bytes) {
                #expect(refusal.text.utf8.count <= Refusal.textBytesMax)
            }
        }
    }

    @Test func `a refusal's text is bounded and printable whoever wrote it`() throws {
        let refusal = Refusal(.cluster, "a\u{1B}[31m\nb\u{202E}" + String(repeating: "ä", count: 600))
        #expect(refusal.text.hasPrefix("a?[31m?b?ää"))
        #expect(refusal.text.utf8.count <= Refusal.textBytesMax)
        #expect(try Refusal(decoding: refusal.encode()) == refusal)
        let unknown = Refusal(Refusal.Code(rawValue: 200), "of a later release")
        #expect(try Refusal(decoding: unknown.encode()) == unknown)
    }
}
