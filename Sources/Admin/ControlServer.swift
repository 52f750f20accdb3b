import Gateway
import NIOCore
import NIOHTTP1
import NIOPosix
import Settings

/// A small HTTP server for programs of the operator: few connections, short requests, whole answers.
final class ControlServer: Sendable {
    /// Connections at one time. A further one takes the place of the one that has asked nothing for longest; where all of
    /// them are being answered, it is closed at once.
    static let connectionsMax = 64

    private let channel: any Channel
    /// The socket file that it has made, where it listens on one.
    private let file: SocketFile?
    /// Where it listens, with the port that the system chose.
    let address: ListenAddress

    private init(channel: any Channel, file: SocketFile?, address: ListenAddress) {
        self.channel = channel
        self.file = file
        self.address = address
    }

    /// Starts listening. A socket file on which nobody listens any more is replaced.
    ///
    /// - Parameters:
    ///   - isPrivate: nobody but the process's own user may connect to the socket file.
    /// - Throws: ``ListenError`` where the address cannot be had.
    static func start(
        on address: ListenAddress,
        isPrivate: Bool,
        group: any EventLoopGroup,
        timeouts: ControlTimeouts = ControlTimeouts(),
        responder: any ControlResponder
    ) async throws -> ControlServer {
        let bootstrap = bootstrap(group: group, timeouts: timeouts, responder: responder)
        do {
            switch address {
            case .tcp(let host, let port):
                let channel = try await bootstrap.bind(host: host.description, port: Int(port)).get()
                let bound = UInt16(channel.localAddress?.port ?? Int(port))
                return ControlServer(channel: channel, file: nil, address: .tcp(host: host, port: bound))
            case .unix(let path):
                let socket = try await SocketFile.bind(path, isPrivate: isPrivate, group: group)
                // From here on the channel owns the descriptor, whatever happens.
                let channel = try await bootstrap.withBoundSocket(socket).get()
                return ControlServer(channel: channel, file: SocketFile(path: path), address: address)
            }
        } catch {
            throw ListenError(address: address, binding: error)
        }
    }

    private static func bootstrap(
        group: any EventLoopGroup,
        timeouts: ControlTimeouts,
        responder: any ControlResponder
    ) -> ServerBootstrap {
        let connections = SharedControlConnections(connectionsMax: connectionsMax)
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 64)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // An initializer that fails closes its connection.
                    guard connections.arrived(channel) else { throw ChannelError.operationUnsupported }
                    var limits = NIOHTTPDecoderLimitConfiguration()
                    limits.maxHeaderFieldSize = ControlHandler.headBytesMax
                    limits.maxHeaderListSize = ControlHandler.headBytesMax
                    limits.maxHeaderFieldCount = 64
                    let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(HTTPResponseEncoder())
                    try pipeline.addHandler(ByteToMessageHandler(decoder))
                    try pipeline.addHandler(HTTPServerPipelineHandler())
                    try pipeline.addHandler(HTTPServerProtocolErrorHandler())
                    try pipeline.addHandler(
                        ControlHandler(responder: responder, timeouts: timeouts, connections: connections)
                    )
                }
            }
    }

    /// Stops listening. Its socket file is gone afterwards.
    func stop() async {
        file?.remove()
        try? await channel.close().get()
    }
}
