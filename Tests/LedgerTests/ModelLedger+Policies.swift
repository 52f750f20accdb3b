@testable import Ledger

// The model's revisions and overrides.

extension ModelLedger {
    mutating func set(_ definitions: [PolicyDefinition], _ expected: UInt64) -> CommandResult {
        guard expected == revision else { return .policiesRefused(.revisionConflict(current: revision)) }
        if definitions.count > 256 { return .policiesRefused(.tooManyPolicies) }
        for (place, definition) in definitions.enumerated() {
            let policy = UInt32(place)
            if definition.name.utf8.isEmpty || definition.name.utf8.count > 128 {
                return .policiesRefused(.badName(policy: policy))
            }
            if definitions[..<place].contains(where: { Array($0.name.utf8) == Array(definition.name.utf8) }) {
                return .policiesRefused(.duplicateName(policy: policy))
            }
            if definition.maxKeys == 0 || definition.maxKeys > 4_194_304 {
                return .policiesRefused(.badMaxKeys(policy: policy))
            }
            if definition.limits.count > 16 { return .policiesRefused(.tooManyLimits(policy: policy)) }
            for (place, limit) in definition.limits.enumerated() {
                if limit.key.utf8.isEmpty || limit.key.utf8.count > 256 {
                    return .policiesRefused(.badKey(policy: policy, limit: UInt32(place)))
                }
                let fill = UInt128(limit.interval) * UInt128(limit.burst)
                if fill == 0 || fill > 1 << 62 {
                    return .policiesRefused(.badRate(policy: policy, limit: UInt32(place)))
                }
            }
        }
        let old = policies
        policies = []
        for definition in definitions {
            var policy = Policy(id: 0, name: definition.name, maxKeys: definition.maxKeys, limits: [])
            let before = old.first { $0.name == definition.name }
            var unclaimed = before?.limits ?? []
            for limit in definition.limits {
                if let claimed = unclaimed.firstIndex(where: {
                    $0.definition.role == limit.role && $0.definition.key == limit.key
                }) {
                    let kept = unclaimed.remove(at: claimed)
                    rescale(kept, to: limit, policy: before!.id)
                    policy.limits.append(Limit(id: kept.id, definition: limit))
                } else {
                    limitCount += 1
                    policy.limits.append(Limit(id: limitCount, definition: limit))
                }
            }
            if let before {
                policy.id = before.id
            } else {
                policyCount += 1
                policy.id = policyCount
            }
            policies.append(policy)
        }
        let limits = Set(policies.flatMap { $0.limits.map(\.id) })
        buckets = buckets.filter { limits.contains($0.key.limit) }
        overrides = overrides.filter { entry in policies.contains { $0.id == entry.key.policy } }
        prices = prices.filter { entry in policies.contains { $0.id == entry.key } }
        revision += 1
        return .policiesSet(revision: revision)
    }

    private mutating func rescale(_ limit: Limit, to new: LimitDefinition, policy: UInt32) {
        for (name, tat) in buckets where name.limit == limit.id {
            if name.kind == "own", limit.definition.role == .free,
                case .free? = overrides[OverrideName(policy: policy, key: name.key)]?.value
            {
                continue
            }
            buckets[name] = Self.rescale(
                tat,
                Int128(now),
                Int128(limit.definition.interval),
                Int128(new.interval)
            )
        }
    }

    mutating func perform(_ change: OverrideChange) -> OverrideOutcome {
        guard let policy = policies.first(where: { $0.id == change.policy.rawValue }) else { return .unknownPolicy }
        let name = OverrideName(policy: policy.id, key: change.key)
        let old = overrides[name]
        if let expected = change.expectedVersion, expected != old?.version ?? 0 {
            return .conflict(current: old?.version ?? 0)
        }
        if case .free(let interval, let burst)? = change.value {
            let fill = UInt128(interval) * UInt128(burst)
            if fill == 0 || fill > 1 << 62 { return .badRate }
        }
        if change.value == nil, old == nil { return .removed }
        if old == nil, overrides.count == 65_536 { return .full }
        overrideVersion += 1
        overrides[name] = change.value.map {
            OverrideState(value: $0, version: overrideVersion, label: change.label)
        }
        if case .deny(let until?)? = change.value, until.nanoseconds <= now { overrides[name] = nil }
        for limit in policy.limits where limit.definition.role == .free {
            let usual = Int128(limit.definition.interval)
            var from = usual
            var to = usual
            if case .free(let interval, _)? = old?.value { from = Int128(interval) }
            if case .free(let interval, _)? = overrides[name]?.value { to = Int128(interval) }
            let own = BucketName(limit: limit.id, kind: "own", key: change.key)
            if let tat = buckets[own] { buckets[own] = Self.rescale(tat, Int128(now), from, to) }
        }
        return change.value == nil ? .removed : .set(version: overrideVersion)
    }

    mutating func perform(_ reset: QuotaReset) -> ResetOutcome {
        guard let policy = policies.first(where: { $0.id == reset.policy.rawValue }) else { return .unknownPolicy }
        let full = Int128(max(now, 1))
        var limits: [LimitReset] = []
        for limit in policy.limits {
            let own = BucketName(limit: limit.id, kind: "own", key: reset.key)
            guard let tat = buckets[own], tat > full else { continue }
            let interval = terms(policy, limit, own).interval
            limits.append(
                LimitReset(
                    limit: LimitID(rawValue: limit.id),
                    units: UInt64((tat - full + interval - 1) / interval)
                )
            )
            buckets[own] = full
        }
        return .full(limits)
    }
}
