import Ledger

/// How one event loop of a node decides at the eventual level: at once, at memory speed, whatever the cluster does.
///
/// Confined to its loop. The buckets are shared by all loops of the node and charged by exchanges of words, so that a node
/// is one: its loops together admit what a single one would, and none waits for another. What was admitted is kept in a
/// journal of the loop, which goes to the node's ``EventualExchange`` before each round of messages.
///
/// All times are nanoseconds of the node's monotonic clock, above 0 and at most 2⁶².
public struct EventualLoop: Sendable {
    /// A journal so long is better handed over before the round is due.
    public static let journalComfortable = 4_096
    /// Decisions of one charge that others may overtake. So many never were in a row; the charge is refused then.
    private static var triesMax: Int { 4_096 }

    /// What it decides by. A new value after each change of the policies.
    public var limits: EventualLimits
    private var journal = EventualJournal()

    /// A loop that has admitted nothing.
    public init(limits: EventualLimits) { self.limits = limits }

    /// Entries in the journal.
    public var journalCount: Int { journal.count }

    /// What was admitted since the last call.
    public mutating func takeJournal() -> EventualJournal {
        if journal.count == 0 { return EventualJournal() }
        defer { journal = EventualJournal() }
        return journal
    }

    /// Charges all limits of a charge, or none: as the ledger does, but for this node and what it has heard of the others.
    ///
    /// The charge's pass is not looked at: passes are never decided here.
    /// - Returns: `admitted`, `refused` or `invalid`.
    public mutating func charge(_ charge: Charge, now: UInt64) -> ChargeOutcome {
        var reservation: EventualReservation?
        return decide(charge, now: now, reservation: &reservation, isReserving: false)
    }

    /// The same for a charge whose other limits, or whose pass, somebody else is yet to decide on.
    ///
    /// Units that are reserved are nobody else's. Peers are not told of them before ``keep(_:)``.
    /// - Returns: with `admitted`, what ``keep(_:)`` or ``giveBack(_:now:)`` is to be told, one of them, once.
    public mutating func reserve(_ charge: Charge, now: UInt64) -> (ChargeOutcome, EventualReservation?) {
        var reservation: EventualReservation?
        let outcome = decide(charge, now: now, reservation: &reservation, isReserving: true)
        return (outcome, reservation)
    }

    /// What was reserved has been admitted, or may have been.
    public mutating func keep(_ reservation: EventualReservation) {
        for part in reservation.parts { journal.note(part.admission) }
        journal.count(reservation.cost, of: reservation.policy)
    }

    /// What was reserved was not admitted: nobody has had it.
    ///
    /// What the bucket would have regained since is kept back, as the ledger does with a ``SliceReturn``, so that nothing is
    /// had twice: n units that come back after a time t restore max(0, n − rate × t).
    public func giveBack(_ reservation: EventualReservation, now: UInt64) {
        let passed = min(now, LedgerTime.maximumNanoseconds).minus(reservation.at)
        for part in reservation.parts {
            guard let limit = limits.limit(part.admission.limit) else { continue }
            // At today's interval, if that was changed: the bucket was rescaled.
            let length = part.admission.units.times(limit.terms.interval).minus(passed)
            if length == 0 { continue }
            limit.table.find(part.admission.bucket)?.update(part.admission.bucket) { $0.minus(length) }
        }
    }

    private mutating func decide(
        _ charge: Charge,
        now: UInt64,
        reservation: inout EventualReservation?,
        isReserving: Bool
    ) -> ChargeOutcome {
        guard charge.limits.count <= LedgerBounds.limits else { return .invalid(.tooManyLimits) }
        guard let policy = limits.policy(charge.policy) else { return .invalid(.unknownPolicy) }
        for limit in charge.limits where policy.limit(limit.limit) == nil { return .invalid(.unknownLimit) }
        let now = min(now, LedgerTime.maximumNanoseconds)
        return withUnsafeTemporaryAllocation(of: EventualPlan.Bucket.self, capacity: LedgerBounds.limits) { memory in
            var plan = EventualPlan(memory: memory)
            var places = InlineArray<16, Int>(repeating: 0)
            for _ in 0..<Self.triesMax {
                let refusal = make(&plan, &places, charge, policy, now: now)
                if let refusal {
                    return .refused(
                        limit: refusal.limit,
                        retryAfterNanoseconds: refusal.wait,
                        limits: states(plan, places, charge, now: now, isAdmitted: false)
                    )
                }
                guard charge.cost == 0 || plan.write(now: now) else { continue }
                if charge.cost > 0 {
                    if isReserving {
                        reservation = EventualReservation(plan, cost: UInt64(charge.cost), policy: policy.id, at: now)
                    } else {
                        for index in 0..<plan.count { journal.note(EventualAdmission(plan[index])) }
                        journal.count(UInt64(charge.cost), of: policy.id)
                    }
                } else if isReserving {
                    reservation = EventualReservation(policy: policy.id, at: now)
                }
                let states = states(plan, places, charge, now: now, isAdmitted: true)
                return .admitted(limits: states, passRemaining: nil)
            }
            let states = states(plan, places, charge, now: now, isAdmitted: false)
            return .refused(limit: 0, retryAfterNanoseconds: 1, limits: states)
        }
    }

    /// Plans a charge on the buckets as they are.
    /// - Returns: the limit that clears last and how long it takes, if one refuses.
    @inline(__always)
    private func make(
        _ plan: inout EventualPlan,
        _ places: inout InlineArray<16, Int>,
        _ charge: Charge,
        _ policy: EventualLimits.Policy,
        now: UInt64
    ) -> (limit: Int, wait: UInt64)? {
        plan.removeAll()
        var refusing: (limit: Int, wait: UInt64)?
        for (index, charged) in charge.limits.enumerated() {
            guard let limit = policy.limit(charged.limit) else { preconditionFailure("a limit that was just there") }
            let place = plan.bucket(for: charged, limit, now: now)
            places[index] = place
            var bucket = plan[place]
            let units = UInt64(charge.cost) + UInt64(charged.reserve)
            let wait = bucket.terms.wait(tat: bucket.after, now: now, units: units, taken: bucket.taken)
            if wait > refusing?.wait ?? 0 { refusing = (index, wait) }
            bucket.after = bucket.terms.taking(UInt64(charge.cost), tat: bucket.after, now: now)
            bucket.taken += UInt64(charge.cost)
            plan[place] = bucket
        }
        return refusing
    }

    private func states(
        _ plan: borrowing EventualPlan,
        _ places: InlineArray<16, Int>,
        _ charge: Charge,
        now: UInt64,
        isAdmitted: Bool
    ) -> [LimitState] {
        var states: [LimitState] = []
        states.reserveCapacity(charge.limits.count)
        for index in charge.limits.indices {
            let bucket = plan[places[index]]
            states.append(bucket.terms.state(tat: isAdmitted ? bucket.after : bucket.before, now: now))
        }
        return states
    }
}

extension EventualAdmission {
    @inline(__always)
    fileprivate init(_ bucket: EventualPlan.Bucket) {
        let limit = bucket.limit._withUnsafeGuaranteedRef { $0.id }
        self.init(limit: limit, bucket: bucket.id, fallback: bucket.fallback, units: bucket.taken)
    }
}

/// Units of several buckets that are reserved for a request.
public struct EventualReservation: Sendable {
    struct Part: Sendable {
        let admission: EventualAdmission
    }

    let parts: [Part]
    let cost: UInt64
    let policy: PolicyID
    /// When, by the node's clock.
    let at: UInt64

    fileprivate init(policy: PolicyID, at: UInt64) {
        parts = []
        cost = 0
        self.policy = policy
        self.at = at
    }

    fileprivate init(_ plan: borrowing EventualPlan, cost: UInt64, policy: PolicyID, at: UInt64) {
        var parts: [Part] = []
        for index in 0..<plan.count { parts.append(Part(admission: EventualAdmission(plan[index]))) }
        self.parts = parts
        self.cost = cost
        self.policy = policy
        self.at = at
    }
}
