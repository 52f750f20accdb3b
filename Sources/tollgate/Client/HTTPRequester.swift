import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// One request over a connection of its own: what `tollgate fetch` needs of HTTP/1.1, and no more.
struct HTTPRequester: Sendable {
    /// Longest body of a refusal that is read, in bytes.
    static let refusalBytesMax = 65_536

    enum Failure: Error, CustomStringConvertible {
        case cannotConnect(String, String)
        case noResponse
        case cutShort
        case outputClosed

        var description: String {
            switch self {
            case .cannotConnect(let address, let reason): "cannot connect to \(address): \(reason)"
            case .noResponse: "the server closed the connection without an answer"
            case .cutShort: "the answer was cut short"
            case .outputClosed: "standard output was closed"
            }
        }
    }

    struct Response: Sendable {
        let head: HTTPResponseHead
        /// The body, where it was collected; empty where it was passed on.
        let collected: [UInt8]
    }

    let url: HTTPURL
    let method: HTTPMethod
    let headers: HTTPHeaders
    let body: [UInt8]?
    let connectTimeout = TimeAmount.seconds(10)

    /// Sends the request and reads the response.
    ///
    /// - Parameters:
    ///   - added: fields for this try only.
    ///   - collects: whether to keep the body of a response with this head instead of passing it on.
    ///   - pass: takes the body piece by piece; false ends the request.
    func send(
        adding added: [(String, String)],
        collects: (HTTPResponseHead) -> Bool,
        onHead: (HTTPResponseHead) -> Void,
        pass: ([UInt8]) -> Bool
    ) async throws -> Response {
        let channel = try await connect()
        return try await channel.executeThenClose { inbound, outbound in
            try await write(outbound, added)
            var head: HTTPResponseHead?
            var isCollecting = false
            var collected: [UInt8] = []
            var isComplete = false
            for try await part in inbound {
                switch part {
                case .head(let next):
                    head = next
                    isCollecting = collects(next)
                    if !isCollecting { onHead(next) }
                case .body(let buffer):
                    let bytes = Array(buffer.readableBytesView)
                    if isCollecting {
                        if collected.count + bytes.count <= Self.refusalBytesMax { collected += bytes }
                    } else if !pass(bytes) {
                        throw Failure.outputClosed
                    }
                case .end:
                    isComplete = true
                }
                if isComplete { break }
            }
            guard let head else { throw Failure.noResponse }
            guard isComplete else { throw Failure.cutShort }
            return Response(head: head, collected: collected)
        }
    }

    private func write(
        _ outbound: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>,
        _ added: [(String, String)]
    ) async throws {
        var fields = HTTPHeaders([("Host", url.authority)])
        for (name, value) in headers where name.lowercased() != "host" { fields.add(name: name, value: value) }
        if let host = headers.first(name: "host") { fields.replaceOrAdd(name: "Host", value: host) }
        if !fields.contains(name: "accept") { fields.add(name: "Accept", value: "*/*") }
        if !fields.contains(name: "user-agent") { fields.add(name: "User-Agent", value: "tollgate/\(Version.number)") }
        if let body { fields.replaceOrAdd(name: "Content-Length", value: String(body.count)) }
        fields.replaceOrAdd(name: "Connection", value: "close")
        for (name, value) in added { fields.add(name: name, value: value) }
        try await outbound.write(
            .head(HTTPRequestHead(version: .http1_1, method: method, uri: url.target, headers: fields))
        )
        if let body { try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: body)))) }
        try await outbound.write(.end(nil))
    }

    private func connect() async throws -> NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart> {
        let context = url.isTLS ? try NIOSSLContext(configuration: .makeClientConfiguration()) : nil
        let name = url.host
        do {
            return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(connectTimeout)
                .connect(host: url.host, port: url.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        if let context {
                            let isAddress = (try? SocketAddress(ipAddress: name, port: 0)) != nil
                            try pipeline.addHandler(
                                NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : name)
                            )
                        }
                        var encoding = HTTPRequestEncoder.Configuration()
                        encoding.automaticallySetFramingHeaders = false
                        try pipeline.addHandler(HTTPRequestEncoder(configuration: encoding))
                        try pipeline.addHandler(ByteToMessageHandler(HTTPResponseDecoder()))
                        try pipeline.addHandler(RequestPartHandler())
                        return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
                    }
                }
        } catch let error as NIOConnectionError {
            let reasons =
                error.connectionErrors.map { "\($0.error)" }
                + [error.dnsAError, error.dnsAAAAError].compactMap { $0.map { "\($0)" } }
            throw Failure.cannotConnect(url.authority, reasons.first ?? "no address answers")
        } catch {
            throw Failure.cannotConnect(url.authority, "\(error)")
        }
    }
}

/// Turns request parts with buffers into what the encoder takes.
private final class RequestPartHandler: ChannelOutboundHandler {
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart
}
