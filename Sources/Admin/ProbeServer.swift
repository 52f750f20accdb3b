import Gateway
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Settings

/// The read-only listener for load balancers and supervisors: `/healthz` and `/readyz` (DESIGN section 10).
public final class ProbeServer: Sendable {
    /// Connections that are served at one time; probes are few.
    static let connectionsMax = 64
    /// An idle connection is closed after this long.
    static let idleTimeout = TimeAmount.seconds(30)

    private let channel: any Channel
    /// Where it listens, with the port that the system chose.
    public let address: ListenAddress

    private init(channel: any Channel, address: ListenAddress) {
        self.channel = channel
        self.address = address
    }

    /// Starts listening.
    ///
    /// - Parameters:
    ///   - isReady: asked on any thread, for each `/readyz`.
    /// - Throws: ``ListenError`` where the address cannot be had.
    public static func start(
        on address: ListenAddress,
        group: any EventLoopGroup,
        isReady: @escaping @Sendable () -> Bool
    ) async throws -> ProbeServer {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 64)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(IdleStateHandler(allTimeout: idleTimeout))
                    try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true, withErrorHandling: true)
                    try pipeline.addHandler(ProbeHandler(isReady: isReady))
                }
            }
        do {
            switch address {
            case .tcp(let host, let port):
                let channel = try await bootstrap.bind(host: host.description, port: Int(port)).get()
                let bound = UInt16(channel.localAddress?.port ?? Int(port))
                return ProbeServer(channel: channel, address: .tcp(host: host, port: bound))
            case .unix(let path):
                let channel = try await bootstrap.bind(unixDomainSocketPath: path).get()
                return ProbeServer(channel: channel, address: address)
            }
        } catch {
            throw ListenError(address: address, reason: "\(error)")
        }
    }

    /// Stops listening.
    public func stop() async {
        try? await channel.close().get()
    }
}

private final class ProbeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let isReady: @Sendable () -> Bool
    private var head: HTTPRequestHead?

    init(isReady: @escaping @Sendable () -> Bool) {
        self.isReady = isReady
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
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
        let path = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)[0]
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
        if !head.isKeepAlive { headers.add(name: "Connection", value: "close") }
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))),
            promise: nil
        )
        if head.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        if !head.isKeepAlive { context.close(mode: .output, promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
