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
    struct State {
        var configuration: Configuration
        var gateway: Gateway?
        /// What ``Node/open()`` does.
        var opening: Task<Void, any Error>?
        var isReloadOK = true
        /// Configurations whose limits were offered in vain since the last that was taken: they may be in force all the same.
        /// The last few; the oldest first.
        var inDoubt: [Configuration] = []
        /// There were more of them.
        var isDoubtIncomplete = false
        /// The revision of the limits in force of which was said that they are another file's; nil where they are not.
        var otherRevision: UInt64?
        /// What ``Node/stop(deadline:)`` does.
        var stopping: Task<Void, Never>?
        var isStopping: Bool { stopping != nil }
    }

    let state: NIOLockedValueBox<State>
    let cluster: Cluster
    let offered: OfferedLimits
    let refusals: RefusalHistory
    private let probes: ProbeServer?
    private let admin: AdminServer?
    let group: MultiThreadedEventLoopGroup
    private let replicaGroup: MultiThreadedEventLoopGroup
    /// Nil where it was ended.
    private let ended: EventLoopPromise<StopReason?>
    /// The limits that the file has no more, until they are retired.
    let retirement = Later()
    /// A configuration whose limits wait for a majority.
    let pending = Later()
    /// Changes of the configuration and of the limits in force.
    let changes = OneAtATime()
    let logger: Logger

    /// The configuration that was read last.
    var configuration: Configuration { state.withLockedValue { $0.configuration } }
    /// Whether the file that was read last holds.
    var isReloadOK: Bool {
        get { state.withLockedValue { $0.isReloadOK } }
        set { state.withLockedValue { $0.isReloadOK = newValue } }
    }
    var isStopping: Bool { state.withLockedValue { $0.isStopping } }
    /// Nil before it is open.
    var gateway: Gateway? { state.withLockedValue { $0.gateway } }
    /// Where it listens for clients; empty before it is open.
    var addresses: [ListenAddress] { gateway?.addresses ?? [] }
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
    /// - Throws: ``DescriptorError``, ``ClusterError``, ``PeerSettingsError``, ``ListenError``.
    static func start(_ configuration: Configuration, logger: Logger) async throws -> Node {
        try FileDescriptors.check(configuration)
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
                    nodeBox.withLockedValue { $0 }?.configuration ?? configuration
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

    /// Returns when the replica has ended: by itself for this reason, or since it was stopped.
    func untilEnded() async throws -> StopReason? { try await ended.futureResult.get() }

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
        retirement.giveUp()
        pending.giveUp()
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
