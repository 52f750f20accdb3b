import Ledger

/// The slices of a node: what it holds, asks for and gives back, as one state machine.
///
/// A value without clock or sockets, confined to one loop: each event says what time it is by the node's clock, in
/// nanoseconds that do not run backwards, and leaves what is to be done in ``takeActions()``. The loops of the node ask here
/// for slices that they lack, and share those that are granted: see ``LoopSlices``.
///
///                 want                    lent: granted
///     nothing ──────────▶ asking ───────────────────────▶ held ─── low, or soon over ──▶ asking beside it
///                          ▲   │ refused                   │
///              some 5 ms   │   ▼                           │ spent, idle, recalled and idle, soon over
///                         waiting ── 3 times ──▶ refused   ▼
///                                                        returned
///
/// A book begins empty with each boot: slices of an earlier one are known to nobody who could return them. So are those of an
/// earlier session, where a boot gets another: what is returned of them restores nothing. What became of a request that failed without an answer is not guessed: if it was lent, the bucket regains it.
public struct SliceBook: Sendable {
    /// What was asked for.
    struct Asked: Sendable {
        var bucket: BucketID
        var sentAt: UInt64
        var least: UInt32
        /// Whether it was asked for before all slices were renounced.
        var isRenounced = false
    }

    // The parts are internal so that the files of this type can share them.
    let settings: SliceSettings
    /// Nodes of the cluster, each of which may ask for a part of what is left.
    public var nodes: UInt8
    var buckets: [BucketID: HeldBucket] = [:]
    var tickets: [UInt64: Asked] = [:]
    var lastTicket: UInt64 = 0
    var refusals: RefusalCache
    var index: RecallIndex
    var reviews = DueQueue()
    var recalls = DueQueue()
    var retries = DueQueue()
    /// How long an answer takes: a moving average, at most ``roundTripMax``.
    var roundTrip: UInt64 = 0
    var isClosed = false
    private var actions: [SliceAction] = []

    static var roundTripMax: UInt64 { 250_000_000 }

    /// The book of a boot.
    public init(nodes: UInt8, settings: SliceSettings = SliceSettings()) {
        self.nodes = nodes
        self.settings = settings
        refusals = RefusalCache(countMax: settings.refusalsMax, life: settings.refusal)
        index = RecallIndex(countMax: settings.recallMax)
    }

    /// What is to be done since the last call, in this order.
    public mutating func takeActions() -> [SliceAction] {
        defer { actions.removeAll() }
        return actions
    }

    /// Whether ``takeActions()`` has something.
    public var hasActions: Bool { !actions.isEmpty }

    mutating func act(_ action: SliceAction) { actions.append(action) }

    /// How much the book holds: buckets, refusals remembered.
    public var counts: (buckets: Int, refusals: Int) { (buckets.count, refusals.count) }

    /// When there is something for ``tick(now:)`` to do; nil: not before the next event.
    public var nextTick: UInt64? {
        [reviews.first, recalls.first, retries.first, refusals.nextSweep].compactMap(\.self).min()
    }

    // MARK: - Wanting

    /// A loop has a request that needs at least `least` units of a bucket, and no slice that has as many.
    ///
    /// Exactly one of `granted`, `refused` and `unavailable` names the bucket and the loop afterwards, and answers all that
    /// the loop has asked about this bucket until then. A granted slice may have been spent by others when the request tries
    /// again: who has waited ``LoopSlices/waitsMax`` times charges the bucket directly.
    public mutating func want(
        _ limit: LimitCharge,
        policy: PolicyID,
        least: UInt32,
        loop: Int,
        now: UInt64
    ) {
        let id = BucketID(limit)
        if isClosed { return act(.unavailable(id, .stopped, LoopSet(loop))) }
        if let held = buckets[id] {
            buckets[id]?.loops.insert(loop)
            if let slice = held.usable(for: least, now: now.plus(settings.returning)) {
                return act(.granted(id, slice, LoopSet(loop)))
            }
        }
        if let refusal = refusals.refusal(id, units: least, now: now) {
            return act(.refused(id, refusal, LoopSet(loop)))
        }
        if buckets[id] == nil {
            guard buckets.count < settings.bucketsMax else {
                let refusal = SliceRefusal(reason: .direct, least: 0, at: now, until: now.plus(settings.refusal))
                return act(.refused(id, refusal, LoopSet(loop)))
            }
            buckets[id] = HeldBucket(policy: policy, limit: limit)
        }
        buckets[id]?.loops.insert(loop)
        buckets[id]?.waiting.insert(loop)
        buckets[id]?.wait(least)
        ask(id, now: now)
    }

    /// A loop's request was refused by the ledger: perhaps the node itself holds what it lacks, for another loop.
    ///
    /// Exactly one of `granted`, `refused` and `unavailable` names the bucket and the loop: at once, unless a request for the
    /// bucket is under way, which may have taken those units. Nobody is asked. The refusal is of now and says nothing of later.
    public mutating func wantHeld(_ limit: LimitCharge, least: UInt32, loop: Int, now: UInt64) {
        let id = BucketID(limit)
        if !isClosed, let slice = buckets[id]?.usable(for: least, now: now.plus(settings.returning)) {
            buckets[id]?.loops.insert(loop)
            return act(.granted(id, slice, LoopSet(loop)))
        }
        if !isClosed, buckets[id]?.isAsking == true {
            buckets[id]?.loops.insert(loop)
            buckets[id]?.waiting.insert(loop)
            buckets[id]?.wait(least)
            return
        }
        act(.refused(id, SliceRefusal(reason: .direct, least: 0, at: now, until: now), LoopSet(loop)))
    }

    /// A loop's slice of the bucket turned low: the next is fetched before the last unit is spent.
    public mutating func low(_ id: BucketID, now: UInt64) {
        guard !isClosed, let bucket = buckets[id], let newest = bucket.slices.last else { return }
        // It was an older one's turn.
        if newest.slice.left > newest.slice.units / 4 { return }
        renew(id, now: now)
    }

    /// Asks for the slice after the newest, once for each.
    mutating func renew(_ id: BucketID, now: UInt64) {
        guard let newest = buckets[id]?.slices.indices.last, buckets[id]?.slices[newest].isRenewed == false,
            refusals.refusal(id, units: 1, now: now) == nil
        else { return }
        buckets[id]?.slices[newest].isRenewed = true
        ask(id, now: now)
    }

    /// Asks for units of a bucket, unless that is under way or waits for its time.
    mutating func ask(_ id: BucketID, now: UInt64) {
        guard let bucket = buckets[id], !bucket.isAsking, bucket.retryAt == nil else { return }
        // No more than what waits: what a node holds beyond that is lost with it.
        let lend = Lend(
            policy: bucket.policy,
            limit: bucket.limit,
            least: bucket.demand?.least ?? 1,
            wanted: bucket.demand?.sum ?? 0,
            nodes: nodes
        )
        lastTicket += 1
        tickets[lastTicket] = Asked(bucket: id, sentAt: now, least: lend.least)
        buckets[id]?.isAsking = true
        act(.lend(ticket: lastTicket, lend))
    }
}
