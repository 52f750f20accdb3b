import Admin
import Gateway
import Ledger
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import ProofOfWork
import Settings
import Wire

/// A running node: the gateway, its ledger, its probes and its admin interface.
final class Node: Sendable {
    let gateway: Gateway
    /// Whether the configuration that was read last holds.
    let isReloadOK: NIOLockedValueBox<Bool>
    private let probes: ProbeServer?
    private let admin: AdminServer?
    private let group: MultiThreadedEventLoopGroup

    var addresses: [ListenAddress] { gateway.addresses }
    var probesAddress: ListenAddress? { probes?.address }
    var adminAddress: ListenAddress? { admin?.address }

    private init(
        gateway: Gateway,
        isReloadOK: NIOLockedValueBox<Bool>,
        probes: ProbeServer?,
        admin: AdminServer?,
        group: MultiThreadedEventLoopGroup
    ) {
        self.gateway = gateway
        self.isReloadOK = isReloadOK
        self.probes = probes
        self.admin = admin
        self.group = group
    }

    /// Starts a node whose state is in memory: each start is a new genesis, so that passes of an earlier run are gone
    /// together with the quotas that they were bought from.
    static func start(_ configuration: Configuration, logger: Logger) async throws -> Node {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
        do {
            let ledger = LocalLedger(genesis: .random())
            let connectionsMax = Self.connectionsMax(configuration, logger: logger)
            let gateway = try await Gateway.start(
                configuration: configuration,
                group: group,
                connectionsMax: connectionsMax,
                logger: logger
            ) { loop in
                let id = TokenID.random()
                return ledger.makeClient(on: loop, owner: ReplicaID(high: id.high, low: id.low))
            }
            let isReloadOK = NIOLockedValueBox(true)
            var probes: ProbeServer?
            do {
                if let address = configuration.probes {
                    probes = try await ProbeServer.start(on: address, group: group) {
                        gateway.isReady
                    } metrics: {
                        NodeMetrics(
                            gateway: await gateway.metrics(),
                            ledger: ledger.counts,
                            isReloadOK: isReloadOK.withLockedValue { $0 },
                            version: Version.number
                        )
                    }
                }
                var admin: AdminServer?
                if let settings = configuration.admin {
                    admin = try await AdminServer.start(on: settings, group: group, refusals: gateway.refusals)
                }
                return Node(gateway: gateway, isReloadOK: isReloadOK, probes: probes, admin: admin, group: group)
            } catch {
                // What has been opened so far leaves no socket file behind.
                await probes?.stop()
                await gateway.shutdown(deadline: .zero)
                throw error
            }
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
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

    /// Stops accepting, finishes what runs within the deadline, and ends.
    func stop(deadline: TimeAmount) async {
        await gateway.shutdown(deadline: deadline)
        await probes?.stop()
        await admin?.stop()
        try? await group.shutdownGracefully()
    }
}

extension Genesis {
    /// A cluster of its own: random id, secret and first epoch. The epoch's upper half is left for those that follow.
    static func random() -> Genesis {
        let id = TokenID.random()
        let epoch = randomBytes(count: 4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) } >> 1
        return Genesis(
            clusterID: ClusterID(high: id.high, low: id.low),
            secret: randomBytes(count: 32),
            firstEpoch: epoch
        )
    }
}
