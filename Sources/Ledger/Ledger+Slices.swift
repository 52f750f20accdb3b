// Lending units of a bucket, and taking back what is left.
//
// What is lent is debited at once, as a charge would be, and belongs to the session that asked: if its node dies the units
// are lost until the bucket has regained them. So a bucket never gives more than it would without slices, and what is spent
// of a slice later than it was debited is at most a slice's life late: burst + rate × (w + D).

extension Ledger {
    /// Lends units.
    mutating func apply(_ lend: Lend, session: SessionID, sequence: UInt64) -> LendOutcome {
        guard let policy = policyIndex(lend.policy) else { return .invalid(.unknownPolicy) }
        guard let limit = policies[policy].limitIndex(lend.limit.limit) else { return .invalid(.unknownLimit) }
        if let denial = denial(of: CollectionOfOne(lend.limit), policy: policy) {
            return .denied(retryAfterNanoseconds: denial.retryAfterNanoseconds)
        }
        return withUnsafeTemporaryAllocation(of: ChargePlan.Bucket.self, capacity: LedgerBounds.limits) { memory in
            var plan = ChargePlan(memory: memory)
            let place = plan.bucket(for: lend.limit, limit: limit, in: policies[policy], now: now.nanoseconds)
            return apply(lend, session: session, sequence: sequence, &plan, place, policy: policy)
        }
    }

    private mutating func apply(
        _ lend: Lend,
        session: SessionID,
        sequence: UInt64,
        _ plan: inout ChargePlan,
        _ place: Int,
        policy: Int
    ) -> LendOutcome {
        let now = now.nanoseconds
        let bucket = plan[place]
        let name = BucketName(limit: lend.limit.limit, kind: bucket.kind, key: bucket.key)
        let state = bucket.terms.state(tat: bucket.before, now: now)
        let least = UInt64(max(lend.least, 1))
        let reserve = UInt64(lend.limit.reserve)
        let free = state.remaining - min(reserve, state.remaining)
        guard free >= least else {
            let outstanding = slices.outstandingUnits(of: name)
            if outstanding > 0 { recall(lend.limit, of: lend.policy) }
            let wait = bucket.terms.wait(tat: bucket.before, now: now, units: least + reserve, taken: 0)
            return .refused(retryAfterNanoseconds: wait, state: state, outstanding: outstanding)
        }
        let share = Self.share(of: free, burst: bucket.terms.burst, nodes: UInt64(max(lend.nodes, 1)))
        let units = min(free, max(least, UInt64(lend.wanted), share))
        let slice = SliceRecord(session: session, sequence: sequence, bucket: name, units: units, lentAt: self.now)
        guard slices.insert(slice) else { return .tooManySlices }
        plan[place].after = bucket.terms.taking(units, tat: bucket.before, now: now)
        write(plan, policy: policy)
        policies[policy].limits[bucket.limit].unpaid &+= units
        return .lent(
            slice: SliceID(session: session, sequence: sequence),
            units: units,
            state: plan[place].terms.state(tat: plan[place].after, now: now)
        )
    }

    /// Units of a slice, by what is left: half of it in as many parts as there are nodes, so that slices shrink as the
    /// bucket empties, but no more than a small part of the burst, so that little is stranded where it is not used.
    private static func share(of free: UInt64, burst: UInt64, nodes: UInt64) -> UInt64 {
        // At most 2⁶² and 255 nodes: nothing overflows.
        let half = (free + 2 * nodes - 1) / (2 * nodes)
        return max(LedgerBounds.sliceUnitsMinimum, min(half, burst / (LedgerBounds.sliceBurstShare * nodes)))
    }

    /// Takes back what is left of a slice.
    mutating func apply(_ slice: SliceReturn, session: SessionID) -> ReturnOutcome {
        guard slice.slice.session == session, let position = slices.find(slice.slice) else { return .unknown }
        let record = slices[position]
        let now = now.nanoseconds
        guard record.units > 0, now < record.lentAt + LedgerBounds.sliceNanoseconds else { return .unknown }
        slices.end(position)
        return .restored(units: restore(min(slice.units, record.units), to: record.bucket, lentAt: record.lentAt))
    }

    /// Gives units back to their bucket, less what it has regained since they were lent: the bucket is never further on than
    /// if they had not been lent and all that time had been spent otherwise.
    /// - Returns: whole units that it got.
    private mutating func restore(_ units: UInt64, to name: BucketName, lentAt: UInt64) -> UInt64 {
        for policy in policies.indices {
            guard let limit = policies[policy].limitIndex(name.limit) else { continue }
            policies[policy].limits[limit].unpaid &-= units
            return restore(units, to: name, lentAt: lentAt, limit: limit, policy: policy)
        }
        return 0
    }

    private mutating func restore(
        _ units: UInt64,
        to name: BucketName,
        lentAt: UInt64,
        limit: Int,
        policy: Int
    ) -> UInt64 {
        let now = now.nanoseconds
        let (terms, stored) = policies[policy].bucket(name, limit: limit)
        // What has been full meanwhile and was forgotten, or is full, has nothing to regain.
        guard let stored, stored > now else { return 0 }
        let (length, overflow) = units.multipliedReportingOverflow(by: terms.interval)
        let back = (overflow ? .max : length) - min(overflow ? .max : length, now - lentAt)
        // 0 is no TAT of a bucket.
        let tat = max(stored - min(back, stored - now), 1)
        tableDigest -= LimitTable.digest(name.limit, name.kind, name.key, stored)
        tableDigest += LimitTable.digest(name.limit, name.kind, name.key, tat)
        policies[policy].setBucket(name, limit: limit, tat: tat)
        return (stored - tat) / terms.interval
    }

    /// Notes that somebody was refused by a bucket that may regain units which lie idle at a node.
    func mayRecall(_ bucket: ChargePlan.Bucket, limit: LimitID) -> Bool {
        slices.count > 0
            && slices.outstandingUnits(of: BucketName(limit: limit, kind: bucket.kind, key: bucket.key)) > 0
    }

    mutating func recall(_ limit: LimitCharge, of policy: PolicyID) {
        recalls.add(SliceRecall(policy: policy, limit: limit.limit, key: limit.key, fallback: limit.fallback))
    }

    /// Buckets by which somebody was refused since the last call while units of them were out in slices.
    ///
    /// No part of the state: replicas that have applied the same log may answer differently, for a snapshot holds none.
    public mutating func takeRecalls() -> [SliceRecall] { recalls.take() }

    /// Whether ``takeRecalls()`` has something.
    public var hasRecalls: Bool { !recalls.isEmpty }
}

extension PolicyState {
    /// A bucket's terms and its TAT; nil where it is not there.
    fileprivate func bucket(_ name: BucketName, limit: Int) -> (terms: RateTerms, tat: UInt64?) {
        let terms = limits[limit].terms
        return switch name.kind {
        case .own: (overridingTerms(name.key, limit: limit) ?? terms, limits[limit].keys[name.key]?.tat)
        case .fallback: (terms, limits[limit].fallbacks[name.key]?.tat)
        case .shared: (terms, limits[limit].shared)
        }
    }

    /// Writes the TAT of a bucket that is there.
    fileprivate mutating func setBucket(_ name: BucketName, limit: Int, tat: UInt64) {
        let entry = QuotaEntry(key: name.key, tat: tat)
        switch name.kind {
        case .own:
            if let position = limits[limit].keys.find(name.key) { limits[limit].keys[position] = entry }
        case .fallback:
            if let position = limits[limit].fallbacks.find(name.key) { limits[limit].fallbacks[position] = entry }
        case .shared: limits[limit].shared = tat
        }
    }
}
