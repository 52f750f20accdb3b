import Gateway
import NIOCore
import NIOHTTP1
import Settings

/// The read-only listener for load balancers, supervisors and Prometheus: `/healthz`, `/readyz` and `/metrics` (DESIGN
/// section 10).
public final class ProbeServer: Sendable {
    /// Most file descriptors that it has at one time: its listener, its connections, and one that is being refused or makes
    /// room. Those of an ``AdminServer`` are as many.
    public static let descriptorsMax = ControlServer.connectionsMax + 2

    private let server: ControlServer
    /// Where it listens, with the port that the system chose.
    public var address: ListenAddress { server.address }

    private init(server: ControlServer) {
        self.server = server
    }

    /// Starts listening. A socket file on which nobody listens any more is replaced.
    ///
    /// - Parameters:
    ///   - readiness: asked on any thread, for each `/readyz`.
    ///   - metrics: asked on any thread, for each `/metrics`; nil where there is nothing to tell yet.
    /// - Throws: ``ListenError`` where the address cannot be had.
    public static func start(
        on address: ListenAddress,
        group: any EventLoopGroup,
        readiness: @escaping @Sendable () -> Readiness,
        metrics: @escaping @Sendable () async -> NodeMetrics?
    ) async throws -> ProbeServer {
        let responder = ProbeResponder(readiness: readiness, metrics: metrics)
        return ProbeServer(
            server: try await .start(on: address, isPrivate: false, group: group, responder: responder)
        )
    }

    /// Stops listening. Its socket file is gone afterwards.
    public func stop() async {
        await server.stop()
    }
}

struct ProbeResponder: ControlResponder {
    private let router: Router

    init(
        readiness: @escaping @Sendable () -> Readiness,
        metrics: @escaping @Sendable () async -> NodeMetrics?
    ) {
        router = Router(
            routes: [
                .init(.GET, "/healthz") { _, _, _ in .now(.plain("ok\n")) },
                .init(.GET, "/readyz") { _, request, _ in
                    .now(readiness().answer(needsQuorum: request.query == "quorum=1"))
                },
                .init(.GET, "/metrics") { _, _, eventLoop in
                    .later(
                        eventLoop.makeFutureWithTask {
                            guard let text = await metrics()?.text else {
                                return .plain("The node is starting.\n", status: .serviceUnavailable)
                            }
                            return ControlAnswer(status: .ok, contentType: PrometheusText.contentType, text: text)
                        }
                    )
                },
            ],
            notFound: .plain("There is /healthz, /readyz and /metrics.\n", status: .notFound),
            methodNotAllowed: .plain("GET or HEAD.\n", status: .methodNotAllowed)
        )
    }

    func reply(to request: ControlRequest, on eventLoop: any EventLoop) -> ControlReply {
        router.reply(to: request, on: eventLoop)
    }
}
