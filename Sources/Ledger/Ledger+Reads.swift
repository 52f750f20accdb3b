import Wire

// Reads, for operators and for the replica that drives the ledger. None of them changes anything.

/// How much a ledger holds.
public struct LedgerCounts: Hashable, Sendable {
    /// Keys with a bucket of their own, of all limits.
    public var keys: Int
    /// Fallback buckets, of all limits.
    public var fallbacks: Int
    /// Spent challenges.
    public var records: Int
    /// Slices of the last seconds, also those that have been returned.
    public var slices: Int
    /// Addresses that redemptions have made warm.
    public var warmAddresses: Int
    /// Neighbourhoods that redemptions have made warm, of all levels.
    public var warmNeighbourhoods: Int
    /// Addresses and neighbourhoods to which challenges were issued lately.
    public var issuedPrefixes: Int
    /// Overrides that stand, of all policies.
    public var overrides: Int
    /// Open sessions.
    public var sessions: Int
    /// Results kept by all sessions.
    public var results: Int
    /// Bytes that the tables of buckets, of records, of slices and of prefixes take in memory.
    public var tableBytes: Int
}

extension Ledger {
    /// How much the ledger holds. Takes time in proportion to the number of shards, not of keys.
    public var counts: LedgerCounts {
        let warm = prices.counts(.heat)
        let issued = prices.counts(.issued)
        var counts = LedgerCounts(
            keys: 0,
            fallbacks: 0,
            records: records.count,
            slices: slices.count,
            warmAddresses: warm.addresses,
            warmNeighbourhoods: warm.neighbourhoods,
            issuedPrefixes: issued.addresses + issued.neighbourhoods,
            overrides: overrideCount,
            sessions: sessions.count,
            results: sessions.resultCount,
            tableBytes: records.allocatedBytes + slices.allocatedBytes + prices.allocatedBytes
        )
        for policy in policies {
            for limit in policy.limits {
                counts.keys += limit.keys.count
                counts.fallbacks += limit.fallbacks.count
                counts.tableBytes += limit.keys.allocatedBytes + limit.fallbacks.allocatedBytes
            }
        }
        return counts
    }

    /// The bucket that a charge of this limit and key would meet now; nil if the policy has no such limit.
    /// ``LimitCharge/reserve`` is not looked at.
    public func state(of limit: LimitCharge, policy: PolicyID) -> LimitState? {
        guard let policy = policyIndex(policy), let place = policies[policy].limitIndex(limit.limit) else { return nil }
        return withUnsafeTemporaryAllocation(of: ChargePlan.Bucket.self, capacity: LedgerBounds.limits) { memory in
            var plan = ChargePlan(memory: memory)
            let bucket = plan[plan.bucket(for: limit, limit: place, in: policies[policy], now: now.nanoseconds)]
            return bucket.terms.state(tat: bucket.before, now: now.nanoseconds)
        }
    }

    /// Units of the bucket that a charge of this limit and key would meet now which are out in slices and may come back.
    public func outstanding(of limit: LimitCharge, policy: PolicyID) -> UInt64 {
        guard let policy = policyIndex(policy), let place = policies[policy].limitIndex(limit.limit) else { return 0 }
        return withUnsafeTemporaryAllocation(of: ChargePlan.Bucket.self, capacity: LedgerBounds.limits) { memory in
            var plan = ChargePlan(memory: memory)
            let bucket = plan[plan.bucket(for: limit, limit: place, in: policies[policy], now: now.nanoseconds)]
            return slices.outstandingUnits(of: BucketName(limit: limit.limit, kind: bucket.kind, key: bucket.key))
        }
    }

    /// The override of a key; nil if there is none, or no such policy.
    public func override(policy: PolicyID, key: QuotaKey) -> OverrideState? {
        guard let policy = policyIndex(policy), let entry = policies[policy].overrides[key] else { return nil }
        return entry.state
    }

    /// The pass that a challenge opened, also one that has expired, as long as its record is held.
    public func pass(_ challenge: ChallengeID, recordExpiry: LedgerTime) -> PassState? {
        records.find(challenge, recordExpiry: recordExpiry).map { records[$0].pass }
    }

    /// The version of commands that every member knows.
    public var ledgerVersion: UInt32 { standing.ledgerVersion }

    /// The open session of a replica's boot; nil if it has none, or no longer.
    public func session(of owner: ReplicaID) -> SessionID? { sessions.session(of: owner) }
}
