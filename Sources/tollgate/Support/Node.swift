import Admin
import Cluster
import Gateway
import Ledger
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import ProofOfWork
import RaftTransport
import Replica
import Settings
import Wire

/// A node: its part in the cluster, its probes and its admin interface, and its gateway once there is a state to decide by.
///
///     started ──(it has a state, and the limits hold)──▶ open ──▶ stopped
final class Node: Sendable {
    private struct State {
        var configuration: Configuration
        var gateway: Gateway?
        /// What ``Node/open()`` does.
        var opening: Task<Void, any Error>?
        var isReloadOK = true
        /// What ``Node/stop(deadline:)`` does.
        var stopping: Task<Void, Never>?
        var isStopping: Bool { stopping != nil }
    }

    private let state: NIOLockedValueBox<State>
    private let cluster: Cluster
    private let offered: OfferedLimits
    private let refusals: RefusalHistory
    private let probes: ProbeServer?
    private let admin: AdminServer?
    private let group: MultiThreadedEventLoopGroup
    private let replicaGroup: MultiThreadedEventLoopGroup
    /// Nil where it was ended.
    private let ended: EventLoopPromise<StopReason?>
    /// What is to be done later with the limits.
    private let retirement = NIOLockedValueBox<Task<Void, Never>?>(nil)
    /// Changes of the configuration and of the limits in force.
    private let changes = OneAtATime()
    private let logger: Logger

    /// The configuration that was read last.
    var configuration: Configuration { state.withLockedValue { $0.configuration } }
    /// Whether the file that was read last holds.
    var isReloadOK: Bool {
        get { state.withLockedValue { $0.isReloadOK } }
        set { state.withLockedValue { $0.isReloadOK = newValue } }
    }
    var isStopping: Bool { state.withLockedValue { $0.isStopping } }
    /// Where it listens for clients; empty before it is open.
    var addresses: [ListenAddress] { state.withLockedValue { $0.gateway }?.addresses ?? [] }
    var probesAddress: ListenAddress? { probes?.address }
    var adminAddress: ListenAddress? { admin?.address }

    private init(
        configuration: Configuration,
        cluster: Cluster,
        offered: OfferedLimits,
        refusals: RefusalHistory,
        probes: ProbeServer?,
        admin: AdminServer?,
        group: MultiThreadedEventLoopGroup,
        replicaGroup: MultiThreadedEventLoopGroup,
        ended: EventLoopPromise<StopReason?>,
        logger: Logger
    ) {
        state = NIOLockedValueBox(State(configuration: configuration))
        self.cluster = cluster
        self.offered = offered
        self.refusals = refusals
        self.probes = probes
        self.admin = admin
        self.group = group
        self.replicaGroup = replicaGroup
        self.ended = ended
        self.logger = logger
    }

    // MARK: - Start

    /// Opens the data folder, takes part in the cluster and listens for operators. ``open()`` does the rest.
    /// - Throws: ``ClusterError``, ``PeerSettingsError``, ``ListenError``.
    static func start(_ configuration: Configuration, logger: Logger) async throws -> Node {
        let settings = try ClusterSettings(configuration)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
        let replicaGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var cluster: Cluster?
        var probes: ProbeServer?
        let ended = replicaGroup.next().makePromise(of: StopReason?.self)
        do {
            let started = try await Cluster.start(settings, on: replicaGroup.next(), logger: logger) {
                ended.succeed($0)
            }
            cluster = started
            let refusals = RefusalHistory()
            // The probes and the admin interface ask the node, which is made after them.
            let nodeBox = NIOLockedValueBox<Node?>(nil)
            if let address = configuration.probes {
                probes = try await ProbeServer.start(on: address, group: group) {
                    nodeBox.withLockedValue { $0 }?.readiness ?? .starting
                } metrics: {
                    await nodeBox.withLockedValue { $0 }?.metrics()
                }
            }
            var admin: AdminServer?
            if let settings = configuration.admin {
                let told = AdminCluster(cluster: started, version: Version.number) {
                    (nodeBox.withLockedValue { $0 }?.configuration ?? configuration).hash
                }
                admin = try await AdminServer.start(on: settings, group: group, refusals: refusals, cluster: told)
            }
            let node = Node(
                configuration: configuration,
                cluster: started,
                offered: OfferedLimits(directory: configuration.node.data),
                refusals: refusals,
                probes: probes,
                admin: admin,
                group: group,
                replicaGroup: replicaGroup,
                ended: ended,
                logger: logger
            )
            nodeBox.withLockedValue { $0 = node }
            return node
        } catch {
            // What has been opened so far leaves no socket file behind.
            await probes?.stop()
            await cluster?.stop()
            ended.fail(error)
            try? await group.shutdownGracefully()
            try? await replicaGroup.shutdownGracefully()
            throw error
        }
    }

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
        var isPending = false
        while true {
            let configuration = self.configuration
            // Limits that nobody has set yet are everybody's to set; those in force are another file's unless this one is
            // newer.
            let offers = facts.revision == 0 || offered.isNews(configuration)
            let gateway: Gateway
            do {
                gateway = try await start(configuration, offers: offers && !isPending)
            } catch Gateway.Problem.ledgerUnavailable {
                logger.warning("no majority takes the limits of the file yet")
                isPending = facts.revision > 0
                continue
            }
            await opened(gateway, by: configuration, offers: offers, isPending: isPending)
            // The next start finds them without a majority.
            if isFirst { cluster.requestSnapshot() }
            return
        }
    }

    private func opened(_ gateway: Gateway, by configuration: Configuration, offers: Bool, isPending: Bool) async {
        let isStopping = state.withLockedValue { state in
            if !state.isStopping { state.gateway = gateway }
            return state.isStopping
        }
        if isStopping { return await gateway.shutdown(deadline: .zero) }
        if !isPending {
            if offers || !offered.hasRecord {
                record(configuration, isRetiring: false)
            } else if offered.isRetiring {
                await retire(gateway)
            }
        }
        if isPending || self.configuration != configuration {
            takeLater()
        } else {
            await reportOtherLimits(gateway)
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
            connectionsMax: Self.connectionsMax(configuration, logger: logger),
            offersLimits: offers,
            refusals: refusals,
            logger: logger
        ) { [cluster] in cluster.makeClient(on: $0) }
    }

    /// Returns when the replica has ended: by itself for this reason, or since it was stopped.
    func untilEnded() async throws -> StopReason? { try await ended.futureResult.get() }

    // MARK: - Limits

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
    private func record(_ configuration: Configuration, isRetiring: Bool) {
        do { try offered.record(configuration, isRetiring: isRetiring) } catch {
            logger.warning("it cannot be noted that the limits were offered", metadata: ["error": "\(error)"])
        }
    }

    /// Has only the new limits hold: at once where no other node may need the old ones.
    private func retire(_ gateway: Gateway) async {
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
    private func takeLater() {
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

    private func reportOtherLimits(_ gateway: Gateway) async {
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

    // MARK: - What others see

    /// Whether a load balancer should send requests here.
    var readiness: Readiness {
        let (gateway, isStopping) = state.withLockedValue { ($0.gateway, $0.isStopping) }
        if isStopping { return .stopping }
        guard let gateway, gateway.isReady else { return .starting }
        // Every policy denies what cannot be decided.
        let needsQuorum = gateway.configuration.routes.contains {
            if case .policy = $0.action { true } else { false }
        }
        let hasQuorum = cluster.view.hasQuorum
        return hasQuorum ? .ready : needsQuorum ? .noQuorum : .readyWithoutQuorum
    }

    private func metrics() async -> NodeMetrics {
        let (gateway, isReloadOK) = state.withLockedValue { ($0.gateway, $0.isReloadOK) }
        return NodeMetrics(
            gateway: await gateway?.metrics(),
            ledger: cluster.counts,
            cluster: await cluster.metrics(),
            isReloadOK: isReloadOK,
            version: Version.number
        )
    }

    /// Connections of clients for which there are descriptors, beside those to the upstreams.
    private static func connectionsMax(_ configuration: Configuration, logger: Logger) -> Int {
        let descriptors = FileDescriptors.raiseLimit()
        let upstreams = configuration.upstreams.reduce(0) { $0 + $1.maxConnections * $1.servers.count }
        let wanted = configuration.limits.maxConnections
        let rest = descriptors - FileDescriptors.reserved
        // Where there is too little for both, clients and upstreams share it evenly.
        let forClients = max(1, max(rest - upstreams, rest / 2))
        if forClients < wanted {
            logger.warning(
                "too few file descriptors for limits.maxConnections; raise the hard limit (LimitNOFILE=)",
                metadata: ["descriptors": "\(descriptors)", "connections": "\(forClients)", "wanted": "\(wanted)"]
            )
        }
        return forClients
    }

    // MARK: - End

    /// Leads no more, stops accepting, finishes what runs within the deadline, and ends. Whoever calls it again waits for
    /// the same end.
    func stop(deadline: TimeAmount) async {
        let stopping = state.withLockedValue { state in
            let gateway = state.gateway
            let stopping = state.stopping ?? Task { await end(gateway, deadline: deadline) }
            state.stopping = stopping
            return stopping
        }
        await stopping.value
    }

    private func end(_ gateway: Gateway?, deadline: TimeAmount) async {
        retirement.withLockedValue { $0 }?.cancel()
        await cluster.handOver()
        await gateway?.shutdown(deadline: deadline)
        await cluster.stop()
        // What waited for the cluster comes to its end now. It needs the loops until then.
        _ = await state.withLockedValue { $0.opening }?.result
        try? await changes.run {}
        await probes?.stop()
        await admin?.stop()
        ended.succeed(nil)
        try? await group.shutdownGracefully()
        try? await replicaGroup.shutdownGracefully()
    }
}
