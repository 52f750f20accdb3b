import Admin
import Settings

// What load balancers and Prometheus are told of a node.
extension Node {
    /// Whether a load balancer should send requests here.
    var readiness: Readiness {
        let (gateway, isStopping) = state.withLockedValue { ($0.gateway, $0.isStopping) }
        if isStopping { return .stopping }
        guard let gateway, gateway.isReady else { return .starting }
        let view = cluster.view
        if view.isAstray { return .astray }
        if view.isForgetful { return .forgetful }
        if view.isListening { return .starting }
        // One that is no member, or not yet, answers what it must, and is not to be asked.
        if view.membership != .member, !view.hasQuorum { return .noQuorum }
        if view.decidesNothing { return .noQuorum }
        return view.hasQuorum ? .ready : gateway.configuration.isServedByQuorumAlone ? .noQuorum : .readyWithoutQuorum
    }

    func metrics() async -> NodeMetrics {
        let (gateway, isReloadOK) = state.withLockedValue { ($0.gateway, $0.isReloadOK) }
        return NodeMetrics(
            gateway: await gateway?.metrics(),
            ledger: cluster.counts,
            cluster: await cluster.metrics(),
            isReloadOK: isReloadOK,
            // Those that its own file waits to take the place of are no other file's.
            hasOtherLimits: pending.isPending ? false : await hasOtherLimits(),
            version: Version.number
        )
    }
}

extension Configuration {
    /// Whether every policy that a route names denies what no majority decides. One that enforces nothing does not, nor does
    /// one whose free limits each node decides on by itself.
    fileprivate var isServedByQuorumAlone: Bool {
        let named = routes.compactMap { route -> PolicySettings? in
            guard case .policy(_, let name, _, _) = route.action else { return nil }
            return policy(named: name)
        }
        return !named.isEmpty && named.allSatisfy(\.isServedByQuorumAlone)
    }
}

extension PolicySettings {
    fileprivate var isServedByQuorumAlone: Bool {
        enforce && onQuorumLoss == .deny && (consistency != .eventual || free.isEmpty)
    }
}
