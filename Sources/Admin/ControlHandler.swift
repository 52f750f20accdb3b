import NIOCore
import NIOHTTP1
import NIOPosix

/// A connection to one of the small servers. Whatever it sends, and however slowly, it is served for a fixed time, and
/// costs no more than a bounded head and a body that is thrown away.
final class ControlHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// Largest head, target included, and largest body, in bytes.
    static let headBytesMax = 16 * 1_024
    static let bodyBytesMax = 16 * 1_024

    private let responder: any ControlResponder
    private let timeouts: ControlTimeouts
    private let connections: SharedControlConnections
    private var context: ChannelHandlerContext?
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var isFinished = false
    private var deadline: Scheduled<Void>?

    init(responder: any ControlResponder, timeouts: ControlTimeouts, connections: SharedControlConnections) {
        self.responder = responder
        self.timeouts = timeouts
        self.connections = connections
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        closeAfter(timeouts.arrival, context)
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
            body = []
        case .body(let bytes):
            guard let head else { return }
            guard body.count + bytes.readableBytes <= Self.bodyBytesMax else { return refuseBody(head, context) }
            body += bytes.readableBytesView
        case .end:
            guard let head else { return }
            self.head = nil
            answer(head, context)
        }
    }

    private func refuseBody(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        self.head = nil
        body = []
        var last = head
        last.headers.replaceOrAdd(name: "Connection", value: "close")
        let problem = ControlAnswer.problem(
            .payloadTooLarge,
            "too-large",
            title: "The body is too long",
            detail: "At most \(Self.bodyBytesMax) bytes are read."
        )
        write(problem, to: last, context)
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        // Who asks and asks, and takes no answer, would have them kept here.
        guard context.channel.isWritable else { return context.close(promise: nil) }
        // It has been told to close to make room for another.
        guard connections.requestBegan(context.channel) else { return context.close(promise: nil) }
        closeAfter(timeouts.request, context)
        let request = ControlRequest(
            method: head.method,
            path: head.uri.prefix { $0 != "?" },
            query: head.uri.drop { $0 != "?" }.dropFirst(),
            authorization: head.headers["authorization"],
            contentType: head.headers["content-type"],
            ifMatch: head.headers["if-match"],
            ifNoneMatch: head.headers["if-none-match"],
            body: body
        )
        body = []
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
        for (name, value) in answer.fields { headers.add(name: name, value: value) }
        if let stream = answer.stream { return write(stream, headers, to: head, answer.status, context) }
        headers.add(name: "Content-Length", value: String(answer.text.utf8.count))
        if !head.isKeepAlive { headers.add(name: "Connection", value: "close") }
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers))),
            promise: nil
        )
        if head.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.text)))), promise: nil)
        }
        isFinished = !head.isKeepAlive
        // Before the end is written: with it comes the next request that was pipelined.
        connections.requestEnded(context.channel)
        closeAfter(isFinished ? timeouts.linger : timeouts.keepAlive, context)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        if isFinished { context.close(mode: .output, promise: nil) }
    }

    /// The body is made on a thread that may wait; whoever takes none of it for ``ControlTimeouts/request`` is left.
    private func write(
        _ stream: ControlStream,
        _ headers: HTTPHeaders,
        to head: HTTPRequestHead,
        _ status: HTTPResponseStatus,
        _ context: ChannelHandlerContext
    ) {
        var headers = headers
        headers.add(name: "Connection", value: "close")
        isFinished = true
        context.writeAndFlush(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))),
            promise: nil
        )
        let channel = context.channel
        let eventLoop = context.eventLoop
        let handler = NIOLoopBound(self, eventLoop: eventLoop)
        let isHead = head.method == .HEAD
        NIOThreadPool.singleton.submit { state in
            do {
                guard case .active = state else { throw ChannelError.ioOnClosedChannel }
                if !isHead {
                    try stream.body { piece in
                        try channel.writeAndFlush(
                            HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: piece)))
                        ).wait()
                        eventLoop.execute { handler.value.streams() }
                    }
                }
                channel.writeAndFlush(HTTPServerResponsePart.end(nil)).whenComplete { _ in
                    channel.close(mode: .output, promise: nil)
                }
                eventLoop.execute { handler.value.linger() }
            } catch {
                channel.close(promise: nil)
            }
        }
    }

    private func streams() {
        if let context { closeAfter(timeouts.request, context) }
    }

    private func linger() {
        guard let context else { return }
        connections.requestEnded(context.channel)
        closeAfter(timeouts.linger, context)
    }

    private func closeAfter(_ time: TimeAmount, _ context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: time) { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
