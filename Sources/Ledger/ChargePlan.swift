/// A charge before it is made: every bucket that it touches, as it is and as it would be.
///
/// All limits of a charge are charged together or not at all, and one bucket may occur several times in a charge. So
/// buckets are first gathered here, each once, and charged here; only a plan that nothing refuses is written to the
/// tables.
struct ChargePlan: ~Copyable {
    struct Bucket {
        /// Index in the policy.
        var limit: Int
        var kind: BucketKind
        var key: QuotaKey
        /// Nil for one that is yet to be made, and for the shared one.
        var position: ShardedTable<QuotaEntry>.Position?
        /// The TAT in the table; 0: none.
        var stored: UInt64
        /// What this charge begins with.
        var before: UInt64
        /// What it leaves.
        var after: UInt64
        /// Units that earlier limits of this charge took from it.
        var taken: UInt64
        var terms: RateTerms
    }

    private let buckets: UnsafeMutableBufferPointer<Bucket>
    private(set) var count = 0

    /// A plan in memory that the caller lends: uninitialised, room for ``LedgerBounds/limits``.
    init(memory: UnsafeMutableBufferPointer<Bucket>) { buckets = memory }

    subscript(index: Int) -> Bucket {
        @inline(__always) get {
            precondition(index < count)
            return buckets[index]
        }
        @inline(__always) set {
            precondition(index < count)
            buckets[index] = newValue
        }
    }

    /// A bucket of the plan, if it is there.
    @inline(__always)
    private func index(_ limit: Int, _ kind: BucketKind, _ key: QuotaKey) -> Int? {
        for index in 0..<count
        where buckets[index].limit == limit && buckets[index].kind == kind && buckets[index].key == key {
            return index
        }
        return nil
    }

    @inline(__always)
    private mutating func add(_ bucket: Bucket) -> Int {
        // Bucket holds no references: initialising is all that its memory needs.
        buckets.initializeElement(at: count, to: bucket)
        count += 1
        return count - 1
    }

    /// New buckets of a kind that the plan would make in a limit.
    private func newBuckets(_ limit: Int, _ kind: BucketKind) -> Int {
        var new = 0
        for index in 0..<count
        where buckets[index].limit == limit && buckets[index].kind == kind && buckets[index].position == nil {
            new += 1
        }
        return new
    }

    /// The bucket that pays for a limit of the charge: the key's own; a new one of its own, if there is room; else its
    /// fallback's; else the limit's shared one.
    ///
    /// A new bucket begins where the ones that would have been charged without it stand, so that to be forgotten or to
    /// be moved never gives back what was used. A key with other terms by an override has its own bucket also beyond
    /// `maxKeys`, and only in its own bucket do these terms hold.
    @inline(__always)
    mutating func bucket(for charge: LimitCharge, limit: Int, in policy: borrowing PolicyState, now: UInt64) -> Int {
        if count > 0, let known = index(limit, .own, charge.key) { return known }
        let special = policy.overridingTerms(charge.key, limit: limit)
        let terms = policy.limits[limit].terms
        if let position = policy.limits[limit].keys.find(charge.key) {
            return add(
                existing: position,
                .own,
                charge.key,
                limit,
                in: policy.limits[limit].keys,
                special ?? terms,
                now
            )
        }
        let new = newBuckets(limit, .own)
        if special != nil || policy.limits[limit].keys.count + new < Int(policy.maxKeys),
            policy.limits[limit].keys.hasRoom(for: charge.key, beside: new)
        {
            var start = max(now, sharedTAT(limit, policy))
            if let fallback = index(limit, .fallback, charge.fallback) {
                start = max(start, buckets[fallback].after)
            } else if let entry = policy.limits[limit].fallbacks[charge.fallback] {
                start = max(start, entry.tat)
            }
            if let special {
                start = RateTerms.rescale(tat: start, now: now, from: terms.interval, to: special.interval)
            }
            return add(new: .own, charge.key, limit, start, special ?? terms)
        }
        return sharingBucket(for: charge, limit: limit, in: policy, now: now)
    }

    /// The bucket of a key that has none of its own.
    mutating func sharingBucket(
        for charge: LimitCharge,
        limit: Int,
        in policy: borrowing PolicyState,
        now: UInt64
    ) -> Int {
        let terms = policy.limits[limit].terms
        if let known = index(limit, .fallback, charge.fallback) { return known }
        if let position = policy.limits[limit].fallbacks.find(charge.fallback) {
            return add(
                existing: position,
                .fallback,
                charge.fallback,
                limit,
                in: policy.limits[limit].fallbacks,
                terms,
                now
            )
        }
        let new = newBuckets(limit, .fallback)
        if policy.limits[limit].fallbacks.count + new < policy.maxFallbacks,
            policy.limits[limit].fallbacks.hasRoom(for: charge.fallback, beside: new)
        {
            return add(new: .fallback, charge.fallback, limit, max(now, sharedTAT(limit, policy)), terms)
        }
        let nobody = QuotaEntry.vacant.key
        if let known = index(limit, .shared, nobody) { return known }
        let stored = policy.limits[limit].shared
        return add(
            Bucket(
                limit: limit,
                kind: .shared,
                key: nobody,
                position: nil,
                stored: stored,
                before: max(stored, now),
                after: max(stored, now),
                taken: 0,
                terms: terms
            )
        )
    }

    /// The shared bucket's TAT as this charge has it so far.
    private func sharedTAT(_ limit: Int, _ policy: borrowing PolicyState) -> UInt64 {
        if count > 0, let known = index(limit, .shared, QuotaEntry.vacant.key) { return buckets[known].after }
        return policy.limits[limit].shared
    }

    @inline(__always)
    private mutating func add(
        existing position: ShardedTable<QuotaEntry>.Position,
        _ kind: BucketKind,
        _ key: QuotaKey,
        _ limit: Int,
        in table: borrowing ShardedTable<QuotaEntry>,
        _ terms: RateTerms,
        _ now: UInt64
    ) -> Int {
        let stored = table[position].tat
        return add(
            Bucket(
                limit: limit,
                kind: kind,
                key: key,
                position: position,
                stored: stored,
                before: max(stored, now),
                after: max(stored, now),
                taken: 0,
                terms: terms
            )
        )
    }

    private mutating func add(
        new kind: BucketKind,
        _ key: QuotaKey,
        _ limit: Int,
        _ start: UInt64,
        _ terms: RateTerms
    ) -> Int {
        add(
            Bucket(
                limit: limit,
                kind: kind,
                key: key,
                position: nil,
                stored: 0,
                before: start,
                after: start,
                taken: 0,
                terms: terms
            )
        )
    }
}
