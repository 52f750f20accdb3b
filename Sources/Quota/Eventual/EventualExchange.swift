import Ledger
import Wire

/// What the nodes of a cluster tell each other of the limits at the eventual level: one state machine for each node.
///
/// A value without clock or sockets, confined to the node's home loop. Each event says what time it is by the node's monotonic
/// clock, in nanoseconds above 0; what is to be sent is in ``takeActions()``.
///
/// Every ``EventualSettings/round`` the home loop collects the loops' journals and gives each to ``admitted(_:now:)``, then
/// calls ``tick(now:)`` and sends. What comes from a peer goes to ``received(_:from:now:)``, and what there is to send then is
/// sent. Nothing is to be delivered to the loops: what is heard is charged in the buckets that they share.
///
///     loops ── journals ──▶ components ── rounds of 100 ms ──▶ peers' components ── what is new ──▶ buckets of their loops
///
/// **The promise.** A node charges its own admissions at once, and those of others when it hears of them, at that moment:
/// later than they were, hence never too little for any interval of time that ends now. So in any interval of length w all
/// nodes together admit at most burst + rate × w, and what those admitted that the last one to admit had not heard of: for
/// each other node, what it admits in a round and the delay of its message. What was admitted in excess is a debt that is
/// waited for, so that it happens once and not in every round. A node that is cut off goes on with what it knows: one limit a
/// side, and when the sides meet again each charges of the other at most a burst and a second's worth.
///
/// **Loss, duplication, reordering** change nothing: what is told is a ``Component``, which is merged by maximum, in parts that
/// are told again until they are acknowledged (``PeerLink``), between boots that know each other (``PeerGreeting``).
///
/// **Restart.** To a node that began later its peers tell all they know, and until when each bucket is not full, whoever
/// used it; it takes that for its own. So it behaves as if it had not restarted as soon as one peer has told it, and the
/// components of boots that have ended need not be kept. A node without peers has one limit more for each restart.
public struct EventualExchange: Sendable {
    /// Peers at most.
    public static let peersMax = 15
    /// Bytes of a message at most, in both directions.
    public static let messageBytesMax = EventualMessage.encodedBytesMax

    /// One limit, with what is told of it.
    struct Book: Sendable {
        let limit: EventualLimit
        let policy: PolicyID
        var components = ComponentTable()
        var sweep = EventualSweep()

        /// Nothing of it is used, and nothing is told of it.
        var isIdle: Bool { limit.count == 0 && components.count == 0 && sweep.isIdle }
    }

    // The parts are internal so that the files of this type can share them.
    let settings: EventualSettings
    let replica: ReplicaID
    let boot: UInt64
    let began: UInt64
    var books: ContiguousArray<Book> = []
    private var places: [UInt32: Int] = [:]
    /// The book in which the next round begins to look for what may be forgotten.
    var nextSwept = 0
    /// Components of a peer are in the lane of its index. A vacant place is nil.
    var links: ContiguousArray<PeerLink?> = []
    /// The greatest numbers that were given to peers that are no more.
    var given: (token: UInt32, sequence: UInt64) = (0, 0)
    /// Buckets that a peer's state has replaced since the last round, while the journals may have had units of them: these
    /// are charged once more when they come.
    var replaced: Set<PeerLink.Item> = []
    private var actions: [EventualAction] = []
    private var totals: [UInt32: UInt64] = [:]

    /// The exchange of a boot, which has told nothing and heard nothing.
    /// - Parameters:
    ///   - boot: random, never 0: tells this run of the process from others of the same replica.
    ///   - limits: of the node's loops, all of which began empty.
    public init(
        replica: ReplicaID,
        boot: UInt64,
        limits: EventualLimits,
        settings: EventualSettings = EventualSettings(),
        now: UInt64
    ) {
        precondition(boot != 0, "0 is nobody's boot")
        self.replica = replica
        self.boot = boot
        self.settings = settings
        began = now
        limitsChanged(limits)
    }

    /// What is to be done since the last call, in this order.
    public mutating func takeActions() -> [EventualAction] {
        defer { actions.removeAll() }
        return actions
    }

    mutating func act(_ action: EventualAction) { actions.append(action) }

    func place(_ limit: LimitID) -> Int? { places[limit.rawValue] }

    // MARK: - This node

    /// The loops decide by other limits now. What belongs to a limit that is no more is dropped.
    public mutating func limitsChanged(_ limits: EventualLimits) {
        var next: ContiguousArray<Book> = []
        for (id, entry) in limits.byID.sorted(by: { $0.key < $1.key }) {
            if let known = places[id], books[known].limit === entry.limit {
                next.append(books[known])
            } else {
                next.append(Book(limit: entry.limit, policy: entry.policy))
            }
        }
        books = next
        places = [:]
        for (place, book) in books.enumerated() { places[book.limit.id.rawValue] = place }
    }

    /// What a loop of this node admitted. It is told in the next round.
    public mutating func admitted(_ journal: EventualJournal, now: UInt64) {
        let now = max(1, min(now, LedgerTime.maximumNanoseconds))
        for (policy, units) in journal.totals { totals[policy] = (totals[policy] ?? 0).plus(units) }
        for admission in journal.admissions {
            guard let place = place(admission.limit) else { continue }
            let position = books[place].components.position(admission.bucket, fallback: admission.fallback)
            var own = books[place].components[position]
            if own.count == 0 || own.full.plus(settings.quiet) <= now {
                // It has been full: what was counted is of no interest to anybody. Above the old count, whatever that is.
                own.base = max(now, own.count)
                own.count = own.base
            }
            own.count = own.count.plus(admission.units)
            let charged = books[place].limit.place(admission.bucket, else: admission.fallback, mayInsert: false)
            own.full = max(own.full, charged?.place.time(of: charged?.bucket ?? .shared) ?? now)
            books[place].components[position] = own
            books[place].components.changed(position)
            let item = PeerLink.Item(limit: admission.limit, bucket: admission.bucket)
            if replaced.contains(item), let charged {
                let terms = books[place].limit.terms
                charged.place.update(charged.bucket) { terms.taking(admission.units, tat: $0, now: now) }
            }
            for lane in links.indices where links[lane]?.greeting.peer != nil { queue(item, lane) }
        }
    }

    /// A bucket waits to be told to a peer, unless it does already.
    mutating func queue(_ item: PeerLink.Item, _ lane: Int) {
        guard let place = place(item.limit), let position = books[place].components.find(item.bucket),
            books[place].components.queue(lane, position)
        else { return }
        links[lane]?.queue.append(item)
    }

    // MARK: - What is known

    /// Units that this node's loops admitted under a policy, as far as they were handed over.
    public func admitted(_ policy: PolicyID) -> UInt64 { totals[policy.rawValue] ?? 0 }

    /// Peers that were heard of lately, and all.
    public func peers(now: UInt64) -> (connected: Int, all: Int) {
        let known = links.compactMap(\.self)
        let connected = known.count { $0.greeting.peer != nil && now.minus($0.heardAt) <= settings.lookback }
        return (connected, known.count)
    }

    /// Peers that there is a way to, and those among them that have told what they knew when this node began.
    public var hearing: (connected: Int, told: Int) {
        let connected = links.compactMap(\.self).filter(\.isConnected)
        return (connected.count, connected.count { $0.hasTold(settings) })
    }

    /// Units of one bucket that all peers together may have admitted without this node knowing, at worst: for each, a burst
    /// and what comes back in the time since it was last heard of and one round.
    /// - Parameter others: members beside this node. Those that it has never been connected with it has not heard of since it began.
    public func excessMax(_ limit: LimitID, others: Int, now: UInt64) -> UInt64 {
        guard let place = place(limit) else { return 0 }
        let terms = books[place].limit.terms
        let heard = links.compactMap { $0?.heardAt }
        let unheard = Array(repeating: began, count: max(0, others - heard.count))
        return (heard + unheard).reduce(0) { sum, heardAt in
            let time = now.minus(heardAt).plus(settings.round)
            return sum.plus(terms.burst).plus(time / terms.interval)
        }
    }

    /// Whether there is nothing to forget.
    public var isIdle: Bool { books.allSatisfy(\.isIdle) }

    /// Buckets with components, and bytes of their tables.
    public var size: (components: Int, bytes: Int) {
        books.reduce((0, 0)) { ($0.0 + $1.components.count, $0.1 + $1.components.allocatedBytes) }
    }
}
