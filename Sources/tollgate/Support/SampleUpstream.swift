import NIOCore
import NIOHTTP1
import NIOPosix

/// The small site behind `tollgate demo`: a page, its style and picture, and an API that echoes.
final class SampleUpstream: Sendable {
    private let channel: any Channel
    private let group: MultiThreadedEventLoopGroup
    let port: Int

    private init(channel: any Channel, group: MultiThreadedEventLoopGroup, port: Int) {
        self.channel = channel
        self.group = group
        self.port = port
    }

    static func start() async throws -> SampleUpstream {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true, withErrorHandling: true)
                    try pipeline.addHandler(SampleHandler())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return SampleUpstream(channel: channel, group: group, port: channel.localAddress!.port!)
    }

    func stop() {
        channel.close(promise: nil)
        group.shutdownGracefully { _ in }
    }
}

private final class SampleHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private var head: HTTPRequestHead?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            if let head { answer(head, context) }
            head = nil
        }
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let path = head.uri.prefix { $0 != "?" }
        let status: HTTPResponseStatus
        let type: String
        let body: String
        if path.hasPrefix("/api/") {
            let id = head.headers.first(name: "x-request-id") ?? ""
            (status, type) = (.ok, "application/json")
            body = "{\"hello\": \"from behind the gateway\", \"request_id\": \"\(id)\"}\n"
        } else if path == "/robots.txt" {
            (status, type, body) = (.ok, "text/plain", "User-agent: *\nAllow: /\n")
        } else if path == "/" || path.hasPrefix("/page") {
            (status, type, body) = (.ok, "text/html; charset=utf-8", Self.page)
        } else {
            (status, type, body) = (.notFound, "text/plain", "The sample site has no such page.\n")
        }
        var headers = HTTPHeaders([("Content-Type", type), ("Content-Length", String(body.utf8.count))])
        if !head.isKeepAlive { headers.add(name: "Connection", value: "close") }
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))),
            promise: nil
        )
        if head.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private static let page = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Behind the gateway</title>
        <style>
        body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 36rem; margin: 4rem auto; padding: 0 1rem }
        :root { color-scheme: light dark }
        </style>
        </head>
        <body>
        <h1>You are through</h1>
        <p id="arrived">This page comes from the sample site behind Tollgate. Your browser has paid for it with a moment
        of work, and its pass is good for 200 requests. Reload: it is there at once.</p>
        </body>
        </html>

        """
}
