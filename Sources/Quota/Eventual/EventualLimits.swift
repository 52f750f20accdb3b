import Ledger

/// The limits that are decided at the eventual level: a value that each loop has a copy of, whose buckets are shared.
///
/// The home loop makes the next from this one when the policies change, and gives it to the loops. A limit that stands in
/// both is the same object, with all that its keys have used.
public struct EventualLimits: Sendable {
    struct Policy: Sendable {
        let id: PolicyID
        let limits: ContiguousArray<EventualLimit>

        @inline(__always)
        func limit(_ id: LimitID) -> EventualLimit? {
            for limit in limits where limit.id == id { return limit }
            return nil
        }
    }

    private var policies: [UInt32: Policy] = [:]
    private(set) var byID: [UInt32: (policy: PolicyID, limit: EventualLimit)] = [:]

    /// No limits.
    public init() {}

    /// The next revision of the policies of this level. The home loop only.
    public func revised(_ facts: [PolicyFacts], now: UInt64) -> EventualLimits {
        let now = min(now, LedgerTime.maximumNanoseconds)
        var next = EventualLimits()
        for policy in facts {
            var limits: ContiguousArray<EventualLimit> = []
            for limit in policy.limits {
                let known = byID[limit.id.rawValue]?.limit
                known?.change(to: limit, maxKeys: policy.maxKeys, now: now)
                limits.append(known ?? EventualLimit(limit, maxKeys: policy.maxKeys))
            }
            for limit in limits { next.byID[limit.id.rawValue] = (policy.id, limit) }
            next.policies[policy.id.rawValue] = Policy(id: policy.id, limits: limits)
        }
        return next
    }

    @inline(__always)
    func policy(_ id: PolicyID) -> Policy? { policies[id.rawValue] }

    /// A limit by its number.
    public func limit(_ id: LimitID) -> EventualLimit? { byID[id.rawValue]?.limit }
}
