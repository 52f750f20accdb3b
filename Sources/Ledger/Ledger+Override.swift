// Overrides: an operator's word on one key.
//
// Other terms hold in the key's own bucket of each free limit, and the bucket keeps its used units whenever the terms
// change: when an override comes, changes or goes, the key's own buckets are rescaled from the interval that held to the
// one that holds now, as they are for a revision.

extension Ledger {
    /// Sets or removes an override.
    mutating func apply(_ change: OverrideChange) -> OverrideOutcome {
        guard let policy = policyIndex(change.policy) else { return .unknownPolicy }
        let old = policies[policy].overrides[change.key]
        if let expected = change.expectedVersion, expected != old?.version ?? 0 {
            return .conflict(current: old?.version ?? 0)
        }
        if case .free(let interval, let burst)? = change.value, RateTerms(interval: interval, burst: burst) == nil {
            return .badRate
        }
        if change.value == nil, old == nil { return .removed }
        if change.value != nil, old == nil, !hasRoom(for: change.key, policy: policy) { return .full }

        overrideVersion += 1
        var new = change.value.map {
            OverrideEntry(key: change.key, value: $0, version: overrideVersion, label: change.label)
        }
        // A denial that is over as it comes was set, and has ended.
        if let end = new?.denialEnd {
            if end <= now.nanoseconds { new = nil } else { earliestDenialEnd = min(earliestDenialEnd, end) }
        }
        replace(old, by: new, key: change.key, policy: policy)
        return change.value == nil ? .removed : .set(version: overrideVersion)
    }

    private func hasRoom(for key: QuotaKey, policy: Int) -> Bool {
        overrideCount < LedgerBounds.overrides && policies[policy].overrides.hasRoom(for: key, beside: 0)
    }

    private mutating func replace(_ old: OverrideEntry?, by new: OverrideEntry?, key: QuotaKey, policy: Int) {
        if let old {
            tableDigest -= policies[policy].digest(of: old)
            policies[policy].overrides.remove(key)
            overrideCount -= 1
        }
        if let new {
            policies[policy].overrides.insert(new)
            tableDigest += policies[policy].digest(of: new)
            overrideCount += 1
        }
        for limit in policies[policy].limits.indices where policies[policy].limits[limit].definition.role == .free {
            let usual = policies[policy].limits[limit].terms.interval
            let from = old?.terms?.interval ?? usual
            let to = new?.terms?.interval ?? usual
            guard from != to, let position = policies[policy].limits[limit].keys.find(key) else { continue }
            let id = policies[policy].limits[limit].id
            let before = policies[policy].limits[limit].keys[position]
            let tat = RateTerms.rescale(tat: before.tat, now: now.nanoseconds, from: from, to: to)
            tableDigest -= LimitTable.digest(id, .own, key, before.tat)
            tableDigest += LimitTable.digest(id, .own, key, tat)
            policies[policy].limits[limit].keys[position] = QuotaEntry(key: key, tat: tat)
        }
    }
}
