import NIOCore
import NIOHTTP1
import NIOPosix
import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Opens a listener's sockets: one for each loop over TCP, so that the kernel spreads connections (SO_REUSEPORT), one
/// for all over a Unix socket.
enum Listener {
    /// Bytes that the kernel takes of a response before it has sent them (tcp(7), TCP_NOTSENT_LOWAT). More would only hide
    /// from us whether a slow client still takes any; how much is on its way to a fast one is not bounded by it.
    static let unsentBytesMax = 128 * 1_024

    struct Opened {
        let address: ListenAddress
        let channels: [any Channel]
        /// The socket file that was made, where it listens on one.
        var file: SocketFile?
    }

    static func open(
        _ runtime: ListenerRuntime,
        loops: [NIOLoopBound<GatewayLoop>],
        group: MultiThreadedEventLoopGroup
    ) async throws -> Opened {
        switch runtime.settings.address {
        case .tcp(let host, let port):
            // SO_REUSEPORT would let a second process share our port in silence. A first bind without it finds out.
            let reserved = try reserve(host, port, runtime.settings.address)
            var channels: [any Channel] = []
            do {
                for loop in loops {
                    let bootstrap = bootstrap(ServerBootstrap(group: loop.eventLoop), runtime, [loop])
                        .serverChannelOption(.socketOption(.init(rawValue: SO_REUSEPORT)), value: 1)
                        .childChannelOption(.tcpOption(.init(rawValue: TCP_NOTSENT_LOWAT)), value: unsentBytesMax)
                    channels.append(try await bootstrap.bind(host: host.description, port: Int(reserved)).get())
                }
            } catch {
                for channel in channels { try? await channel.close().get() }
                throw ListenError(address: runtime.settings.address, reason: "\(error)")
            }
            return Opened(address: .tcp(host: host, port: reserved), channels: channels)
        case .unix(let path):
            do {
                let bootstrap = bootstrap(ServerBootstrap(group: group), runtime, loops)
                let socket = try await SocketFile.bind(path, isPrivate: false, group: group)
                // From here on the channel owns the descriptor, whatever happens.
                let channel = try await bootstrap.withBoundSocket(socket).get()
                return Opened(address: runtime.settings.address, channels: [channel], file: SocketFile(path: path))
            } catch {
                throw ListenError(address: runtime.settings.address, binding: error)
            }
        }
    }

    private static func reserve(
        _ host: IPAddress,
        _ port: UInt16,
        _ address: ListenAddress
    ) throws(ListenError) -> UInt16 {
        do { return try PortReservation(host: host, port: port).port } catch {
            throw ListenError(address: address, binding: error)
        }
    }

    private static func bootstrap(
        _ bootstrap: ServerBootstrap,
        _ runtime: ListenerRuntime,
        _ loops: [NIOLoopBound<GatewayLoop>]
    ) -> ServerBootstrap {
        bootstrap
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let bound = loops.first(where: { $0.eventLoop === channel.eventLoop }) else {
                        preconditionFailure("a connection was handed to a loop that is not the gateway's")
                    }
                    try initialize(channel, runtime, bound.value)
                }
            }
    }

    private static func initialize(_ channel: any Channel, _ runtime: ListenerRuntime, _ loop: GatewayLoop) throws {
        guard loop.hasRoom else { throw ChannelError.operationUnsupported }
        let pipeline = channel.pipeline.syncOperations
        let front = FrontHandler(loop: loop, listener: runtime)
        if case .proxyProtocol(let trusted) = runtime.settings.client,
            trusted.contains(channel.remoteAddress.flatMap(IPAddress.init) ?? IPAddress(ipv4: 0x7F00_0001))
        {
            try pipeline.addHandler(ProxyProtocolHandler())
        }
        let limits = loop.state.configuration.limits
        var decoding = NIOHTTPDecoderLimitConfiguration()
        decoding.maxHeaderFieldSize = limits.headerBytes
        decoding.maxHeaderListSize = limits.headerBytes
        decoding.maxHeaderFieldCount = limits.headerCount
        try pipeline.addHandler(ResponseEncoder())
        try pipeline.addHandler(ArrivalHandler(front: front))
        let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: decoding)
        try pipeline.addHandler(ByteToMessageHandler(decoder))
        try pipeline.addHandler(front)
    }
}
