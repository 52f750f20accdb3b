import Gateway
import RaftTransport
import Settings

// A configuration that changes under a node, and its limits, which are everybody's.
//
// Limits are offered to the cluster, and what was offered last holds everywhere. An offer needs a majority: a configuration
// whose offer came to nothing is taken when there is one again, unless another one has taken its place by then, here or at
// another node.
extension Node {
    /// Called when a configuration is taken, with the one before.
    typealias Taken = @Sendable (_ old: Configuration) -> Void

    /// How long limits stay that a new file has no more: requests at other nodes are prepared by them until the file is
    /// there too.
    private static let retirementGrace = Duration.seconds(300)

    private static let inDoubtMax = 8

    // MARK: - Reload

    /// Takes a new configuration. What is of the certificates it takes also before it is open.
    /// - Parameters:
    ///   - isAsked: an operator asks for it, and not only the file has changed: limits in force that are another file's
    ///     give way to this one's.
    ///   - taken: called when it is taken, which may be later. Not called where another configuration comes before.
    /// - Throws: ``Gateway/Problem``; then nothing has changed. After `ledgerUnavailable` it is tried again by itself.
    func reload(_ configuration: Configuration, isAsked: Bool, taken: @escaping Taken) async throws {
        giveUpPending()
        try await changes.run {
            do {
                try await self.take(configuration, isAsked: isAsked, taken: taken)
            } catch Gateway.Problem.ledgerUnavailable {
                if let gateway = self.gateway {
                    self.takeLater(configuration, after: await gateway.limitsRevision(), taken: taken)
                }
                throw Gateway.Problem.ledgerUnavailable
            }
        }
    }

    /// Whatever waits for a majority is no longer wanted.
    /// - Returns: whether there was something.
    @discardableResult
    func giveUpPending() -> Bool { pending.giveUp() }

    /// - Parameter revision: it was offered before, in vain, when this was the revision of the limits in force: it is
    ///   offered again, unless another node's have come since.
    private func take(
        _ configuration: Configuration,
        isAsked: Bool,
        after revision: UInt64? = nil,
        taken: Taken
    ) async throws {
        try await reloadCertificates(configuration)
        let old = self.configuration
        let isOpen = state.withLockedValue { state in
            if state.gateway == nil { state.configuration = configuration }
            return state.gateway
        }
        guard let gateway = isOpen else { return taken(old) }
        // What was offered in vain before may come into force yet, and then this one's must follow it.
        let isInDoubt = state.withLockedValue { !$0.inDoubt.isEmpty }
        var offers = revision != nil || isInDoubt || offered.isNews(configuration)
        if isAsked, !offers { offers = await hasOtherLimits() }
        do {
            try await gateway.reload(
                configuration,
                offersLimits: offers,
                after: revision,
                orOwn: state.withLockedValue { $0.inDoubt }
            )
        } catch Gateway.Problem.ledgerUnavailable {
            doubt(configuration)
            throw Gateway.Problem.ledgerUnavailable
        } catch Gateway.Problem.superseded {
            logger.warning(
                "limits of another node's file came into force before this one's could: these are not offered"
            )
            try await gateway.reload(configuration, offersLimits: false)
            offers = false
            record(configuration, retiring: nil)
        }
        state.withLockedValue { state in
            state.configuration = configuration
            state.inDoubt = []
        }
        if offers { await retire(gateway) }
        taken(old)
        await reviewLimits()
    }

    /// Limits were offered, and nobody knows whether they will be in force.
    func doubt(_ configuration: Configuration) {
        state.withLockedValue { state in
            if state.inDoubt.last != configuration { state.inDoubt.append(configuration) }
            if state.inDoubt.count > Self.inDoubtMax { state.inDoubt.removeFirst() }
        }
    }

    /// Takes a configuration as soon as a majority takes its limits.
    /// - Parameter revision: as for ``take(_:isAsked:after:taken:)``.
    func takeLater(_ configuration: Configuration, after revision: UInt64?, taken: @escaping Taken) {
        pending.put { ticket in
            var revision = revision
            var waits = RetryWaits()
            var generator = SystemRandomNumberGenerator()
            // It throws when the node ends.
            while (try? await self.cluster.serving()) != nil, ticket.isGood {
                do {
                    try await self.changes.run { [revision] in
                        guard ticket.isGood else { return }
                        try await self.take(configuration, isAsked: false, after: revision, taken: taken)
                    }
                    return
                } catch Gateway.Problem.ledgerUnavailable {
                    if revision == nil { revision = await self.gateway?.limitsRevision() }
                } catch {
                    guard ticket.isGood, !self.isStopping else { return }
                    self.isReloadOK = false
                    return self.logger.error("configuration not reloaded", metadata: ["error": "\(error)"])
                }
                guard (try? await Task.sleep(for: waits.next(using: &generator))) != nil else { return }
            }
        }
    }

    private func reloadCertificates(_ configuration: Configuration) async throws {
        let old = self.configuration.membership?.tls
        guard let old, let new = configuration.membership?.tls, new != old else { return }
        try await cluster.reloadCertificates(try TransportTLS(new))
        logger.notice("the certificates were read anew")
    }

    // MARK: - Limits that a file has no more

    /// Has only the file's limits hold, after they were offered: at once where no other node may need the old ones.
    func retire(_ gateway: Gateway) async {
        guard await gateway.limitsStanding() == .more, let revision = gateway.offeredRevision ?? offered.retiring else {
            record(gateway.configuration, retiring: nil)
            retirement.giveUp()
            return
        }
        record(gateway.configuration, retiring: revision)
        if cluster.view.status?.configuration.members.count ?? 1 <= 1 {
            retirement.giveUp()
            return await retireNow(gateway, offeredAt: revision)
        }
        retirement.put { ticket in
            guard (try? await Task.sleep(for: Self.retirementGrace)) != nil else { return }
            try? await self.changes.run { if ticket.isGood { await self.retireNow(gateway, offeredAt: revision) } }
        }
    }

    private func retireNow(_ gateway: Gateway, offeredAt revision: UInt64) async {
        do {
            try await gateway.retireLimits(offeredAt: revision)
            record(gateway.configuration, retiring: nil)
        } catch {
            logger.warning("limits that the file has no more stay for now", metadata: ["error": "\(error)"])
        }
    }

    /// - Parameter revision: with which the limits were offered, where some that the file has no more are still in force.
    func record(_ configuration: Configuration, retiring revision: UInt64?) {
        do { try offered.record(configuration, retiring: revision) } catch {
            logger.warning("it cannot be noted that the limits were offered", metadata: ["error": "\(error)"])
        }
    }

    // MARK: - Limits of another file

    /// Whether the limits in force are another file's than this node's. What is left over of this node's own former file
    /// is not.
    func hasOtherLimits() async -> Bool {
        switch await gateway?.limitsStanding() {
        case .other?: true
        case .more?: !retirement.isPending
        case .same?, nil: false
        }
    }

    /// Has the limits in force be looked at whenever they change.
    func watchLimits(_ gateway: Gateway) async {
        await gateway.onLimitsChange { [weak self] in
            guard let self else { return }
            // After what changes them here.
            Task { try? await self.changes.run { await self.limitsChanged() } }
        }
    }

    private func limitsChanged() async {
        // Of a file that waits for a majority is said enough.
        if !pending.isPending { await reviewLimits() }
    }

    /// Says that the limits in force are another file's: once for each change of them. And when they are this one's again.
    func reviewLimits() async {
        guard let gateway else { return }
        let differs = await hasOtherLimits()
        let revision = await gateway.limitsRevision()
        let before = state.withLockedValue { state in
            defer { state.otherRevision = differs ? revision : nil }
            return state.otherRevision
        }
        if differs, before != revision {
            logger.warning(
                """
                the limits in force are not those of this node's file: a file of another node changed later; give the \
                nodes the same file, or send SIGHUP to the one whose file shall hold
                """,
                metadata: ["revision": "\(revision)"]
            )
        } else if !differs, before != nil {
            logger.notice(
                "the limits in force are those of this node's file again",
                metadata: ["revision": "\(revision)"]
            )
        }
    }
}
