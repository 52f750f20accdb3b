import NIOCore
import NIOHTTP1

/// A connection of a probe. Whatever it sends, and however slowly, it is served for a fixed time.
final class ProbeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// From the beginning of the connection until its first request is complete.
    static let requestTimeout = TimeAmount.seconds(10)
    /// From an answer until the next request is complete; long enough for those who ask every quarter of a minute over
    /// the same connection.
    static let keepAliveTimeout = TimeAmount.seconds(30)
    /// From the last answer until the client has closed.
    static let lingerTimeout = TimeAmount.seconds(2)

    private let isReady: @Sendable () -> Bool
    private var head: HTTPRequestHead?
    private var isFinished = false
    private var deadline: Scheduled<Void>?

    init(isReady: @escaping @Sendable () -> Bool) {
        self.isReady = isReady
    }

    func handlerAdded(context: ChannelHandlerContext) {
        closeAfter(Self.requestTimeout, context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isFinished else { return }
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head else { return }
            self.head = nil
            answer(head, context)
        }
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        // Who asks and asks, and takes no answer, would have them kept here.
        guard context.channel.isWritable else { return context.close(promise: nil) }
        let path = head.uri.prefix { $0 != "?" }
        let status: HTTPResponseStatus
        let text: String
        switch (head.method, path) {
        case (.GET, "/healthz"), (.HEAD, "/healthz"): (status, text) = (.ok, "ok\n")
        case (.GET, "/readyz"), (.HEAD, "/readyz"):
            (status, text) = isReady() ? (.ok, "ready\n") : (.serviceUnavailable, "not ready: shutting down\n")
        case (.GET, _), (.HEAD, _): (status, text) = (.notFound, "There is /healthz and /readyz.\n")
        default: (status, text) = (.methodNotAllowed, "GET or HEAD.\n")
        }
        var headers = HTTPHeaders()
        headers.add(name: "Content-Type", value: "text/plain; charset=utf-8")
        headers.add(name: "Cache-Control", value: "no-store")
        headers.add(name: "Content-Length", value: String(text.utf8.count))
        if status == .methodNotAllowed { headers.add(name: "Allow", value: "GET, HEAD") }
        if !head.isKeepAlive { headers.add(name: "Connection", value: "close") }
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))),
            promise: nil
        )
        if head.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        isFinished = !head.isKeepAlive
        if isFinished { context.close(mode: .output, promise: nil) }
        closeAfter(isFinished ? Self.lingerTimeout : Self.keepAliveTimeout, context)
    }

    private func closeAfter(_ time: TimeAmount, _ context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: time) { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
