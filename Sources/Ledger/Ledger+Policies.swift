// Revisions of the policies.
//
// A limit that stands in both revisions keeps its number and all that its keys have used: when its interval changes,
// used units stay used units, in the table and at once, so raising a limit helps now and lowering one gives nothing
// back.

extension Ledger {
    /// Takes a revision: all of it, or nothing.
    mutating func setPolicies(_ definitions: [PolicyDefinition], expectedRevision: UInt64) -> CommandResult {
        guard expectedRevision == standing.revision else {
            return .policiesRefused(.revisionConflict(current: standing.revision))
        }
        if let refusal = Self.check(definitions) { return .policiesRefused(refusal) }
        guard let next = revised(definitions) else { return .policiesRefused(.identifiersExhausted) }

        rescaleSlices(for: next.policies)
        for policy in policies { tableDigest -= Self.tableDigest(of: policy) }
        policies = next.policies
        for policy in policies { tableDigest += Self.tableDigest(of: policy) }
        nextPolicyID = next.nextPolicyID
        nextLimitID = next.nextLimitID
        overrideCount = policies.reduce(0) { $0 + $1.overrides.count }
        standing.policies = policies.map(\.facts)
        standing.prices = standing.prices.filter { policyIndex($0.policy) != nil }
        standing.revision += 1
        standing.generation += 1
        return .policiesSet(revision: standing.revision)
    }

    /// What has been lent of limits that change their intervals regains in the new ones from now on.
    private mutating func rescaleSlices(for revised: ContiguousArray<PolicyState>) {
        guard slices.count > 0 else { return }
        var intervals: [UInt32: UInt64] = [:]
        for policy in revised {
            for limit in policy.limits { intervals[limit.id.rawValue] = limit.terms.interval }
        }
        var changes: [UInt32: (policy: PolicyState, limit: Int, to: UInt64)] = [:]
        for policy in policies {
            for (place, limit) in policy.limits.enumerated() {
                guard let to = intervals[limit.id.rawValue], to != limit.terms.interval else { continue }
                changes[limit.id.rawValue] = (policy, place, to)
            }
        }
        guard !changes.isEmpty else { return }
        slices.rescale(now: now.nanoseconds) { bucket in
            guard let change = changes[bucket.limit.rawValue] else { return nil }
            // Buckets under an override's own terms are not concerned.
            if bucket.kind == .own, change.policy.overridingTerms(bucket.key, limit: change.limit) != nil { return nil }
            return (change.policy.limits[change.limit].terms.interval, change.to)
        }
    }

    /// What is wrong with a revision, if anything is.
    static func check(_ definitions: [PolicyDefinition]) -> PolicyRefusal? {
        guard definitions.count <= LedgerBounds.policies else { return .tooManyPolicies }
        var names: Set<String.UnicodeScalarSequence> = []
        for (index, definition) in definitions.enumerated() {
            let policy = UInt32(index)
            guard (1...LedgerBounds.policyNameBytes).contains(definition.name.utf8.count) else {
                return .badName(policy: policy)
            }
            guard names.insert(.init(definition.name)).inserted else { return .duplicateName(policy: policy) }
            guard (1...LedgerBounds.keysPerLimit).contains(definition.maxKeys) else {
                return .badMaxKeys(policy: policy)
            }
            guard definition.limits.count <= LedgerBounds.limits else { return .tooManyLimits(policy: policy) }
            for (index, limit) in definition.limits.enumerated() {
                guard (1...LedgerBounds.keyExpressionBytes).contains(limit.key.utf8.count) else {
                    return .badKey(policy: policy, limit: UInt32(index))
                }
                guard RateTerms(interval: limit.interval, burst: limit.burst) != nil else {
                    return .badRate(policy: policy, limit: UInt32(index))
                }
            }
        }
        return nil
    }

    private struct Revision {
        var policies: ContiguousArray<PolicyState>
        var nextPolicyID: UInt32
        var nextLimitID: UInt32
    }

    /// The policies under new definitions, which were checked; nil where identifiers have run out.
    private func revised(_ definitions: [PolicyDefinition]) -> Revision? {
        var next = Revision(policies: [], nextPolicyID: nextPolicyID, nextLimitID: nextLimitID)
        for definition in definitions {
            let old = policies.first { $0.name.isSame(as: definition.name) }
            var limits = ContiguousArray<LimitTable>()
            for (index, limit) in definition.limits.enumerated() {
                guard let terms = RateTerms(interval: limit.interval, burst: limit.burst) else { return nil }
                let occurrence = definition.limits[..<index].count { $0.isSame(as: limit) }
                if let old, var kept = old.limit(like: limit, occurrence: occurrence) {
                    kept.change(to: limit, terms, now: now.nanoseconds, overrides: old.overrides)
                    limits.append(kept)
                } else {
                    guard next.nextLimitID < .max else { return nil }
                    limits.append(
                        LimitTable(id: LimitID(rawValue: next.nextLimitID), definition: limit, terms: terms)
                    )
                    next.nextLimitID += 1
                }
            }
            if var kept = old {
                kept.maxKeys = definition.maxKeys
                kept.limits = limits
                next.policies.append(kept)
            } else {
                guard next.nextPolicyID < .max else { return nil }
                next.policies.append(
                    PolicyState(
                        id: PolicyID(rawValue: next.nextPolicyID),
                        name: definition.name,
                        maxKeys: definition.maxKeys,
                        limits: limits
                    )
                )
                next.nextPolicyID += 1
            }
        }
        next.policies.sort { $0.id.rawValue < $1.id.rawValue }
        return next
    }

    /// The digest's part of a policy's buckets and overrides, from scratch.
    static func tableDigest(of policy: PolicyState) -> LedgerDigest {
        var sum = LedgerDigest.zero
        for limit in policy.limits {
            limit.keys.visit { sum += LimitTable.digest(limit.id, .own, $0.key, $0.tat) }
            limit.fallbacks.visit { sum += LimitTable.digest(limit.id, .fallback, $0.key, $0.tat) }
            if limit.shared > 0 {
                sum += LimitTable.digest(limit.id, .shared, QuotaEntry.vacant.key, limit.shared)
            }
        }
        policy.overrides.visit { sum += policy.digest(of: $0) }
        return sum
    }
}

extension String {
    /// Texts as the ledger compares them: unit by unit. Swift's own comparison takes canonically equivalent texts for
    /// equal, by tables that may change with the release.
    func isSame(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }

    /// A text as a member of a set, compared unit by unit.
    struct UnicodeScalarSequence: Hashable {
        private let units: [UInt8]

        init(_ text: String) { units = Array(text.utf8) }
    }
}

extension LimitDefinition {
    /// Whether two definitions are of the same limit, but for its numbers.
    fileprivate func isSame(as other: LimitDefinition) -> Bool { role == other.role && key.isSame(as: other.key) }
}

extension PolicyState {
    var facts: PolicyFacts {
        PolicyFacts(
            id: id,
            name: name,
            maxKeys: maxKeys,
            limits: limits.map { LimitFacts(id: $0.id, definition: $0.definition) }
        )
    }

    /// The limit of this revision that is the n-th of its role and key, counted from 0.
    fileprivate func limit(like definition: LimitDefinition, occurrence: Int) -> LimitTable? {
        limits.filter { $0.definition.isSame(as: definition) }.dropFirst(occurrence).first
    }
}

extension LimitTable {
    /// Takes new numbers. Buckets under an override's own terms are not concerned.
    fileprivate mutating func change(
        to definition: LimitDefinition,
        _ terms: RateTerms,
        now: UInt64,
        overrides: ShardedTable<OverrideEntry>
    ) {
        let old = self.terms.interval
        self.definition = definition
        self.terms = terms
        guard old != terms.interval else { return }
        let heeds = definition.role == .free && overrides.count > 0
        keys.updateAll { entry in
            if heeds, overrides[entry.key]?.terms != nil { return }
            entry.tat = RateTerms.rescale(tat: entry.tat, now: now, from: old, to: terms.interval)
        }
        fallbacks.updateAll {
            $0.tat = RateTerms.rescale(tat: $0.tat, now: now, from: old, to: terms.interval)
        }
        shared = RateTerms.rescale(tat: shared, now: now, from: old, to: terms.interval)
    }
}
