import Ledger
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import ProofOfWork
import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The HTTP side of a node: its listeners, its event loops, and what they decide by.
///
/// Made by ``start(configuration:group:connectionsMax:logger:makeClient:)``; all methods may be called on any thread.
public final class Gateway: Sendable {
    /// What the gateway needs of a ledger: a client for each of its loops.
    public typealias MakeLedgerClient = @Sendable (any EventLoop) -> any LedgerClient

    private struct Running {
        var listeners: [Listener.Opened] = []
        var isDraining = false
    }

    /// The addresses on which it listens, with the ports that the system chose.
    public var addresses: [ListenAddress] { running.withLockedValue { $0.listeners.map(\.address) } }
    /// What it has counted since it started.
    public let counters: Counters
    /// The last refusals.
    public let refusals: RefusalHistory

    /// Whether one of the open listeners, which a reload does not change, forwards requests.
    private let forwards: Bool
    private let group: MultiThreadedEventLoopGroup
    private let loops: [NIOLoopBound<GatewayLoop>]
    private let logger: Logger
    private let accessLog: AccessLog
    private let current: NIOLockedValueBox<GatewayState>
    private let running = NIOLockedValueBox(Running())

    private init(
        forwards: Bool,
        group: MultiThreadedEventLoopGroup,
        loops: [NIOLoopBound<GatewayLoop>],
        state: GatewayState,
        counters: Counters,
        refusals: RefusalHistory,
        accessLog: AccessLog,
        logger: Logger
    ) {
        self.forwards = forwards
        self.group = group
        self.loops = loops
        self.counters = counters
        self.refusals = refusals
        self.accessLog = accessLog
        self.logger = logger
        current = NIOLockedValueBox(state)
    }

    // MARK: Start

    /// Offers the configuration's limits to the ledger, makes the loops and opens the listeners.
    ///
    /// - Parameters:
    ///   - group: one thread a core; the gateway uses all of its loops and does not shut it down.
    ///   - connectionsMax: connections of clients for which the process has file descriptors; the configuration's bound
    ///     holds as well.
    ///   - makeClient: called once on each loop.
    public static func start(
        configuration: Configuration,
        group: MultiThreadedEventLoopGroup,
        connectionsMax: Int = .max,
        logger: Logger,
        makeClient: @escaping MakeLedgerClient
    ) async throws -> Gateway {
        let eventLoops = Array(group.makeIterator())
        let counters = Counters()
        let refusals = RefusalHistory()
        let accessLog = AccessLog(logger: logger)
        let mask = ClientMask()
        let spending = SpendingTable()
        let clients = try await makeClients(eventLoops, makeClient)
        let definitions = configuration.policies.map(PolicyRuntime.definition)
        let state = try await offer(definitions, for: configuration, through: clients[0])
        var loops: [NIOLoopBound<GatewayLoop>] = []
        for (index, client) in clients.enumerated() {
            let loop = try await client.eventLoop.submit {
                let loop = GatewayLoop(
                    eventLoop: client.eventLoop,
                    index: index,
                    loops: clients.count,
                    ledger: client.value,
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
                return NIOLoopBound(loop, eventLoop: client.eventLoop)
            }.get()
            loops.append(loop)
        }
        let gateway = Gateway(
            forwards: configuration.forwards,
            group: group,
            loops: loops,
            state: state,
            counters: counters,
            refusals: refusals,
            accessLog: accessLog,
            logger: logger
        )
        do {
            for settings in configuration.listeners {
                let opened = try await Listener.open(ListenerRuntime(settings), loops: loops, group: group)
                gateway.running.withLockedValue { $0.listeners.append(opened) }
            }
        } catch {
            await gateway.stopAccepting()
            throw error
        }
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

    /// Puts limits into the ledger as its next revision.
    ///
    /// - Returns: what decides requests by the configuration, whose limits are among them.
    private static func offer(
        _ definitions: [PolicyDefinition],
        for configuration: Configuration,
        through client: NIOLoopBound<any LedgerClient>
    ) async throws -> GatewayState {
        // Another node may set a revision in between: look again, a few times.
        for _ in 0..<4 {
            let result = try await client.eventLoop.flatSubmit {
                let promise = client.eventLoop.makePromise(of: CommandResult.self)
                let revision = client.value.facts.revision
                client.value.submit([.setPolicies(expectedRevision: revision, policies: definitions)]) { result in
                    switch result {
                    case .success(let results): promise.succeed(results[0])
                    case .failure: promise.fail(Problem.ledgerUnavailable)
                    }
                }
                return promise.futureResult
            }.get()
            switch result {
            case .policiesSet:
                let state = try await client.eventLoop.submit {
                    try GatewayState(configuration, facts: client.value.facts)
                }.get()
                if let state { return state }
            case .policiesRefused(.revisionConflict):
                continue
            default:
                throw Problem.limitsRefused("\(result)")
            }
        }
        throw Problem.limitsRefused("other nodes keep changing them")
    }

    // MARK: Reload

    /// Takes a new configuration: requests that begin from now on are decided by it. Listeners stay as they are.
    ///
    /// - Throws: ``Problem``; then nothing has changed, but limits that the ledger has taken stay in it.
    public func reload(_ configuration: Configuration) async throws {
        // Its routes name no upstreams.
        guard configuration.forwards || !forwards else { throw Problem.forwardingListenersOpen }
        let old = current.withLockedValue { $0.configuration }
        let first = loops[0]
        let client = try await first.eventLoop.submit {
            NIOLoopBound(first.value.ledger, eventLoop: first.eventLoop)
        }.get()
        // The ledger drops a limit at once, and requests are under way that were prepared with the old ones. So both hold
        // until every loop has moved on.
        let new = configuration.policies.map(PolicyRuntime.definition)
        let both = Self.union(new, old.policies.map(PolicyRuntime.definition))
        let state: GatewayState
        do {
            state = try await Self.offer(both, for: configuration, through: client)
        } catch Problem.limitsRefused {
            // More than a ledger holds: those under way are then prepared anew.
            state = try await Self.offer(new, for: configuration, through: client)
        }
        current.withLockedValue { $0 = state }
        for loop in loops {
            try await loop.eventLoop.submit { loop.value.adopt(state) }.get()
        }
        // Every loop has moved on: should this fail, limits that nobody asks for any more stay until the next reload.
        if both != new { _ = try? await Self.offer(new, for: configuration, through: client) }
    }

    /// The new definitions with what only the old ones have.
    private static func union(_ new: [PolicyDefinition], _ old: [PolicyDefinition]) -> [PolicyDefinition] {
        var union = new
        for policy in old {
            guard let index = union.firstIndex(where: { $0.name == policy.name }) else {
                union.append(policy)
                continue
            }
            for limit in policy.limits
            where !union[index].limits.contains(where: { $0.role == limit.role && $0.key == limit.key }) {
                union[index].limits.append(limit)
            }
        }
        return union
    }

    /// The configuration by which requests are decided now.
    public var configuration: Configuration { current.withLockedValue { $0.configuration } }

    /// What has been counted, on all loops.
    public func metrics() async -> GatewayMetrics {
        var meters = Meters()
        for loop in loops {
            guard let some = try? await loop.eventLoop.submit({ loop.value.observer.meters }).get() else { continue }
            meters.add(some)
        }
        return GatewayMetrics(
            meters,
            configuration: configuration,
            connections: counters.connections,
            accessLinesDropped: accessLog.dropped
        )
    }

    // MARK: End

    /// How long a reader of the access log is waited for in the end.
    private static let accessLogPatience = TimeAmount.seconds(2)

    /// Whether the gateway takes new connections and can answer by its policies.
    public var isReady: Bool { running.withLockedValue { !$0.isDraining && !$0.listeners.isEmpty } }

    /// From now on ``isReady`` is false, so that load balancers look elsewhere.
    public func announceShutdown() {
        running.withLockedValue { $0.isDraining = true }
    }

    /// Stops accepting, finishes what runs, and ends what has not finished by the deadline.
    public func shutdown(deadline: TimeAmount) async {
        announceShutdown()
        await stopAccepting()
        let group = self.group
        let loops = self.loops
        let finished = group.next().makePromise(of: Void.self)
        let timer = group.next().scheduleTask(in: deadline) { finished.succeed() }
        let drains = loops.map { loop in loop.eventLoop.flatSubmit { loop.value.drain() } }
        EventLoopFuture.andAllComplete(drains, on: group.next()).whenComplete { _ in
            timer.cancel()
            finished.succeed()
        }
        try? await finished.futureResult.get()
        for loop in loops {
            try? await loop.eventLoop.submit { loop.value.closeAll() }.get()
            try? await loop.eventLoop.submit { loop.value.observer.flush() }.get()
        }
        await accessLog.close(within: Self.accessLogPatience)
    }

    private func stopAccepting() async {
        let listeners = running.withLockedValue { running in
            defer { running.listeners = [] }
            return running.listeners
        }
        for listener in listeners {
            listener.file?.remove()
            for channel in listener.channels { try? await channel.close().get() }
        }
    }
}

extension Configuration {
    /// Whether a listener forwards requests, so that every route that may say yes names an upstream.
    fileprivate var forwards: Bool { listeners.contains { $0.mode == .proxy } }
}
