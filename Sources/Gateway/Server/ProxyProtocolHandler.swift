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
