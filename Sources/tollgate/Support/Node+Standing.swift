import Admin
import Settings

// What load balancers and Prometheus are told of a node.
extension Node {
    /// Whether a load balancer should send requests here.
    var readiness: Readiness {
        let (gateway, isStopping) = state.withLockedValue { ($0.gateway, $0.isStopping) }
        if isStopping { return .stopping }
        guard let gateway, gateway.isReady else { return .starting }
        // Every policy denies what cannot be decided.
        let needsQuorum = gateway.configuration.routes.contains {
            if case .policy = $0.action { true } else { false }
        }
        let view = cluster.view
        if view.isAstray { return .astray }
        if view.isListening { return .starting }
        return view.hasQuorum ? .ready : needsQuorum ? .noQuorum : .readyWithoutQuorum
    }

    func metrics() async -> NodeMetrics {
        let (gateway, isReloadOK) = state.withLockedValue { ($0.gateway, $0.isReloadOK) }
        return NodeMetrics(
            gateway: await gateway?.metrics(),
            ledger: cluster.counts,
            cluster: await cluster.metrics(),
            isReloadOK: isReloadOK,
            hasOtherLimits: await hasOtherLimits(),
            version: Version.number
        )
    }
}
