import Ledger

/// An ``IntervalBound`` for each bucket, fed from the log as it was applied: what was admitted, once each, at the
/// ledger's own time.
///
/// Where a bucket's terms change it begins anew, and so allows one burst more over the change. Keys that share a bucket
/// for want of room are bounded each by itself, which is weaker than the ledger's promise.
public struct Admissions: Sendable {
    private struct Bucket: Hashable {
        var limit: LimitID
        var key: QuotaKey
    }

    private struct Terms {
        var policy: PolicyID
        var interval: UInt64
        var burst: UInt64
        /// Whether an override of a key has other terms here.
        var isFree: Bool
    }

    private struct Once: Hashable {
        var session: SessionID
        var sequence: UInt64
    }

    private var terms: [LimitID: Terms] = [:]
    /// Other terms of a key; its buckets in all free limits of the policy.
    private var overrides: [OverrideRegister.Partition: (interval: UInt64, burst: UInt64)] = [:]
    private var bounds: [Bucket: IntervalBound] = [:]
    private var seen: Set<Once> = []
    /// The policies as they stand, once they are known.
    private var standing: [PolicyFacts] = []
    private var time = LedgerTime.zero
    private var latestIndex: UInt64 = 0

    /// Nothing was admitted yet.
    public init() {}

    /// The policies that stand from now on. Buckets of limits whose terms changed begin anew.
    public mutating func policies(_ facts: LedgerFacts) { policies(facts.policies) }

    private mutating func policies(_ policies: [PolicyFacts]) {
        standing = policies
        for policy in policies {
            for limit in policy.limits {
                let new = Terms(
                    policy: policy.id,
                    interval: limit.definition.interval,
                    burst: limit.definition.burst,
                    isFree: limit.definition.role == .free
                )
                if let old = terms[limit.id], old.interval == new.interval, old.burst == new.burst { continue }
                terms[limit.id] = new
                bounds = bounds.filter { $0.key.limit != limit.id }
            }
        }
    }

    /// A batch was applied, by the first replica to come there. Others' are not looked at.
    public mutating func applied(_ application: Application) throws(HistoryFault) {
        guard application.index.rawValue > latestIndex else { return }
        latestIndex = application.index.rawValue
        time = max(time, application.batch.time)
        for (command, result) in zip(application.batch.commands, application.results) {
            switch (command.command, result) {
            case (.charge, .charged(.admitted)), (.override, .overridden(.set)), (.override, .overridden(.removed)),
                (.setPolicies, .policiesSet):
                // A command that is in the log again has its first result again, and did nothing.
                guard seen.insert(Once(session: command.session, sequence: command.sequence)).inserted else { continue }
            default:
                continue
            }
            switch (command.command, result) {
            case (.charge(let charge), .charged(.admitted)): try admitted(charge)
            case (.override(let change), .overridden(.set)), (.override(let change), .overridden(.removed)):
                changed(change)
            case (.setPolicies(_, let definitions), .policiesSet): policies(standing.given(definitions))
            default:
                break
            }
        }
    }

    private mutating func admitted(_ charge: Charge) throws(HistoryFault) {
        guard charge.cost > 0 else { return }
        for limit in charge.limits {
            guard let usual = terms[limit.limit] else { continue }
            let bucket = Bucket(limit: limit.limit, key: limit.key)
            var bound: IntervalBound
            if let known = bounds[bucket] {
                bound = known
            } else {
                let register = OverrideRegister.Partition(policy: usual.policy, key: limit.key)
                let other = usual.isFree ? overrides[register] : nil
                bound = IntervalBound(interval: other?.interval ?? usual.interval, burst: other?.burst ?? usual.burst)
            }
            try bound.admitted(UInt64(charge.cost), at: time.nanoseconds)
            bounds[bucket] = bound
        }
    }

    private mutating func changed(_ change: OverrideChange) {
        let register = OverrideRegister.Partition(policy: change.policy, key: change.key)
        if case .free(let interval, let burst) = change.value {
            overrides[register] = (interval, burst)
        } else {
            overrides[register] = nil
        }
        bounds = bounds.filter { $0.key.key != change.key }
    }
}
