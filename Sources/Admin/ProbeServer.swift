import Gateway
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import Settings

/// The read-only listener for load balancers and supervisors: `/healthz` and `/readyz` (DESIGN section 10).
public final class ProbeServer: Sendable {
    /// Connections that are served at one time; probes are few. A further one is closed at once.
    static let connectionsMax = 64

    private let channel: any Channel
    /// The socket file that it has made, where it listens on one.
    private let file: SocketFile?
    /// Where it listens, with the port that the system chose.
    public let address: ListenAddress

    private init(channel: any Channel, file: SocketFile?, address: ListenAddress) {
        self.channel = channel
        self.file = file
        self.address = address
    }

    /// Starts listening. A socket file on which nobody listens any more is replaced.
    ///
    /// - Parameters:
    ///   - isReady: asked on any thread, for each `/readyz`.
    /// - Throws: ``ListenError`` where the address cannot be had.
    public static func start(
        on address: ListenAddress,
        group: any EventLoopGroup,
        isReady: @escaping @Sendable () -> Bool
    ) async throws -> ProbeServer {
        let open = NIOLockedValueBox(0)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 64)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // An initializer that fails closes its connection.
                    guard enter(open) else { throw ChannelError.operationUnsupported }
                    channel.closeFuture.whenComplete { _ in open.withLockedValue { $0 -= 1 } }
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true, withErrorHandling: true)
                    try pipeline.addHandler(ProbeHandler(isReady: isReady))
                }
            }
        do {
            switch address {
            case .tcp(let host, let port):
                let channel = try await bootstrap.bind(host: host.description, port: Int(port)).get()
                let bound = UInt16(channel.localAddress?.port ?? Int(port))
                return ProbeServer(channel: channel, file: nil, address: .tcp(host: host, port: bound))
            case .unix(let path):
                let isAbandoned = await SocketFile.isAbandoned(path, group: group)
                let channel = try await bootstrap.bind(
                    unixDomainSocketPath: path,
                    cleanupExistingSocketFile: isAbandoned
                ).get()
                return ProbeServer(channel: channel, file: SocketFile(path: path), address: address)
            }
        } catch {
            throw ListenError(address: address, binding: error)
        }
    }

    private static func enter(_ open: NIOLockedValueBox<Int>) -> Bool {
        open.withLockedValue { count in
            guard count < connectionsMax else { return false }
            count += 1
            return true
        }
    }

    /// Stops listening. Its socket file is gone afterwards.
    public func stop() async {
        file?.remove()
        try? await channel.close().get()
    }
}
