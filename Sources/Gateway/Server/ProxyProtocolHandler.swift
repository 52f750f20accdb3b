import NIOCore
import Settings

enum ProxyProtocolEvent: Sendable {
    /// The client that the proxy in front has announced; nil for its own health checks.
    case announced(IPAddress?)
}

/// Takes the PROXY protocol's header, version 1 or 2, off the front of a connection from a trusted peer, and fires
/// ``ProxyProtocolEvent`` before any byte of HTTP. A trusted peer must send one: without it, or with a broken one, the
/// connection is closed. (HAProxy's proxy-protocol.txt, sections 2.1 and 2.2.)
final class ProxyProtocolHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var buffer = ByteBuffer()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        buffer.writeBuffer(&bytes)
        switch ProxyHeader.parse(buffer.readableBytesView) {
        case .incomplete:
            return
        case .malformed:
            context.close(promise: nil)
        case .complete(let length, let address):
            buffer.moveReaderIndex(forwardBy: length)
            context.fireUserInboundEventTriggered(ProxyProtocolEvent.announced(address))
            let rest = buffer
            buffer = ByteBuffer()
            if rest.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(rest)) }
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        }
    }
}

/// The PROXY protocol's header. Pure.
enum ProxyHeader {
    enum Result: Equatable {
        case incomplete
        case malformed
        case complete(length: Int, address: IPAddress?)
    }

    /// Longest header of version 2 that is taken, in bytes: addresses and room for what proxies attach.
    static let version2BytesMax = 4_096
    /// Longest line of version 1, with its end (section 2.1).
    static let version1BytesMax = 107

    private static let signature2: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    private static let signature1 = Array("PROXY ".utf8)

    static func parse(_ view: some Collection<UInt8>) -> Result {
        let bytes = Array(view.prefix(version2BytesMax + 16))
        if bytes.starts(with: signature2) { return parse2(bytes) }
        if bytes.starts(with: signature1) { return parse1(bytes) }
        let isBeginning = signature2.starts(with: bytes) || signature1.starts(with: bytes)
        return isBeginning ? .incomplete : .malformed
    }

    private static func parse1(_ bytes: [UInt8]) -> Result {
        let line = bytes.prefix(version1BytesMax)
        guard let end = line.firstIndex(of: 0x0A) else {
            return bytes.count < version1BytesMax ? .incomplete : .malformed
        }
        guard end > 0, line[end - 1] == 0x0D else { return .malformed }
        let words = line[..<(end - 1)].split(separator: 0x20, omittingEmptySubsequences: false)
        let family = String(decoding: words.count > 1 ? words[1] : [], as: UTF8.self)
        if family == "UNKNOWN" { return .complete(length: end + 1, address: nil) }
        guard words.count == 6, family == "TCP4" || family == "TCP6",
            let source = IPAddress(String(decoding: words[2], as: UTF8.self)),
            IPAddress(String(decoding: words[3], as: UTF8.self)) != nil,
            UInt16(String(decoding: words[4], as: UTF8.self)) != nil,
            UInt16(String(decoding: words[5], as: UTF8.self)) != nil,
            family == "TCP6" || source.isIPv4
        else { return .malformed }
        return .complete(length: end + 1, address: source)
    }

    private static func parse2(_ bytes: [UInt8]) -> Result {
        guard bytes.count >= 16 else { return .incomplete }
        let length = Int(bytes[14]) << 8 | Int(bytes[15])
        guard length <= version2BytesMax, bytes[12] >> 4 == 2 else { return .malformed }
        guard bytes.count >= 16 + length else { return .incomplete }
        let total = 16 + length
        func word(_ start: Int, _ count: Int) -> UInt64 {
            bytes[start..<start + count].reduce(0) { $0 << 8 | UInt64($1) }
        }
        switch (bytes[12] & 0x0F, bytes[13]) {
        case (0, _):
            // LOCAL: the proxy speaks for itself.
            return .complete(length: total, address: nil)
        case (1, 0x11), (1, 0x12):
            guard length >= 12 else { return .malformed }
            return .complete(length: total, address: IPAddress(ipv4: UInt32(word(16, 4))))
        case (1, 0x21), (1, 0x22):
            guard length >= 36 else { return .malformed }
            return .complete(length: total, address: IPAddress(ipv6High: word(16, 8), low: word(24, 8)))
        case (1, 0x00), (1, 0x31), (1, 0x32):
            // Unspecified, or a Unix socket: no address of the Internet.
            return .complete(length: total, address: nil)
        default:
            return .malformed
        }
    }
}
