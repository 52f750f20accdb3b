// Charging: every limit and the pass, or nothing.

extension Ledger {
    /// Charges limits and a pass.
    mutating func apply(_ charge: Charge) -> ChargeOutcome {
        guard charge.limits.count <= LedgerBounds.limits else { return .invalid(.tooManyLimits) }
        guard let policy = policyIndex(charge.policy) else { return .invalid(.unknownPolicy) }
        return withUnsafeTemporaryAllocation(of: ChargePlan.Bucket.self, capacity: LedgerBounds.limits) { memory in
            var plan = ChargePlan(memory: memory)
            var places = InlineArray<16, Int>(repeating: 0)
            return apply(charge, policy: policy, &plan, &places)
        }
    }

    /// - Parameter places: for each limit of the charge, its bucket in the plan.
    @inline(__always)
    private mutating func apply(
        _ charge: Charge,
        policy: Int,
        _ plan: inout ChargePlan,
        _ places: inout InlineArray<16, Int>
    ) -> ChargeOutcome {
        let now = now.nanoseconds
        var limits = InlineArray<16, Int>(repeating: 0)
        for (index, limit) in charge.limits.enumerated() {
            guard let place = policies[policy].limitIndex(limit.limit) else { return .invalid(.unknownLimit) }
            limits[index] = place
        }
        if let denial = denial(of: charge.limits, policy: policy) {
            return .denied(retryAfterNanoseconds: denial.retryAfterNanoseconds)
        }
        var record: RecordStore.Position?
        if let pass = charge.pass {
            switch payer(pass, charge) {
            case .success(let position): record = position
            case .failure(let refusal): return .passRefused(refusal.reason)
            }
        }

        var refusing: Int?
        var longest: UInt64 = 0
        for (index, limit) in charge.limits.enumerated() {
            let place = plan.bucket(for: limit, limit: limits[index], in: policies[policy], now: now)
            places[index] = place
            let units = UInt64(charge.cost) + UInt64(limit.reserve)
            let wait = plan[place].terms.wait(tat: plan[place].after, now: now, units: units, taken: plan[place].taken)
            if wait > longest {
                longest = wait
                refusing = index
            }
            plan[place].after = plan[place].terms.taking(UInt64(charge.cost), tat: plan[place].after, now: now)
            plan[place].taken += UInt64(charge.cost)
        }
        var states: [LimitState] = []
        states.reserveCapacity(charge.limits.count)
        for index in charge.limits.indices {
            let bucket = plan[places[index]]
            states.append(bucket.terms.state(tat: refusing == nil ? bucket.after : bucket.before, now: now))
        }
        if let refusing {
            let limit = charge.limits[refusing]
            if mayRecall(plan[places[refusing]], limit: limit.limit) { recall(limit, of: charge.policy) }
            return .refused(limit: refusing, retryAfterNanoseconds: longest, limits: states)
        }

        if charge.cost > 0 {
            write(plan, policy: policy)
            if record == nil {
                for index in charge.limits.indices {
                    policies[policy].limits[limits[index]].unpaid &+= UInt64(charge.cost)
                }
            } else {
                policies[policy].paid &+= UInt64(charge.cost)
            }
        }
        guard let record else { return .admitted(limits: states, passRemaining: nil) }
        if charge.cost > 0 { records.update(record) { $0.remaining -= charge.cost } }
        return .admitted(limits: states, passRemaining: records[record].remaining)
    }

    /// Writes what a plan found to be possible. Buckets that exist come first: making a new one may move them.
    @inline(__always)
    mutating func write(_ plan: borrowing ChargePlan, policy: Int) {
        var new = 0
        for index in 0..<plan.count {
            let bucket = plan[index]
            let id = policies[policy].limits[bucket.limit].id
            if bucket.stored > 0 { tableDigest -= LimitTable.digest(id, bucket.kind, bucket.key, bucket.stored) }
            tableDigest += LimitTable.digest(id, bucket.kind, bucket.key, bucket.after)
            if bucket.kind == .shared {
                policies[policy].limits[bucket.limit].shared = bucket.after
            } else if let position = bucket.position {
                let entry = QuotaEntry(key: bucket.key, tat: bucket.after)
                if bucket.kind == .own {
                    policies[policy].limits[bucket.limit].keys[position] = entry
                } else {
                    policies[policy].limits[bucket.limit].fallbacks[position] = entry
                }
            } else {
                new += 1
            }
        }
        guard new > 0 else { return }
        for index in 0..<plan.count where plan[index].position == nil && plan[index].kind != .shared {
            let bucket = plan[index]
            let entry = QuotaEntry(key: bucket.key, tat: bucket.after)
            if bucket.kind == .own {
                policies[policy].limits[bucket.limit].keys.insert(entry)
            } else {
                policies[policy].limits[bucket.limit].fallbacks.insert(entry)
            }
        }
    }

    /// A denial that holds.
    struct Denial {
        /// Nil: for good.
        var retryAfterNanoseconds: UInt64?
    }

    /// The denial by an override of one of these limits' keys: the one that ends last.
    @inline(__always)
    func denial(of limits: some Collection<LimitCharge>, policy: Int) -> Denial? {
        guard policies[policy].overrides.count > 0 else { return nil }
        var longest: UInt64?
        for limit in limits {
            guard let entry = policies[policy].overrides[limit.key], case .deny(let until) = entry.value else {
                continue
            }
            guard let until else { return Denial(retryAfterNanoseconds: nil) }
            let wait = now.nanoseconds(until: until)
            if wait > 0 { longest = max(longest ?? 0, wait) }
        }
        return longest.map { Denial(retryAfterNanoseconds: $0) }
    }

    private struct PassFailure: Error {
        let reason: PassRefusal
    }

    /// The record whose grants pay, if they do.
    private func payer(_ pass: PassCharge, _ charge: Charge) -> Result<RecordStore.Position, PassFailure> {
        if RecordStore.isPast(RecordStore.bucket(of: pass.recordExpiry), now: now) {
            return .failure(PassFailure(reason: .expired))
        }
        guard let position = records.find(pass.challenge, recordExpiry: pass.recordExpiry) else {
            return .failure(PassFailure(reason: .unknown))
        }
        let record = records[position]
        if record.policy != charge.policy.rawValue { return .failure(PassFailure(reason: .policyMismatch)) }
        if now.nanoseconds >= record.passExpiry { return .failure(PassFailure(reason: .expired)) }
        if record.binding != 0, record.binding != pass.binding { return .failure(PassFailure(reason: .otherClient)) }
        if record.remaining < charge.cost { return .failure(PassFailure(reason: .exhausted)) }
        return .success(position)
    }
}
