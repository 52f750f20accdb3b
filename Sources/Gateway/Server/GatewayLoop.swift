import Ledger
import Logging
import NIOCore
import NIOHTTP1
import ProofOfWork
import Settings

/// What one event loop of the gateway owns: its client of the ledger, its upstream pools, its connections.
///
/// A request stays on its loop from accept to log. Confined to the loop; other threads reach it by `eventLoop.execute`.
final class GatewayLoop {
    let eventLoop: any EventLoop
    let ledger: any LedgerClient
    let redeemer: Redeemer
    let counters: Counters
    private(set) var state: GatewayState
    private let index: Int
    private let loops: Int
    private let logger: Logger
    private var pools: [String: UpstreamPool] = [:]
    private var connections: [ObjectIdentifier: FrontHandler] = [:]
    private var isDraining = false
    private var drained: EventLoopPromise<Void>?

    init(
        eventLoop: any EventLoop,
        index: Int,
        loops: Int,
        ledger: any LedgerClient,
        spending: SpendingTable,
        state: GatewayState,
        counters: Counters,
        logger: Logger
    ) {
        self.eventLoop = eventLoop
        self.index = index
        self.loops = loops
        self.ledger = ledger
        self.state = state
        self.counters = counters
        self.logger = logger
        redeemer = Redeemer(eventLoop: eventLoop, ledger: ledger, spending: spending)
    }

    // MARK: State

    /// Takes a new configuration for all requests to come. Pools whose upstream changed are replaced.
    func adopt(_ state: GatewayState) {
        self.state = state
        for (name, pool) in pools where state.configuration.upstream(named: name) != pool.settings {
            pool.closeIdle()
            pools[name] = nil
        }
    }

    /// The state against the ledger's newest facts; the old one where that cannot be made.
    func refreshedState() -> GatewayState {
        let facts = ledger.facts
        guard facts.generation != state.generation else { return state }
        do {
            if let fresh = try GatewayState(state.configuration, facts: facts) { state = fresh }
        } catch {
            logger.error("cannot take over new keys", metadata: ["error": "\(error)"])
        }
        return state
    }

    func pool(_ upstream: String) -> UpstreamPool {
        if let pool = pools[upstream] { return pool }
        guard let settings = state.configuration.upstream(named: upstream) else {
            preconditionFailure("a checked configuration names an upstream that does not exist")
        }
        let pool = UpstreamPool(eventLoop: eventLoop, settings: settings, firstServer: index, loops: loops)
        pools[upstream] = pool
        return pool
    }

    // MARK: Connections

    /// Whether another connection may be taken.
    var hasRoom: Bool { connections.count < max(1, state.configuration.limits.maxConnections / loops) }

    var connectionCount: Int { connections.count }

    func opened(_ front: FrontHandler) {
        connections[ObjectIdentifier(front)] = front
        counters.connectionOpened()
        if isDraining { front.drain() }
    }

    func closed(_ front: FrontHandler) {
        guard connections.removeValue(forKey: ObjectIdentifier(front)) != nil else { return }
        counters.connectionClosed()
        if isDraining, connections.isEmpty { drained?.succeed() }
    }

    /// Finishes what runs; the future completes when no connection is left.
    func drain() -> EventLoopFuture<Void> {
        isDraining = true
        let promise = drained ?? eventLoop.makePromise(of: Void.self)
        drained = promise
        for front in Array(connections.values) { front.drain() }
        for pool in pools.values { pool.closeIdle() }
        if connections.isEmpty { promise.succeed() }
        return promise.futureResult
    }

    /// Ends what drain has left.
    func closeAll() {
        for front in Array(connections.values) { front.abort() }
        for pool in pools.values { pool.closeIdle() }
    }
}
