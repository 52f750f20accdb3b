import Cluster
import Gateway
import Ledger
import NIOCore
import NIOHTTP1

/// What is left of a key's quota, and its reset (DESIGN section 10). Any node does all of it.
enum QuotaRoutes {
    static func routes(_ admin: AdminCluster) -> [Router.Route] {
        [
            .init(.GET, "/v1/quotas/*/*") { parameters, request, eventLoop in
                OverrideRoutes.withKey(parameters, admin) { get($0, request, admin.cluster, eventLoop) }
            },
            .init(.DELETE, "/v1/quotas/*/*") { parameters, _, eventLoop in
                OverrideRoutes.withKey(parameters, admin) { reset($0, admin.cluster, eventLoop) }
            },
        ]
    }

    private static func get(
        _ place: PolicyKey,
        _ request: ControlRequest,
        _ cluster: Cluster,
        _ eventLoop: any EventLoop
    ) -> ControlReply {
        guard let fields = PathText.fields(request.query, known: ["consistency"]),
            let isStale = ClusterRoutes.isStale(fields["consistency"])
        else { return .now(ClusterRoutes.badQuery) }
        return ClusterRoutes.answer(on: eventLoop) { () async throws(OperationError) in
            let nodes = max(1, cluster.view.status?.configuration.members.count ?? 1)
            return try await cluster.read(isStale: isStale) { ledger, time in
                .json(QuotaDocument.text(place, ledger, nodes: nodes, at: time))
            }
        }
    }

    private static func reset(_ place: PolicyKey, _ cluster: Cluster, _ eventLoop: any EventLoop) -> ControlReply {
        ClusterRoutes.answer(on: eventLoop) { () async throws(OperationError) in
            let reset = QuotaReset(policy: place.policy.id, key: place.key.own)
            guard case .reset(let outcome) = try await cluster.apply(.reset(reset)) else { throw .noQuorum }
            guard case .full(let limits) = outcome else { throw .conflict("The policy has gone meanwhile.") }
            // Whose bucket it is that would pay now.
            let buckets = try await cluster.read(isStale: true) { ledger, time in
                place.key.limits.map {
                    ledger.quota(place.key.charge($0), policy: place.policy.id, at: time)?.bucket ?? .own
                }
            }
            return .json(QuotaDocument.text(place, reset: limits, buckets: buckets))
        }
    }
}
