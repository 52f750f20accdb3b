// Resets: an operator forgives what a key has used.
//
// The key's own buckets become full, as they would be if it had been idle for long enough, and the sweep forgets them as it
// does others that are full. Units that are out in slices stay with their holders, for the rest of the slices' lives: after a
// reset a key can have those and a full bucket. A holder that returns its rest gives it back to the bucket, as always, but
// never beyond full.

extension Ledger {
    /// Fills a key's own buckets.
    mutating func apply(_ reset: QuotaReset) -> ResetOutcome {
        guard let policy = policyIndex(reset.policy) else { return .unknownPolicy }
        // 0 is no TAT of a bucket.
        let now = max(now.nanoseconds, 1)
        var limits: [LimitReset] = []
        for limit in policies[policy].limits.indices {
            guard let position = policies[policy].limits[limit].keys.find(reset.key) else { continue }
            let id = policies[policy].limits[limit].id
            let before = policies[policy].limits[limit].keys[position].tat
            guard before > now else { continue }
            let terms =
                policies[policy].overridingTerms(reset.key, limit: limit) ?? policies[policy].limits[limit].terms
            tableDigest -= LimitTable.digest(id, .own, reset.key, before)
            tableDigest += LimitTable.digest(id, .own, reset.key, now)
            policies[policy].limits[limit].keys[position] = QuotaEntry(key: reset.key, tat: now)
            limits.append(LimitReset(limit: id, units: (before - now - 1) / terms.interval + 1))
        }
        return .full(limits)
    }
}
