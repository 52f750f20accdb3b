import Ledger
import Settings

/// How exact a policy's limits are at this node now. A value.
public struct QuotaMetrics: Sendable, Equatable {
    /// The policy's name.
    public var policy: String
    /// Units that are lent to this node and that nobody has had yet, of all keys.
    public var heldUnits: UInt64
    /// Units of one key that may be had at worst beyond what the limit says, as this node knows.
    public var overAdmissionUnits: UInt64
    /// Units that were let through without a decision, and are yet to be charged.
    public var unreportedUnits: UInt64
    /// Requests that were let through without a decision, or for a pass that is good at this node alone.
    public var letThrough: UInt64
}

extension Quotas.Desks {
    /// How exact the limits are, by policy, in the configuration's order. On the desks' loop.
    func metrics(_ configuration: Configuration, letThrough: [String: UInt64]) -> (
        policies: [QuotaMetrics], lost: UInt64
    ) {
        let facts = slices.facts
        let held = slices.heldUnits
        let unreported = reports.unreported
        let policies = configuration.policies.compactMap { settings -> QuotaMetrics? in
            guard let policy = facts.policies.first(where: { $0.name == settings.name }) else { return nil }
            return QuotaMetrics(
                policy: settings.name,
                heldUnits: held[policy.id] ?? 0,
                overAdmissionUnits: policy.limits.map { overAdmission($0, settings.consistency, facts) }.max() ?? 0,
                unreportedUnits: unreported.waiting[policy.id] ?? 0,
                letThrough: letThrough[settings.name] ?? 0
            )
        }
        return (policies, unreported.lost)
    }

    /// DESIGN section 7, the promises beyond burst + rate × w.
    private func overAdmission(
        _ limit: LimitFacts,
        _ consistency: PolicySettings.Consistency,
        _ facts: LedgerFacts
    ) -> UInt64 {
        switch consistency {
        case .strong: 0
        case .escrow:
            facts.ledgerVersion < Ledger.lendingVersion
                ? 0 : LedgerBounds.sliceNanoseconds / max(1, limit.definition.interval)
        case .eventual: eventual.excessMax(limit.id)
        }
    }
}
