// Reads of quotas and overrides, for operators. None of them changes anything; each takes an estimate of replicated time,
// since the ledger's own stands still while nothing is decided.

/// How a key stands in one limit.
public struct QuotaReading: Hashable, Sendable {
    /// Whose bucket it is that pays for the key.
    public enum Bucket: UInt8, Hashable, Sendable {
        /// The key's own, or one of its own that the next charge makes.
        case own
        /// One that it shares with the keys of its fallback, since the limit's table is full.
        case fallback
        /// One that it shares with all keys that have no other, since that table is full too.
        case shared
    }

    /// Whose bucket it is.
    public var bucket: Bucket
    /// What is left, and when it is full.
    public var state: LimitState
    /// Nanoseconds a unit, as it holds now: an override's, where there is one.
    public var interval: UInt64
    /// Units of the bucket that are out in slices, of which some may come back.
    public var outstanding: UInt64
}

/// Where a page of overrides ends.
public struct OverridePlace: Hashable, Sendable, Comparable {
    /// The policy of the page's last one.
    public var policy: PolicyID
    /// Its key.
    public var key: QuotaKey

    /// A value of these fields.
    public init(policy: PolicyID, key: QuotaKey) {
        self.policy = policy
        self.key = key
    }

    /// By policy, then by key.
    public static func < (left: OverridePlace, right: OverridePlace) -> Bool {
        (left.policy.rawValue, left.key.high, left.key.low) < (right.policy.rawValue, right.key.high, right.key.low)
    }
}

/// Some overrides.
public struct OverridePage: Sendable {
    /// In their order.
    public var overrides: [(place: OverridePlace, state: OverrideState)]
    /// Whether there are more behind them.
    public var hasMore: Bool
}

extension Ledger {
    /// The bucket that a charge of this limit and key would meet at a time; nil if the policy has no such limit.
    /// ``LimitCharge/reserve`` is not looked at.
    /// - Parameter time: earlier than the ledger's own, it is that.
    public func quota(_ limit: LimitCharge, policy: PolicyID, at time: LedgerTime) -> QuotaReading? {
        guard let policy = policyIndex(policy), let place = policies[policy].limitIndex(limit.limit) else { return nil }
        let now = max(now, time).nanoseconds
        return withUnsafeTemporaryAllocation(of: ChargePlan.Bucket.self, capacity: LedgerBounds.limits) { memory in
            var plan = ChargePlan(memory: memory)
            let bucket = plan[plan.bucket(for: limit, limit: place, in: policies[policy], now: now)]
            return QuotaReading(
                bucket: QuotaReading.Bucket(rawValue: bucket.kind.rawValue) ?? .own,
                state: bucket.terms.state(tat: bucket.before, now: now),
                interval: bucket.terms.interval,
                outstanding: slices.outstandingUnits(
                    of: BucketName(limit: limit.limit, kind: bucket.kind, key: bucket.key)
                )
            )
        }
    }

    /// Overrides in the order of their places, which changes of others do not change.
    ///
    /// Takes time in proportion to all of them, ``LedgerBounds/overrides`` at most: ask a copy of the ledger.
    /// - Parameters:
    ///   - policy: whose alone; nil: of all policies.
    ///   - place: those behind it; nil: from the first one on.
    ///   - time: what has ended by then is left out.
    ///   - count: so many at most, at least 1.
    public func overrides(
        of policy: PolicyID?,
        after place: OverridePlace?,
        at time: LedgerTime,
        count: Int
    ) -> OverridePage {
        var found: [(place: OverridePlace, state: OverrideState)] = []
        for candidate in policies where policy == nil || candidate.id == policy {
            candidate.overrides.visit { entry in
                let here = OverridePlace(policy: candidate.id, key: entry.key)
                guard place.map({ $0 < here }) ?? true, entry.state.holds(at: time) else { return }
                found.append((here, entry.state))
            }
        }
        found.sort { $0.place < $1.place }
        let count = max(count, 1)
        return OverridePage(overrides: Array(found.prefix(count)), hasMore: found.count > count)
    }
}
