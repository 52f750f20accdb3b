import Gateway
import RaftTransport
import Settings

// A configuration that changes under a node, and its limits, which are everybody's.
extension Node {
    /// How long limits stay that a new file has no more: requests at other nodes are prepared by them until the file is
    /// there too.
    private static let retirementGrace = Duration.seconds(300)

    /// Takes a new configuration. What is of the certificates it takes also before it is open.
    /// - Parameter isAsked: an operator asks for it, and not only the file has changed: limits in force that are another
    ///   file's give way to this one's.
    /// - Throws: ``Gateway/Problem``; then nothing has changed.
    func reload(_ configuration: Configuration, isAsked: Bool) async throws {
        try await changes.run { try await self.take(configuration, isAsked: isAsked) }
    }

    private func take(_ configuration: Configuration, isAsked: Bool) async throws {
        try await reloadCertificates(configuration)
        let isOpen = state.withLockedValue { state in
            if state.gateway == nil { state.configuration = configuration }
            return state.gateway
        }
        guard let gateway = isOpen else { return }
        let differs = await gateway.hasOtherLimits()
        let offers = offered.isNews(configuration) || (isAsked && differs)
        try await gateway.reload(configuration, offersLimits: offers)
        state.withLockedValue { $0.configuration = configuration }
        if offers {
            record(configuration, isRetiring: true)
            await retire(gateway)
        }
        await reportOtherLimits(gateway)
    }

    /// The limits in force are another file's than this node's.
    func hasOtherLimits() async -> Bool {
        guard let gateway = state.withLockedValue({ $0.gateway }) else { return false }
        return await gateway.hasOtherLimits()
    }

    /// - Parameter isRetiring: limits that the file has no more are still in force.
    func record(_ configuration: Configuration, isRetiring: Bool) {
        do { try offered.record(configuration, isRetiring: isRetiring) } catch {
            logger.warning("it cannot be noted that the limits were offered", metadata: ["error": "\(error)"])
        }
    }

    /// Has only the new limits hold: at once where no other node may need the old ones.
    func retire(_ gateway: Gateway) async {
        let isAlone = cluster.view.status?.configuration.members.count ?? 1 <= 1
        let task =
            isAlone
            ? nil
            : Task {
                guard (try? await Task.sleep(for: Self.retirementGrace)) != nil else { return }
                try? await changes.run { await self.retireNow(gateway) }
                retirement.withLockedValue { if !Task.isCancelled { $0 = nil } }
            }
        retirement.withLockedValue { old in
            old?.cancel()
            old = task
        }
        if isAlone { await retireNow(gateway) }
    }

    private func retireNow(_ gateway: Gateway) async {
        do {
            try await gateway.retireLimits()
            record(gateway.configuration, isRetiring: false)
        } catch {
            logger.warning("limits that the file has no more stay for now", metadata: ["error": "\(error)"])
        }
    }

    /// Takes the configuration as soon as a majority takes its limits.
    func takeLater() {
        let task = Task {
            while !Task.isCancelled {
                do {
                    try await changes.run { try await self.take(self.configuration, isAsked: false) }
                } catch Gateway.Problem.ledgerUnavailable {
                    continue
                } catch {
                    guard !isStopping else { return }
                    isReloadOK = false
                    logger.error("the limits of the file were not taken", metadata: ["error": "\(error)"])
                }
                return retirement.withLockedValue { if !Task.isCancelled { $0 = nil } }
            }
        }
        retirement.withLockedValue { old in
            old?.cancel()
            old = task
        }
    }

    func reportOtherLimits(_ gateway: Gateway) async {
        guard await gateway.hasOtherLimits(), retirement.withLockedValue({ $0 }) == nil else { return }
        logger.warning(
            """
            the limits in force are not those of this node's file: a file of another node changed later; give the nodes \
            the same file, or send SIGHUP to the one whose file shall hold
            """
        )
    }

    private func reloadCertificates(_ configuration: Configuration) async throws {
        let old = self.configuration.membership?.tls
        guard let old, let new = configuration.membership?.tls, new != old else { return }
        try await cluster.reloadCertificates(try TransportTLS(new))
        logger.notice("the certificates were read anew")
    }
}
