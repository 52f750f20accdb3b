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

    /// Of each it is open whether it came into force: so many must be looked at together.
    private static let inDoubtMax = 4

    // MARK: - Reload

    /// Takes a new configuration. What is of the certificates it takes also before it is open.
    /// - Parameters:
    ///   - isAsked: an operator asks for it, and not only the file has changed: limits in force that are another file's
    ///     give way to this one's.
    ///   - taken: called when it is taken, which may be later. Not called where another configuration comes before.
    /// - Throws: ``Gateway/Problem``, ``DescriptorError``; then nothing has changed. After `ledgerUnavailable` it is tried again by itself.
    func reload(_ configuration: Configuration, isAsked: Bool, taken: @escaping Taken) async throws {
        giveUpPending()
        try await changes.run {
            let standing = await self.gateway?.limitsInForce()
            do {
                try await self.take(configuration, isAsked: isAsked, taken: taken)
            } catch Gateway.Problem.ledgerUnavailable {
                if self.gateway != nil { self.takeLater(configuration, after: standing, taken: taken) }
                throw Gateway.Problem.ledgerUnavailable
            }
        }
    }

    /// Whatever waits for a majority is no longer wanted.
    /// - Returns: whether there was something.
    @discardableResult
    func giveUpPending() -> Bool { pending.giveUp() }

    /// - Parameter standing: it was offered before, in vain, when these were the limits in force: it is offered again,
    ///   unless another node's have come since.
    private func take(
        _ configuration: Configuration,
        isAsked: Bool,
        after standing: LimitsInForce? = nil,
        taken: Taken
    ) async throws {
        try await reloadCertificates(configuration)
        let old = self.configuration
        let isOpen = state.withLockedValue { state in
            if state.gateway == nil { state.configuration = configuration }
            return state.gateway
        }
        guard let gateway = isOpen else { return taken(old) }
        try FileDescriptors.check(configuration)
        let connectionsMax = FileDescriptors.connectionsMax(configuration, logger: logger)
        // What was offered in vain before may come into force yet, and then this one's must follow it.
        let isInDoubt = state.withLockedValue { !$0.inDoubt.isEmpty }
        var offers = standing != nil || isInDoubt || offered.isNews(configuration)
        if isAsked, !offers { offers = await hasOtherLimits() }
        if offers { begin(configuration) }
        let (former, isComplete) = state.withLockedValue { ($0.inDoubt, !$0.isDoubtIncomplete) }
        do {
            try await gateway.reload(
                configuration,
                connectionsMax: connectionsMax,
                offersLimits: offers,
                after: isComplete ? standing : nil,
                orOwn: former
            )
        } catch Gateway.Problem.ledgerUnavailable {
            doubt(configuration)
            throw Gateway.Problem.ledgerUnavailable
        } catch Gateway.Problem.superseded {
            logger.warning(
                "limits of another node's file came into force before this one's could: these are not offered"
            )
            try await gateway.reload(configuration, connectionsMax: connectionsMax, offersLimits: false)
            offers = false
            record(configuration, retiring: nil)
        }
        state.withLockedValue { $0.configuration = configuration }
        endDoubt()
        if offers { await retire(gateway) }
        taken(old)
        await reviewLimits()
    }

    /// Limits were offered, and nobody knows whether they will be in force.
    func doubt(_ configuration: Configuration) {
        state.withLockedValue { state in
            if state.inDoubt.last != configuration { state.inDoubt.append(configuration) }
            // What is in force then cannot be told from another node's: the last word is this one's.
            if state.inDoubt.count > Self.inDoubtMax {
                state.inDoubt.removeFirst()
                state.isDoubtIncomplete = true
            }
        }
    }

    /// What is in force now came after whatever was offered in vain.
    func endDoubt() {
        state.withLockedValue { state in
            state.inDoubt = []
            state.isDoubtIncomplete = false
        }
    }

    /// Takes a configuration as soon as a majority takes its limits.
    /// - Parameter standing: as for ``take(_:isAsked:after:taken:)``.
    func takeLater(_ configuration: Configuration, after standing: LimitsInForce?, taken: @escaping Taken) {
        pending.put { ticket in
            var standing = standing
            var waits = RetryWaits()
            var generator = SystemRandomNumberGenerator()
            // It throws when the node ends.
            while (try? await self.cluster.serving()) != nil, ticket.isGood {
                let before = await self.gateway?.limitsInForce()
                do {
                    try await self.changes.run { [standing] in
                        guard ticket.isGood else { return }
                        try await self.take(configuration, isAsked: false, after: standing, taken: taken)
                    }
                    return
                } catch Gateway.Problem.ledgerUnavailable {
                    if standing == nil { standing = before }
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
            if await retireNow(gateway, offeredAt: revision) { return }
            return retirement.put { await self.retireLater(gateway, offeredAt: revision, ticket: $0) }
        }
        retirement.put { ticket in
            guard (try? await Task.sleep(for: Self.retirementGrace)) != nil else { return }
            await self.retireLater(gateway, offeredAt: revision, ticket: ticket)
        }
    }

    /// Does it as soon as a majority takes it.
    private func retireLater(_ gateway: Gateway, offeredAt revision: UInt64, ticket: Later.Ticket) async {
        var waits = RetryWaits()
        var generator = SystemRandomNumberGenerator()
        // It throws when the node ends.
        while (try? await cluster.serving()) != nil, ticket.isGood {
            let isDone = try? await changes.run {
                guard ticket.isGood else { return true }
                return await self.retireNow(gateway, offeredAt: revision)
            }
            guard isDone == false, (try? await Task.sleep(for: waits.next(using: &generator))) != nil else { return }
        }
    }

    /// - Returns: whether there is nothing more to do: false where no majority took it.
    private func retireNow(_ gateway: Gateway, offeredAt revision: UInt64) async -> Bool {
        do {
            try await gateway.retireLimits(offeredAt: revision)
        } catch Gateway.Problem.ledgerUnavailable {
            logger.debug("no majority retires the limits that the file has no more yet")
            return false
        } catch {
            logger.warning("limits that the file has no more stay for now", metadata: ["error": "\(error)"])
            return true
        }
        record(gateway.configuration, retiring: nil)
        return true
    }

    /// Notes that limits are about to be offered: whether they came into force need not be known before the next start.
    func begin(_ configuration: Configuration) {
        do { try offered.begin(configuration) } catch { couldNotNote(error) }
    }

    private func couldNotNote(_ error: any Error) {
        logger.warning("it cannot be noted that the limits were offered", metadata: ["error": "\(error)"])
    }

    /// - Parameter revision: with which the limits were offered, where some that the file has no more are still in force.
    func record(_ configuration: Configuration, retiring revision: UInt64?) {
        do { try offered.record(configuration, retiring: revision) } catch { couldNotNote(error) }
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
        let revision = await gateway.limitsInForce()?.revision ?? 0
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
