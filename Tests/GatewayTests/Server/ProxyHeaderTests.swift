import NIOCore
import NIOEmbedded
import Settings
import Testing

@testable import Gateway

/// HAProxy's proxy-protocol.txt, sections 2.1 and 2.2.
@Suite struct ProxyHeaderTests {
    static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

    static func version2(_ command: UInt8, _ family: UInt8, _ body: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? body.count
        return signature + [0x20 | command, family, UInt8(length >> 8), UInt8(length & 255)] + body
    }

    static let ipv4Body: [UInt8] = [203, 0, 113, 5, 10, 0, 0, 1, 0x12, 0x34, 0x00, 0x50]
    static let ipv6Body: [UInt8] =
        [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [7] + [UInt8](repeating: 1, count: 16) + [
            0, 1, 0, 2,
        ]

    static let good: [(bytes: [UInt8], address: IPAddress?)] = [
        (Array("PROXY TCP4 203.0.113.5 10.0.0.1 4711 80\r\n".utf8), ip("203.0.113.5")),
        (Array("PROXY TCP6 2001:db8::7 ::1 65535 0\r\n".utf8), ip("2001:db8::7")),
        (Array("PROXY TCP6 ::ffff:203.0.113.5 ::1 1 2\r\n".utf8), ip("203.0.113.5")),
        (Array("PROXY UNKNOWN\r\n".utf8), nil),
        (Array("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n".utf8), nil),
        (version2(1, 0x11, ipv4Body), ip("203.0.113.5")),
        (version2(1, 0x12, ipv4Body + [4, 0, 1, 0]), ip("203.0.113.5")),
        (version2(1, 0x21, ipv6Body), ip("2001:db8::7")),
        (version2(1, 0x22, ipv6Body + [UInt8](repeating: 9, count: 4_060)), ip("2001:db8::7")),
        (version2(0, 0x00, []), nil),
        (version2(0, 0x11, ipv4Body), nil),
        (version2(1, 0x00, []), nil),
        (version2(1, 0x31, [UInt8](repeating: 0x2F, count: 216)), nil),
    ]

    @Test func headersAreRead() {
        for (bytes, address) in Self.good {
            #expect(ProxyHeader.parse(bytes) == .complete(length: bytes.count, address: address), "\(text(bytes))")
            // What follows belongs to HTTP.
            let more = bytes + Array("GET / HTTP/1.1\r\n\r\n".utf8)
            #expect(ProxyHeader.parse(more) == .complete(length: bytes.count, address: address), "\(text(bytes))")
        }
    }

    @Test func everyPrefixIsIncomplete() {
        for (bytes, _) in Self.good {
            for count in bytes.indices {
                #expect(ProxyHeader.parse(bytes.prefix(count)) == .incomplete, "\(count) bytes of \(text(bytes))")
            }
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n", "PROXX", "proxy TCP4 203.0.113.5 10.0.0.1 1 2\r\n", "PROXY\r\n", "\r\n\r\nx",
        "PROXY \r\n",
        "PROXY TCP4\r\n", "PROXY TCP4 203.0.113.5 10.0.0.1 1\r\n", "PROXY TCP4 203.0.113.5 10.0.0.1 1 2 3\r\n",
        "PROXY TCP4 203.0.113.5 10.0.0.1 1 65536\r\n", "PROXY TCP4 203.0.113.5 10.0.0.1 -1 2\r\n",
        "PROXY TCP4  203.0.113.5 10.0.0.1 1 2\r\n", "PROXY TCP4 203.0.113 10.0.0.1 1 2\r\n",
        "PROXY TCP4 203.0.113.5 x 1 2\r\n", "PROXY TCP4 2001:db8::7 ::1 1 2\r\n",
        "PROXY TCP5 203.0.113.5 10.0.0.1 1 2\r\n",
        "PROXY tcp4 203.0.113.5 10.0.0.1 1 2\r\n", "PROXY TCP4 203.0.113.5 10.0.0.1 1 2\n", "PROXY UNKNOWN\n",
        "PROXY UNKNOWNX\r\n", "PROXY \n",
    ]) func badLinesAreMalformed(_ line: String) { #expect(ProxyHeader.parse(Array(line.utf8)) == .malformed) }

    @Test func linesAreBounded() {
        let longest = "PROXY UNKNOWN " + String(repeating: "x", count: 107 - 16) + "\r\n"
        #expect(longest.utf8.count == ProxyHeader.version1BytesMax)
        #expect(ProxyHeader.parse(Array(longest.utf8)) == .complete(length: 107, address: nil))
        let tooLong = "PROXY UNKNOWN " + String(repeating: "x", count: 107 - 15) + "\r\n"
        #expect(ProxyHeader.parse(Array(tooLong.utf8)) == .malformed)
        #expect(ProxyHeader.parse(Array(String(repeating: "PROXY ", count: 100).utf8)) == .malformed)
    }

    @Test func badBinaryHeadersAreMalformed() {
        let bad: [[UInt8]] = [
            Self.version2(1, 0x11, Array(Self.ipv4Body.dropLast())),
            Self.version2(1, 0x21, Array(Self.ipv6Body.dropLast())),
            Self.version2(1, 0x21, Self.ipv4Body), Self.version2(1, 0x11, []), Self.version2(2, 0x11, Self.ipv4Body),
            Self.version2(15, 0x11, Self.ipv4Body),
            Self.signature + [0x11, 0x11, 0, 12] + Self.ipv4Body, Self.signature + [0x31, 0x11, 0, 12] + Self.ipv4Body,
            // Longer than is taken: refused before it arrives.
            Self.version2(1, 0x11, Self.ipv4Body, length: 4_097), Self.version2(0, 0, [], length: 65_535),
        ]
        for bytes in bad { #expect(ProxyHeader.parse(bytes) == .malformed, "\(bytes)") }
    }

    /// A port is digits (section 2.1), so a sign makes none.
    @Test func aSignIsNoPartOfAPort() {
        #expect(ProxyHeader.parse(Array("PROXY TCP4 203.0.113.5 10.0.0.1 +1 2\r\n".utf8)) == .malformed)
    }

    /// The family names the form of both addresses (section 2.1).
    @Test func addressesAreOfTheFamilyThatIsNamed() {
        #expect(ProxyHeader.parse(Array("PROXY TCP4 203.0.113.5 ::1 1 2\r\n".utf8)) == .malformed)
        #expect(ProxyHeader.parse(Array("PROXY TCP6 203.0.113.5 ::1 1 2\r\n".utf8)) == .malformed)
    }

    @Test func mutationsNeverCrashAndNeverTakeMoreThanIsThere() {
        var generator = SeededGenerator.printed()
        for _ in 0..<20_000 {
            var bytes = generator.mutated(generator.pick(Self.good).bytes)
            if generator.chance(20) { bytes = Self.signature + generator.bytes(generator.below(60)) }
            if generator.chance(10) { bytes = generator.bytes(generator.below(40)) }
            switch ProxyHeader.parse(bytes) {
            case .complete(let length, _):
                #expect(length > 0 && length <= bytes.count, "\(bytes)")
                // It ends where it ends, whatever follows, and is incomplete before.
                #expect(ProxyHeader.parse(bytes.prefix(length)) == ProxyHeader.parse(bytes + [0]), "\(bytes)")
                #expect(ProxyHeader.parse(bytes.prefix(length - 1)) == .incomplete, "\(bytes)")
            case .incomplete:
                #expect(bytes.count < 16 + ProxyHeader.version2BytesMax, "\(bytes)")
            case .malformed:
                // More bytes do not mend it.
                #expect(ProxyHeader.parse(bytes + generator.bytes(20)) == .malformed, "\(bytes)")
            }
        }
    }

    // MARK: In a pipeline

    private final class Recorder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var log: [String] = []
        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .announced(let address)? = event as? ProxyProtocolEvent {
                log.append("announced \(address?.description ?? "nobody")")
            }
        }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            log.append("read " + String(buffer: unwrapInboundIn(data)))
        }
    }

    @Test func inAnyPiecesTheClientIsAnnouncedBeforeTheFirstByteOfHTTP() throws {
        var generator = SeededGenerator.printed()
        for (bytes, address) in Self.good {
            for _ in 0..<20 {
                let recorder = Recorder()
                let channel = EmbeddedChannel(handlers: [ProxyProtocolHandler(), recorder])
                var rest = (bytes + Array("GET".utf8))[...]
                while !rest.isEmpty {
                    let piece = rest.prefix(1 + generator.below(generator.pick([2, 20, 5_000])))
                    rest = rest.dropFirst(piece.count)
                    try channel.writeInbound(ByteBuffer(bytes: piece))
                }
                #expect(recorder.log.first == "announced \(address?.description ?? "nobody")")
                #expect(recorder.log.dropFirst().map { $0.dropFirst(5) }.joined() == "GET")
                // The handler has gone: what comes next passes as it is.
                try channel.writeInbound(ByteBuffer(string: "PROXY UNKNOWN\r\n"))
                #expect(recorder.log.last == "read PROXY UNKNOWN\r\n")
                _ = try channel.finish(acceptAlreadyClosed: true)
            }
        }
    }

    @Test func withoutAHeaderTheConnectionIsClosedUnheard() throws {
        for text in ["GET / HTTP/1.1\r\n\r\n", "PROXY TCP4 x\r\nGET / HTTP/1.1\r\n\r\n"] {
            let recorder = Recorder()
            let channel = EmbeddedChannel(handlers: [ProxyProtocolHandler(), recorder])
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            try channel.writeInbound(ByteBuffer(string: text))
            #expect(!channel.isActive)
            #expect(recorder.log.isEmpty)
            _ = try channel.finish(acceptAlreadyClosed: true)
        }
    }
}
