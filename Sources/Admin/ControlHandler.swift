import NIOCore
import NIOHTTP1

/// A connection to one of the small servers. Whatever it sends, and however slowly, it is served for a fixed time, and
/// costs no more than a bounded head and a body that is thrown away.
final class ControlHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// From the beginning of the connection until its first request is answered.
    static let requestTimeout = TimeAmount.seconds(10)
    /// From an answer until the next request is answered; long enough for those who ask every quarter of a minute over
    /// the same connection.
    static let keepAliveTimeout = TimeAmount.seconds(30)
    /// From the last answer until the client has closed.
    static let lingerTimeout = TimeAmount.seconds(2)
    /// Largest head, target included, and largest body, in bytes.
    static let headBytesMax = 16 * 1_024
    static let bodyBytesMax = 64 * 1_024

    private let responder: any ControlResponder
    private var context: ChannelHandlerContext?
    private var head: HTTPRequestHead?
    private var bodyBytes = 0
    private var isFinished = false
    private var deadline: Scheduled<Void>?

    init(responder: any ControlResponder) {
        self.responder = responder
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        closeAfter(Self.requestTimeout, context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        deadline?.cancel()
        deadline = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isFinished else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            bodyBytes = 0
        case .body(let bytes):
            bodyBytes += bytes.readableBytes
            if bodyBytes > Self.bodyBytesMax { context.close(promise: nil) }
        case .end:
            guard let head else { return }
            self.head = nil
            answer(head, context)
        }
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        // Who asks and asks, and takes no answer, would have them kept here.
        guard context.channel.isWritable else { return context.close(promise: nil) }
        let request = ControlRequest(
            method: head.method,
            path: head.uri.prefix { $0 != "?" },
            authorization: head.headers["authorization"]
        )
        switch responder.reply(to: request, on: context.eventLoop) {
        case .now(let answer):
            write(answer, to: head, context)
        case .later(let future):
            // What is pipelined behind the request waits in the pipeline until it is answered.
            future.hop(to: context.eventLoop).assumeIsolated().whenComplete { [weak self] result in
                guard let self, let context = self.context else { return }
                switch result {
                case .success(let answer): self.write(answer, to: head, context)
                case .failure: context.close(promise: nil)
                }
            }
        }
    }

    private func write(_ answer: ControlAnswer, to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        var headers = HTTPHeaders()
        headers.add(name: "Content-Type", value: answer.contentType)
        headers.add(name: "Cache-Control", value: "no-store")
        headers.add(name: "Content-Length", value: String(answer.text.utf8.count))
        for (name, value) in answer.fields { headers.add(name: name, value: value) }
        if !head.isKeepAlive { headers.add(name: "Connection", value: "close") }
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers))),
            promise: nil
        )
        if head.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.text)))), promise: nil)
        }
        isFinished = !head.isKeepAlive
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
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
