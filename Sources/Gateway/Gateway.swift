import Ledger
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import ProofOfWork
import Quota
import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The HTTP side of a node: its listeners, its event loops, and what they decide by.
///
/// Made by ``start(configuration:group:connectionsMax:offersLimits:refusals:logger:makeClient:)``; all methods may be called on any thread.
public final class Gateway: Sendable {
    /// What the gateway needs of a ledger: a client for each of its loops.
    public typealias MakeLedgerClient = @Sendable (any EventLoop) -> any LedgerClient
    /// What it needs to talk with other gateways: a way to them for one of its loops.
    public typealias MakeQuotaPeers = @Sendable (any EventLoop) -> any QuotaPeers

    struct Running {
        var listeners: [Listener.Opened] = []
        var isDraining = false
        /// Whether what is decided at this node alone is decided by what its peers have told.
        var hasHeardPeers = false
    }

    /// The addresses on which it listens, with the ports that the system chose.
    public var addresses: [ListenAddress] { running.withLockedValue { $0.listeners.map(\.address) } }
    /// What it has counted since it started.
    public let counters: Counters
    /// The last refusals.
    public let refusals: RefusalHistory

    /// Whether one of the open listeners, which a reload does not change, forwards requests.
    private let forwards: Bool
    let group: MultiThreadedEventLoopGroup
    let loops: [NIOLoopBound<GatewayLoop>]
    let desks: NIOLoopBound<Quotas.Desks>
    let logger: Logger
    let accessLog: AccessLog
    private let current: NIOLockedValueBox<Configuration>
    private let offered = NIOLockedValueBox<UInt64?>(nil)
    let running = NIOLockedValueBox(Running())

    private init(
        forwards: Bool,
        group: MultiThreadedEventLoopGroup,
        loops: [NIOLoopBound<GatewayLoop>],
        desks: NIOLoopBound<Quotas.Desks>,
        configuration: Configuration,
        counters: Counters,
        refusals: RefusalHistory,
        accessLog: AccessLog,
        logger: Logger
    ) {
        self.forwards = forwards
        self.group = group
        self.loops = loops
        self.desks = desks
        self.counters = counters
        self.refusals = refusals
        self.accessLog = accessLog
        self.logger = logger
        current = NIOLockedValueBox(configuration)
    }

    // MARK: Start

    /// Makes the loops, has the ledger take the configuration's limits beside those that it holds, and opens the listeners.
    ///
    /// - Parameters:
    ///   - group: one thread a core; the gateway uses all of its loops and does not shut it down.
    ///   - connectionsMax: connections of clients for which the process has file descriptors; the configuration's bound
    ///     holds as well.
    ///   - offersLimits: whether the configuration's limits are offered to the ledger, to be followed by
    ///     ``retireLimits(offeredAt:)``; if not, those in force hold.
    ///   - refusals: where the last refusals are kept.
    ///   - clock: nanoseconds that never run backwards and count while the machine sleeps. Any thread.
    ///   - makePeers: called once, on the first loop; nil where there are no other gateways.
    ///   - makeClient: called once on each loop.
    /// - Throws: ``Problem``, ``ListenError``.
    public static func start(
        configuration: Configuration,
        group: MultiThreadedEventLoopGroup,
        connectionsMax: Int = .max,
        offersLimits: Bool = true,
        refusals: RefusalHistory = RefusalHistory(),
        logger: Logger,
        clock: @escaping @Sendable () -> UInt64 = BootTimeClock.nanoseconds,
        makePeers: MakeQuotaPeers? = nil,
        makeClient: @escaping MakeLedgerClient
    ) async throws -> Gateway {
        let eventLoops = Array(group.makeIterator())
        let counters = Counters()
        let accessLog = AccessLog(logger: logger)
        let mask = ClientMask()
        let spending = SpendingTable()
        let clients = try await makeClients(eventLoops, makeClient)
        // As at a reload: other nodes' requests are prepared by the limits that hold.
        var offeredRevision: UInt64?
        if offersLimits { offeredRevision = try await LimitOffer(client: clients[0]).add(configuration.definitions) }
        let state = try await clients[0].eventLoop.submit {
            try GatewayState(configuration, facts: clients[0].value.facts, now: clients[0].value.now())
        }.get()
        let quotas = try await Quotas.make(clients, clock: clock, makePeers: makePeers)
        let issues = try await clients[0].eventLoop.submit {
            IssueDesk(eventLoop: clients[0].eventLoop, ledger: clients[0].value)
        }.get()
        var loops: [NIOLoopBound<GatewayLoop>] = []
        for (index, client) in clients.enumerated() {
            let loop = try await client.eventLoop.submit {
                let loop = GatewayLoop(
                    eventLoop: client.eventLoop,
                    index: index,
                    loops: clients.count,
                    ledger: client.value,
                    quota: quotas.loops[index].value,
                    desks: index == 0 ? quotas.desks.value : nil,
                    issues: issues,
                    spending: spending,
                    state: state,
                    connectionsMax: connectionsMax,
                    counters: counters,
                    observer: LoopObserver(
                        eventLoop: client.eventLoop,
                        mask: mask,
                        accessLog: accessLog,
                        refusals: refusals
                    ),
                    logger: logger
                )
                // Its client may have seen newer facts since.
                loop.refreshedState()
                return NIOLoopBound(loop, eventLoop: client.eventLoop)
            }.get()
            loops.append(loop)
        }
        let gateway = Gateway(
            forwards: configuration.forwards,
            group: group,
            loops: loops,
            desks: quotas.desks,
            configuration: configuration,
            counters: counters,
            refusals: refusals,
            accessLog: accessLog,
            logger: logger
        )
        gateway.offered.withLockedValue { $0 = offeredRevision }
        do {
            for settings in configuration.listeners {
                let opened = try await Listener.open(ListenerRuntime(settings), loops: loops, group: group)
                gateway.running.withLockedValue { $0.listeners.append(opened) }
            }
        } catch {
            await gateway.stopAccepting()
            throw error
        }
        try await quotas.desks.eventLoop.submit {
            quotas.desks.value.eventual.whenPeersHaveTold { [weak gateway] in
                gateway?.running.withLockedValue { $0.hasHeardPeers = true }
            }
        }.get()
        return gateway
    }

    private static func makeClients(
        _ eventLoops: [any EventLoop],
        _ makeClient: @escaping MakeLedgerClient
    ) async throws -> [NIOLoopBound<any LedgerClient>] {
        var clients: [NIOLoopBound<any LedgerClient>] = []
        for eventLoop in eventLoops {
            clients.append(
                try await eventLoop.submit { NIOLoopBound(makeClient(eventLoop), eventLoop: eventLoop) }.get()
            )
        }
        return clients
    }

    // MARK: Reload

    /// Takes a new configuration: requests that begin from now on are decided by it. Listeners stay as they are.
    ///
    /// - Parameters:
    ///   - connectionsMax, offersLimits: as at the start.
    ///   - standing: the limits in force that the configuration's may follow; nil: any.
    ///   - former: configurations that were offered since then in vain, in their order; their limits may have come into
    ///     force all the same, and may be followed as well.
    /// - Throws: ``Problem``, `superseded` where another node's are in force since; then nothing has changed, but limits
    ///   that the ledger has taken stay in it.
    public func reload(
        _ configuration: Configuration,
        connectionsMax: Int = .max,
        offersLimits: Bool = true,
        after standing: LimitsInForce? = nil,
        orOwn former: [Configuration] = []
    ) async throws {
        // Its routes name no upstreams.
        guard configuration.forwards || !forwards else { throw Problem.forwardingListenersOpen }
        // The ledger drops a limit at once, and requests are under way that were prepared with the old ones, here and at
        // other nodes. So both hold until every loop has moved on.
        if offersLimits {
            let revision = try await offer().add(
                configuration.definitions,
                after: standing,
                orOwn: [self.configuration.definitions] + former.map(\.definitions)
            )
            offered.withLockedValue { $0 = revision }
        }
        for loop in loops {
            try await loop.eventLoop.submit {
                let ledger = loop.value.ledger
                let state = try GatewayState(configuration, facts: ledger.facts, now: ledger.now())
                loop.value.adopt(state, connectionsMax: connectionsMax)
            }.get()
        }
        current.withLockedValue { $0 = configuration }
    }

    /// Has the ledger hold the configuration's limits and no others: after ``reload(_:connectionsMax:offersLimits:after:orOwn:)``, when
    /// nobody asks for the old ones any more. Where another node has offered limits meanwhile, nothing changes.
    ///
    /// - Parameter revision: with which the limits were offered: ``offeredRevision``, also of a former gateway.
    /// - Throws: ``Problem``: limits that nobody asks for stay until the next time.
    public func retireLimits(offeredAt revision: UInt64) async throws {
        try await offer().retire(allBut: configuration.definitions, offeredAt: revision)
    }

    /// The revision with which the ledger took the limits that were offered last; nil where none were.
    public var offeredRevision: UInt64? { offered.withLockedValue { $0 } }

    /// How the limits in force stand to those of the configuration: others, where another node's file has changed since.
    public func limitsStanding() async -> LimitsStanding {
        let definitions = configuration.definitions
        let first = loops[0]
        let held = try? await first.eventLoop.submit { first.value.ledger.facts.definitions }.get()
        return held.map(definitions.standing(of:)) ?? .same
    }

    /// The limits in force, as this node knows them; nil where the loops have ended.
    public func limitsInForce() async -> LimitsInForce? {
        let first = loops[0]
        return try? await first.eventLoop.submit { first.value.ledger.facts.limitsInForce }.get()
    }

    /// Has something be done whenever the limits in force have changed: on a loop of the gateway, after requests have begun
    /// to be decided by them.
    public func onLimitsChange(_ body: @escaping @Sendable () -> Void) async {
        let first = loops[0]
        try? await first.eventLoop.submit { first.value.onLimitsChange = body }.get()
    }

    private func offer() async throws -> LimitOffer {
        let first = loops[0]
        let client = try await first.eventLoop.submit {
            NIOLoopBound(first.value.ledger, eventLoop: first.eventLoop)
        }.get()
        return LimitOffer(client: client)
    }

    /// The configuration by which requests are decided now.
    public var configuration: Configuration { current.withLockedValue { $0 } }

    /// What has been counted, on all loops.
    public func metrics() async -> GatewayMetrics {
        var meters = Meters()
        for loop in loops {
            guard let some = try? await loop.eventLoop.submit({ loop.value.observer.meters }).get() else { continue }
            meters.add(some)
        }
        let configuration = self.configuration
        let desks = self.desks
        let quotas = try? await desks.eventLoop.submit { [letThrough = meters.letThrough] in
            desks.value.metrics(configuration, letThrough: letThrough)
        }.get()
        let first = loops[0]
        return GatewayMetrics(
            meters,
            quotas: quotas?.policies ?? [],
            unreportableUnits: quotas?.lost ?? 0,
            configuration: configuration,
            facts: try? await first.eventLoop.submit { first.value.ledger.facts }.get(),
            connections: counters.connections,
            accessLinesDropped: accessLog.dropped
        )
    }
}

extension Configuration {
    /// Whether a listener forwards requests, so that every route that may say yes names an upstream.
    fileprivate var forwards: Bool { listeners.contains { $0.mode == .proxy } }
}
