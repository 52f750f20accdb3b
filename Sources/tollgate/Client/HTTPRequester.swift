import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// One request over a connection of its own: what `tollgate fetch` needs of HTTP/1.1, and no more.
///
/// The server may be anybody. What is kept of its answer is bounded, and so is every silence; how long an answer takes
/// in all, and how long it is, are not.
struct HTTPRequester: Sendable {
    /// Longest body of a refusal that is read, in bytes.
    static let refusalBytesMax = 65_536
    /// Interim responses (1xx) that may come before the answer.
    static let interimResponsesMax = 64
    /// Longest head of an answer, in bytes.
    static let headBytesMax = 262_144
    /// The request's body is written in pieces of so many bytes, each of which is progress.
    static let pieceBytes = 65_536
    static let connectTimeout = TimeAmount.seconds(10)

    struct Response: Sendable {
        let head: HTTPResponseHead
        /// The body, where it was collected; empty otherwise.
        let collected: [UInt8]
    }

    /// What becomes of a response's body.
    enum BodyUse {
        case passOn
        /// At most ``refusalBytesMax``.
        case collect
        /// The response ends with its head.
        case ignore
    }

    let url: HTTPURL
    /// A Unix socket to connect to instead of the URL's host; nil for none.
    var socketPath: String?
    let method: HTTPMethod
    /// Without those that frame the message.
    let headers: HTTPHeaders
    let body: [UInt8]?
    /// How long nothing may move.
    let timeout: TimeAmount

    private typealias Connection = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    /// Sends the request and reads the response.
    ///
    /// - Parameters:
    ///   - added: fields for this try only.
    ///   - use: what to do with the body of a response with this head.
    ///   - pass: takes the body piece by piece; false ends the request.
    func send(
        adding added: [(String, String)],
        use: (HTTPResponseHead) -> BodyUse,
        pass: ([UInt8]) -> Bool
    ) async throws(FetchFailure) -> Response {
        let connection: Connection
        do {
            connection = try await connect()
        } catch {
            throw .connecting(error, url: url)
        }
        var head: HTTPResponseHead?
        do {
            return try await connection.executeThenClose { inbound, outbound in
                // At the same time: a server may answer before it has taken the whole request, and take no more of it.
                // The end of this scope cancels what is not written by then.
                async let _: Void = write(outbound, added, connection.channel)
                return try await read(inbound, &head, use, pass)
            }
        } catch {
            throw FetchFailure(error, url: url, hasHead: head != nil)
        }
    }

    private func read(
        _ inbound: NIOAsyncChannelInboundStream<HTTPClientResponsePart>,
        _ head: inout HTTPResponseHead?,
        _ use: (HTTPResponseHead) -> BodyUse,
        _ pass: ([UInt8]) -> Bool
    ) async throws -> Response {
        var bodyUse = BodyUse.passOn
        var collected: [UInt8] = []
        var interimResponses = 0
        for try await part in inbound {
            switch part {
            case .head(let next) where next.status == .switchingProtocols:
                throw FetchFailure.switchedProtocols
            case .head(let next) where next.status.code < 200:
                interimResponses += 1
                guard interimResponses <= Self.interimResponsesMax else {
                    throw FetchFailure.tooManyInterimResponses(Self.interimResponsesMax)
                }
            case .head(let next):
                head = next
                bodyUse = use(next)
                if bodyUse == .ignore { return Response(head: next, collected: []) }
            case .body(let buffer):
                let bytes = Array(buffer.readableBytesView)
                if bodyUse == .collect {
                    guard collected.count + bytes.count <= Self.refusalBytesMax else {
                        throw FetchFailure.refusalTooLarge(Self.refusalBytesMax)
                    }
                    collected += bytes
                } else if !pass(bytes) {
                    throw FetchFailure.outputClosed
                }
            case .end:
                guard let head else { throw FetchFailure.notHTTP }
                return Response(head: head, collected: collected)
            }
        }
        throw head == nil ? FetchFailure.noResponse : FetchFailure.cutShort
    }

    /// Writes the request. Where that fails, what reads the answer learns of it.
    private func write(
        _ outbound: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>,
        _ added: [(String, String)],
        _ channel: any Channel
    ) async {
        do {
            try await outbound.write(.head(requestHead(adding: added)))
            var rest = (body ?? [])[...]
            while !rest.isEmpty {
                try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: rest.prefix(Self.pieceBytes)))))
                rest = rest.dropFirst(Self.pieceBytes)
            }
            try await outbound.write(.end(nil))
        } catch is CancellationError {
            // The answer came first.
        } catch {
            channel.pipeline.fireErrorCaught(error)
            channel.close(promise: nil)
        }
    }

    private func requestHead(adding added: [(String, String)]) -> HTTPRequestHead {
        var fields = HTTPHeaders([("Host", headers.first(name: "host") ?? url.authority)])
        for (name, value) in headers where name.lowercased() != "host" { fields.add(name: name, value: value) }
        if !fields.contains(name: "accept") { fields.add(name: "Accept", value: "*/*") }
        if !fields.contains(name: "user-agent") { fields.add(name: "User-Agent", value: "tollgate/\(Version.number)") }
        if let body { fields.add(name: "Content-Length", value: String(body.count)) }
        fields.replaceOrAdd(name: "Connection", value: "close")
        for (name, value) in added { fields.add(name: name, value: value) }
        return HTTPRequestHead(version: .http1_1, method: method, uri: url.target, headers: fields)
    }

    private func connect() async throws -> Connection {
        let context = url.isTLS ? try NIOSSLContext(configuration: .makeClientConfiguration()) : nil
        let name = url.host
        let timeout = self.timeout
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(Self.connectTimeout)
        let initialize: @Sendable (any Channel) -> EventLoopFuture<Connection> = { channel in
            channel.eventLoop.makeCompletedFuture {
                let pipeline = channel.pipeline.syncOperations
                try pipeline.addHandler(SilenceHandler(timeout: timeout))
                if let context {
                    let isAddress = (try? SocketAddress(ipAddress: name, port: 0)) != nil
                    try pipeline.addHandler(
                        NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : name)
                    )
                }
                var encoding = HTTPRequestEncoder.Configuration()
                encoding.automaticallySetFramingHeaders = false
                try pipeline.addHandler(HTTPRequestEncoder(configuration: encoding))
                var limits = NIOHTTPDecoderLimitConfiguration()
                limits.maxHeaderListSize = Self.headBytesMax
                let decoder = HTTPResponseDecoder(
                    leftOverBytesStrategy: .dropBytes,
                    // Counted, not only dropped.
                    informationalResponseStrategy: .forward,
                    limitConfiguration: limits
                )
                try pipeline.addHandler(ByteToMessageHandler(decoder))
                // Nothing that was made from a server's answer is to end a line of the request: checked once more.
                try pipeline.addHandler(NIOHTTPRequestHeadersValidator())
                return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
            }
        }
        if let socketPath {
            return try await bootstrap.connect(unixDomainSocketPath: socketPath, channelInitializer: initialize)
        }
        return try await bootstrap.connect(host: url.host, port: url.port, channelInitializer: initialize)
    }
}
