import Ledger
import NIOCore
import Quota
import Wire

/// Where the loops' journals come together and peers are told of them: the pump of one ``EventualExchange``.
///
///     every 100 ms ── asks the loops ──▶ journals ──▶ a round of messages
///     from a peer ──▶ charged in the buckets that the loops share ──▶ a receipt
///
/// Confined to one loop. It rests as long as no policy is at the eventual level and nothing was charged at this node alone.
final class EventualDesk {
    /// Between two rounds: that of ``EventualSettings/round``.
    private static let pause = TimeAmount.milliseconds(100)

    private let eventLoop: any EventLoop
    private let ledger: any LedgerClient
    /// Nil where there are none.
    private let peers: (any QuotaPeers)?
    private let revisions: EventualRevisions
    private let clock: @Sendable () -> UInt64
    private var exchange: EventualExchange
    /// They have the desk, and not it them.
    private var loops: [NIOLoopBound<WeakQuotaLoop>] = []
    /// Peers that can be reached, whether they are told of anything or not.
    private var reachable: Set<ReplicaID> = []
    /// Whether a policy is at the eventual level, so that there is something to tell.
    private var tells = false
    private var timer: Scheduled<Void>?
    private var round: UInt64 = 0
    /// Loops of the round whose journals have not come.
    private var awaited = 0
    private var isClosed = false
    /// Of the facts that were seen last.
    private var generation: UInt64
    /// Who waits until this node knows what its peers know, and since when.
    private var awaitingPeers: (since: UInt64, body: () -> Void)?
    /// How long members are waited for that there is no way to yet, and how long all of them, in nanoseconds.
    private static let connectingMax: UInt64 = 2_000_000_000
    private static let tellingMax: UInt64 = 5_000_000_000

    /// - Parameters:
    ///   - boot: of this run of the process, not 0.
    ///   - clock: nanoseconds above 0 that never run backwards and count while the machine sleeps.
    init(
        eventLoop: any EventLoop,
        ledger: any LedgerClient,
        peers: (any QuotaPeers)?,
        boot: UInt64,
        revisions: EventualRevisions,
        clock: @escaping @Sendable () -> UInt64
    ) {
        self.eventLoop = eventLoop
        self.ledger = ledger
        self.peers = peers
        self.revisions = revisions
        self.clock = clock
        generation = ledger.facts.generation
        exchange = EventualExchange(
            replica: peers?.replica ?? ReplicaID(high: 0, low: 0),
            boot: boot,
            limits: revisions.limits(ledger.facts, now: clock()),
            now: max(1, clock())
        )
        peers?.onEvent = { [weak self] in self?.happened($0) }
    }

    /// Whose journals it takes, in the order of their numbers. Once, before anybody is charged.
    func serve(_ loops: [NIOLoopBound<WeakQuotaLoop>]) { self.loops = loops }

    /// The limits in force may have changed.
    func factsChanged() {
        exchange.limitsChanged(revisions.limits(ledger.facts, after: generation, now: clock()))
        generation = ledger.facts.generation
    }

    /// Whether a policy is at the eventual level by now.
    func adopt(tells: Bool) {
        eventLoop.preconditionInEventLoop()
        guard tells != self.tells, !isClosed else { return }
        self.tells = tells
        for peer in reachable.sorted() {
            if tells { connected(peer) } else { exchange.peerDisconnected(peer) }
        }
        send()
        if tells { begin() }
        reviewPeers()
    }

    /// Does something once this node knows what was had at its peers before it began, as far as they tell within a few seconds; at
    /// once where no policy is at the eventual level. Until then its buckets are fuller than they should be.
    func whenPeersHaveTold(_ body: @escaping () -> Void) {
        eventLoop.preconditionInEventLoop()
        awaitingPeers = (clock(), body)
        reviewPeers()
    }

    private func reviewPeers() {
        guard let (since, body) = awaitingPeers else { return }
        if tells, !isClosed {
            let (connected, told) = exchange.hearing
            let time = clock() - min(clock(), since)
            let areAllThere = connected + 1 >= ledger.members || time >= Self.connectingMax
            guard areAllThere && told == connected || time >= Self.tellingMax else { return }
        }
        awaitingPeers = nil
        body()
    }

    /// Whether rounds go on.
    var isAtWork: Bool { timer != nil }

    /// Has rounds go on from now on: buckets are in use that must be forgotten one day.
    func begin() {
        guard timer == nil, !isClosed else { return }
        schedule()
    }

    /// See ``EventualExchange/excessMax(_:others:now:)``.
    func excessMax(_ limit: LimitID) -> UInt64 {
        exchange.excessMax(limit, others: ledger.members - 1, now: clock())
    }

    /// A loop's journal is long, and comes before its time.
    func take(_ journal: EventualJournal) {
        eventLoop.preconditionInEventLoop()
        exchange.admitted(journal, now: clock())
    }

    /// Nobody is told of anything afterwards.
    func close() {
        eventLoop.preconditionInEventLoop()
        isClosed = true
        timer?.cancel()
        timer = nil
        peers?.onEvent = nil
        awaitingPeers = nil
    }

    // MARK: - Rounds

    private func schedule() {
        timer = eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { [weak self] () -> Void in self?.collect() }
    }

    private func collect() {
        timer = nil
        guard tells || !exchange.isIdle else { return rest() }
        schedule()
        // Of the last round: a loop that stands still keeps nobody waiting.
        if awaited > 0 { tick() }
        round += 1
        awaited = loops.count
        guard awaited > 0 else { return tick() }
        let home = NIOLoopBound(Weak(desk: self), eventLoop: eventLoop)
        for loop in loops {
            loop.eventLoop.execute { [eventLoop, round] in
                let journal = loop.value.loop?.takeJournal()
                eventLoop.execute { home.value.desk?.came(journal, round) }
            }
        }
    }

    /// There is nothing to tell and nothing to forget, until a loop begins anew.
    private func rest() {
        for loop in loops { loop.eventLoop.execute { loop.value.loop?.deskRests() } }
    }

    private struct Weak {
        weak var desk: EventualDesk?
    }

    private func came(_ journal: EventualJournal?, _ round: UInt64) {
        if let journal { exchange.admitted(journal, now: clock()) }
        guard round == self.round, awaited > 0 else { return }
        awaited -= 1
        if awaited == 0 { tick() }
    }

    private func tick() {
        awaited = 0
        exchange.tick(now: clock())
        send()
        reviewPeers()
    }

    private func send() {
        for action in exchange.takeActions() {
            switch action {
            case .send(let peer, let bytes): peers?.send(bytes, to: peer)
            }
        }
    }

    // MARK: - Peers

    private func connected(_ peer: ReplicaID) {
        if !exchange.peerConnected(peer, now: clock()) { peers?.reportUntold(peer) }
    }

    private func happened(_ event: QuotaPeerEvent) {
        guard !isClosed else { return }
        let now = clock()
        switch event {
        case .connected(let peer):
            reachable.insert(peer)
            if tells { connected(peer) }
        case .disconnected(let peer):
            reachable.remove(peer)
            exchange.peerDisconnected(peer)
        case .removed(let peer):
            reachable.remove(peer)
            exchange.peerRemoved(peer)
        case .received(let bytes, let peer):
            // Its file has a policy at this level, and this node's has none, or not yet.
            guard tells else { return }
            do throws(EventualMessageError) {
                try exchange.received(bytes, from: peer, now: now)
            } catch {
                peers?.reportUnreadable("\(error)", from: peer)
            }
        }
        send()
    }
}
