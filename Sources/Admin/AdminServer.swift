import Gateway
import NIOCore
import NIOHTTP1
import Settings

/// The listener for operators (DESIGN section 10, "Admin"). Over a Unix socket only the process's own user and root may
/// connect; over TCP every request must show the token.
public final class AdminServer: Sendable {
    private let server: ControlServer
    /// Where it listens, with the port that the system chose.
    public var address: ListenAddress { server.address }

    private init(server: ControlServer) {
        self.server = server
    }

    /// Starts listening. A socket file on which nobody listens any more is replaced.
    ///
    /// - Parameter cluster: what is told and changed of the cluster; nil where a node has none.
    /// - Throws: ``ListenError`` where the address cannot be had, or is of TCP and there is no token.
    public static func start(
        on settings: AdminSettings,
        group: any EventLoopGroup,
        refusals: RefusalHistory,
        cluster: AdminCluster? = nil
    ) async throws -> AdminServer {
        if case .tcp = settings.address, settings.token == nil {
            throw ListenError(address: settings.address, reason: "over TCP the admin interface needs a token")
        }
        let token = settings.token.map { BearerToken($0) }
        let responder = AdminResponder(token: token, cluster: cluster) { refusals.json(requestID: $0) }
        return AdminServer(
            server: try await .start(on: settings.address, isPrivate: true, group: group, responder: responder)
        )
    }

    /// Stops listening. Its socket file is gone afterwards.
    public func stop() async {
        await server.stop()
    }
}

struct AdminResponder: ControlResponder {
    private let token: BearerToken?
    private let router: Router

    /// - Parameters:
    ///   - token: what every request must show; nil for none.
    ///   - cluster: nil for a node without.
    ///   - refusal: the refusal of a request id, as JSON.
    init(
        token: BearerToken?,
        cluster: AdminCluster? = nil,
        refusal: @escaping @Sendable (_ requestID: String) -> String?
    ) {
        self.token = token
        let refusals = Router.Route(.GET, "/v1/refusals/*") { parameters, _, _ in
            .now(refusal(String(parameters[0])).map { .json($0) } ?? Self.noSuchRefusal)
        }
        router = Router(
            routes: [refusals]
                + (cluster.map { ClusterRoutes.routes($0) + OverrideRoutes.routes($0) + QuotaRoutes.routes($0) } ?? []),
            notFound: .problem(
                .notFound,
                "no-route",
                title: "There is no such resource",
                detail: cluster == nil
                    ? "There is /v1/refusals/REQUEST-ID."
                    : "There is /v1/cluster, /v1/cluster/members, /v1/cluster/members/NAME, "
                        + "/v1/cluster/promote, replace, transfer and compact, /v1/overrides, /v1/overrides/POLICY/KEY, "
                        + "/v1/quotas/POLICY/KEY (a slash within a key is written %2F), /v1/backup, and "
                        + "/v1/refusals/REQUEST-ID."
            ),
            methodNotAllowed: .problem(
                .methodNotAllowed,
                "method-not-allowed",
                title: "This method is not allowed here",
                detail: "See the field Allow."
            )
        )
    }

    func reply(to request: ControlRequest, on eventLoop: any EventLoop) -> ControlReply {
        if let token, !token.isShown(by: request.authorization) { return .now(Self.unauthorized) }
        return router.reply(to: request, on: eventLoop)
    }

    private static let noSuchRefusal = ControlAnswer.problem(
        .notFound,
        "no-such-refusal",
        title: "No refusal of this request id is known",
        detail: "Kept are the last 10000 refusals of this node, since its start."
    )

    private static var unauthorized: ControlAnswer {
        var answer = ControlAnswer.problem(
            .unauthorized,
            "unauthorized",
            title: "The admin interface needs its token",
            detail: "Send Authorization: Bearer, and the token of the file that admin.token names."
        )
        answer.fields.append((name: "WWW-Authenticate", value: "Bearer"))
        return answer
    }
}
