import Ledger
import Logging
import NIOCore
import NIOHTTP1
import ProofOfWork
import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What one event loop of the gateway owns: its client of the ledger, its upstream pools, its connections.
///
/// A request stays on its loop from accept to log. Confined to the loop; other threads reach it by `eventLoop.execute`.
final class GatewayLoop {
    let eventLoop: any EventLoop
    let ledger: any LedgerClient
    let quota: QuotaLoop
    /// Of the node, where this is the loop that they are on.
    private let desks: Quotas.Desks?
    /// Of the node.
    private let issues: IssueDesk
    let redeemer: Redeemer
    let counters: Counters
    let observer: LoopObserver
    private(set) var state: GatewayState
    private let index: Int
    private let loops: Int
    /// Connections of clients for which the process has descriptors, on all loops together.
    private var connectionsMax: Int
    let logger: Logger
    private var dateText = ""
    private var dateSecond = 0
    private var pools: [UpstreamPool] = []
    private var connections: [ObjectIdentifier: FrontHandler] = [:]
    private var isDraining = false
    /// When a fault that clients can provoke may be reported again. A few kinds, so a few entries.
    private var nextReports: [String: NIODeadline] = [:]
    private var drained: EventLoopPromise<Void>?
    private var epochTimer: Scheduled<Void>?
    /// Of the limits that were in force when it was told of them last.
    private var limitsRevision: UInt64
    /// Called when the limits in force have changed, after ``state`` has.
    var onLimitsChange: (() -> Void)?

    init(
        eventLoop: any EventLoop,
        index: Int,
        loops: Int,
        ledger: any LedgerClient,
        quota: QuotaLoop,
        desks: Quotas.Desks?,
        issues: IssueDesk,
        spending: SpendingTable,
        state: GatewayState,
        connectionsMax: Int,
        counters: Counters,
        observer: LoopObserver,
        logger: Logger
    ) {
        self.eventLoop = eventLoop
        self.index = index
        self.loops = loops
        self.ledger = ledger
        self.quota = quota
        self.desks = desks
        self.issues = issues
        self.state = state
        self.connectionsMax = connectionsMax
        self.counters = counters
        self.observer = observer
        self.logger = logger
        limitsRevision = ledger.facts.revision
        redeemer = Redeemer(
            eventLoop: eventLoop,
            ledger: ledger,
            spending: spending,
            observer: observer,
            offline: quota.offline
        )
        ledger.onFactsChange = { [weak self] in self?.factsChanged() }
        redeemer.newestKeys = { [weak self] in self?.refreshedState().keys }
        desks?.eventual.adopt(tells: state.configuration.hasEventualPolicy)
        // What has changed since the quota side was made nobody has told it of.
        quota.factsChanged()
        desks?.factsChanged()
    }

    // MARK: State

    /// Takes a new configuration for all requests to come. Pools that it does not need end with their last request.
    func adopt(_ state: GatewayState, connectionsMax: Int) {
        self.state = state
        self.connectionsMax = connectionsMax
        awaitEpoch()
        observer.adopt(state.configuration)
        desks?.eventual.adopt(tells: state.configuration.hasEventualPolicy)
        for pool in pools where !state.configuration.upstreams.contains(pool.settings) { pool.retire() }
        pools.removeAll { $0.isRetired }
    }

    private func factsChanged() {
        refreshedState()
        quota.factsChanged()
        desks?.factsChanged()
        guard ledger.facts.revision != limitsRevision else { return }
        limitsRevision = ledger.facts.revision
        onLimitsChange?()
    }

    /// The state against the ledger's newest facts; the old one where that cannot be made.
    @discardableResult
    func refreshedState() -> GatewayState {
        let facts = ledger.facts
        let now = ledger.now()
        let isEpochOver = state.epoch.changesAt.map { $0 <= now } ?? false
        guard facts.generation != state.generation || isEpochOver else { return state }
        do { state = try GatewayState(state.configuration, facts: facts, now: now) } catch {
            logger.error("cannot take over new keys", metadata: ["error": "\(error)"])
        }
        awaitEpoch()
        return state
    }

    /// Has tokens be issued under the next epoch of the keys when its time has come.
    private func awaitEpoch() {
        epochTimer?.cancel()
        epochTimer = nil
        guard let changesAt = state.epoch.changesAt?.nanoseconds else { return }
        let now = ledger.now().nanoseconds
        let wait = TimeAmount.nanoseconds(Int64(clamping: changesAt > now ? changesAt - now : 0))
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        epochTimer = eventLoop.scheduleTask(in: wait + .milliseconds(1)) { this.value.refreshedState() }
    }

    /// A challenge was issued. The ledger is told where all members know what to make of that.
    func issued(_ keys: PrefixKeys, now: LedgerTime) {
        guard ledger.facts.ledgerVersion >= Ledger.lendingVersion else { return }
        issues.issued(keys, now: now)
    }

    /// The pool of an upstream, as the configuration of the request that asks describes it.
    func pool(_ settings: UpstreamSettings) -> UpstreamPool {
        if let pool = pools.first(where: { $0.settings == settings }) { return pool }
        let pool = UpstreamPool(eventLoop: eventLoop, settings: settings, firstServer: index, loops: loops)
        if state.configuration.upstreams.contains(settings) {
            pools.append(pool)
        } else {
            // For a request that began before a reload: its connection is closed when it is done.
            pool.retire()
        }
        return pool
    }

    /// Now, for the `Date` field. Made once a second.
    func date() -> String {
        let now = time(nil)
        if now != dateSecond {
            dateSecond = now
            dateText = HTTPDate.text(now)
        }
        return dateText
    }

    /// Says that somebody asks who is not trusted, and what to do about it: once a minute at most, since anybody can ask.
    /// Of an address that may be a person's no more is told than of a client's.
    func reportUntrustedProxy(_ peer: IPAddress?, _ listener: ListenAddress) {
        guard isDue("untrusted") else { return }
        let isLocal = peer.map { PrefixSet.loopback.contains($0) || PrefixSet.privateNetworks.contains($0) } ?? true
        let told = isLocal ? peer?.description ?? "unix" : observer.text(peer, state.configuration.log)
        logger.warning(
            "a peer that is not trusted asks for a decision; add it to the listener's client.trusted if it is your proxy",
            metadata: ["peer": "\(told ?? "not written down, since log.addresses is none")", "listener": "\(listener)"]
        )
    }

    /// Says that a proxy leaves out what it should say of a request: each fault once a minute at most. The refusals that an
    /// outer proxy publishes can be asked for by anybody.
    func reportUndescribed(_ problem: DescribedRequest.Problem, _ family: CheckFamily, requestID: String) {
        guard isDue(problem.text) else { return }
        logger.warning(
            "a proxy asks without describing the request",
            metadata: ["problem": "\(problem.text)", "family": "\(family.rawValue)", "request_id": "\(requestID)"]
        )
    }

    /// Says that a policy of the file is not in force: once a minute at most.
    func reportNotHeld(_ policy: String) {
        guard isDue("policy \(policy)") else { return }
        logger.error(
            """
            a policy of this node's file is not among the limits in force, which are another node's: its requests are \
            refused; give the nodes the same file
            """,
            metadata: ["policy": "\(policy)"]
        )
    }

    /// Whether a minute has passed since this was reported.
    ///
    /// - Parameter kind: one of a few texts, none of which a client writes.
    private func isDue(_ kind: String) -> Bool {
        let now = NIODeadline.now()
        if let next = nextReports[kind], now < next { return false }
        nextReports[kind] = now + .seconds(60)
        return true
    }

    // MARK: Connections

    /// Whether another connection may be taken.
    var hasRoom: Bool {
        connections.count < max(1, min(state.configuration.limits.maxConnections, connectionsMax) / loops)
    }

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
        epochTimer?.cancel()
        let promise = drained ?? eventLoop.makePromise(of: Void.self)
        drained = promise
        for front in Array(connections.values) { front.drain() }
        for pool in pools { pool.closeIdle() }
        if connections.isEmpty { promise.succeed() }
        return promise.futureResult
    }

    /// Ends what drain has left.
    func closeAll() {
        quota.close()
        issues.close()
        for front in Array(connections.values) { front.abort() }
        for pool in pools { pool.closeIdle() }
    }
}

extension Configuration {
    /// Whether gateways have something to tell each other.
    fileprivate var hasEventualPolicy: Bool { policies.contains { $0.consistency == .eventual } }
}
