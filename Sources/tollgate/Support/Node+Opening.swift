import CLinux
import Cluster
import Gateway
import Logging
import Settings

// From a state to a node that listens for clients.
extension Node {
    /// Waits for a state, has the cluster take the limits of the file where they are new, and listens for clients. Does
    /// nothing where the node was told to stop.
    ///
    /// A node that has the limits already needs no majority for that: it is there to say that it cannot decide.
    /// - Throws: ``ClusterError``, ``ListenError``, ``Gateway/Problem``.
    func open() async throws {
        let opening = state.withLockedValue { state in
            if !state.isStopping { state.opening = Task { try await self.openGateway() } }
            return state.opening
        }
        try await opening?.value
    }

    private func openGateway() async throws {
        var facts = try await cluster.firstFacts()
        try checkMembership()
        // They stand in the log alone, or nowhere.
        let isFirst = facts.revision == 0
        if isFirst {
            try await cluster.serving()
            // Limits that were set after the snapshot on the disk are known only now.
            facts = try await cluster.firstFacts()
        }
        // Those in force before the file's were offered in vain.
        var standing: LimitsInForce?
        while true {
            let configuration = self.configuration
            // Limits that nobody has set yet are everybody's to set; those in force are another file's unless this one is
            // newer.
            let offers = facts.revision == 0 || offered.isNews(configuration)
            let gateway: Gateway
            if offers, standing == nil { begin(configuration) }
            do {
                gateway = try await start(configuration, offers: offers && standing == nil)
            } catch Gateway.Problem.ledgerUnavailable {
                logger.warning("no majority takes the limits of the file yet: it is tried again by itself")
                isReloadOK = false
                doubt(configuration)
                if facts.revision > 0 {
                    standing = facts.limitsInForce
                } else {
                    try await cluster.serving()
                    facts = try await cluster.firstFacts()
                }
                continue
            }
            if offers, standing == nil {
                isReloadOK = true
                endDoubt()
            }
            await opened(gateway, by: configuration, offers: offers, inVainAfter: standing)
            // The next start finds them without a majority.
            if isFirst { cluster.requestSnapshot() }
            // Of reading the log and the snapshot.
            clinux_return_freed_memory()
            return
        }
    }

    /// - Parameter standing: the limits that were in force before those of the file were offered in vain.
    private func opened(
        _ gateway: Gateway,
        by configuration: Configuration,
        offers: Bool,
        inVainAfter standing: LimitsInForce?
    ) async {
        let isStopping = state.withLockedValue { state in
            if !state.isStopping { state.gateway = gateway }
            return state.isStopping
        }
        if isStopping { return await gateway.shutdown(deadline: .zero) }
        await watchLimits(gateway)
        try? await changes.run {
            if standing != nil || self.configuration != configuration {
                self.takeLater(self.configuration, after: standing) { [logger = self.logger] _ in
                    self.isReloadOK = true
                    logger.notice("the configuration that waited is taken")
                }
            }
            guard standing == nil else { return }
            if offers || self.offered.retiring != nil {
                await self.retire(gateway)
            } else if !self.offered.hasRecord {
                self.record(configuration, retiring: nil)
            }
            await self.reviewLimits()
        }
    }

    /// A node that has peers must be able to meet them.
    private func checkMembership() throws {
        let members = cluster.view.status?.configuration.members ?? []
        guard configuration.membership == nil, members.count > 1 else { return }
        throw PeerSettingsError(
            description: """
                \(configuration.node.data) is of a cluster of \(members.count) nodes, and the configuration has no \
                `cluster`: restore that section, or run `tollgate recover` to go on without the others
                """
        )
    }

    private func start(_ configuration: Configuration, offers: Bool) async throws -> Gateway {
        try await Gateway.start(
            configuration: configuration,
            group: group,
            connectionsMax: FileDescriptors.connectionsMax(configuration, logger: logger),
            offersLimits: offers,
            refusals: refusals,
            logger: logger,
            makePeers: { [cluster] in cluster.makeQuotaPeers(on: $0) },
            makeClient: { [cluster] in cluster.makeClient(on: $0) }
        )
    }
}
