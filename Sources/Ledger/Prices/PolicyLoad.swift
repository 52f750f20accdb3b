/// How much of a policy's capacity has been used: what its cluster factor follows.
///
/// **Capacity** is what the policy allows to all together: the rate of a limit with the key `all`. Where one of the ceiling
/// has it, which nobody exceeds with work or without, the price does what it can that the ceiling is not met: it aims at
/// three quarters of it, for at the ceiling itself use cannot tell how much more was wanted. Else one of the free limits may
/// have it: what that many requests cost the service is fine, and work may use what they leave. A policy without such a
/// limit has no capacity, and a factor of 1.
///
/// **Use** is counted where it is applied, from the beginning of this copy of the state, which a snapshot does not tell: only
/// the difference between two looks at one replica means something. Units of a policy whose counters the gateways exchange
/// among themselves are not seen here, but for those that passes pay.
public struct PolicyLoad: Hashable, Sendable {
    /// Which policy.
    public var policy: PolicyID
    /// Units that passes paid for.
    public var paid: UInt64
    /// Units that passes were opened with: work that was admitted, whether it is used or not.
    public var granted: UInt64
    /// Units that were taken from the limit with the capacity otherwise. It may go down: slices are given back.
    public var unpaid: UInt64
    /// Nil: it has none.
    public var capacity: Capacity?

    /// What all together may use.
    public struct Capacity: Hashable, Sendable {
        /// Nanoseconds for one unit.
        public var interval: UInt64
        /// Whether it is the ceiling's.
        public var isCeiling: Bool

        /// A value of these fields.
        public init(interval: UInt64, isCeiling: Bool) {
            self.interval = interval
            self.isCeiling = isCeiling
        }

        /// Thousandths of units that work may use in a time of which others have used so many: what they leave, and a
        /// quarter of all in any case, lest free traffic alone make work dear without end.
        func left(_ elapsed: UInt64, unpaid: UInt64) -> UInt64 {
            let (high, low) = elapsed.multipliedFullWidth(by: isCeiling ? 750 : 1_000)
            let all = high < interval ? interval.dividingFullWidth((high, low)).quotient : .max
            let (used, overflow) = unpaid.multipliedReportingOverflow(by: 1_000)
            return max(overflow || used > all ? 0 : all - used, all / 4)
        }
    }

    /// The key of limits that count all together, as configurations write it.
    static let capacityKey = "all"

    /// A value of these fields.
    public init(policy: PolicyID, paid: UInt64, granted: UInt64, unpaid: UInt64, capacity: Capacity?) {
        self.policy = policy
        self.paid = paid
        self.granted = granted
        self.unpaid = unpaid
        self.capacity = capacity
    }

    init(_ policy: PolicyState) {
        self.init(policy: policy.id, paid: policy.paid, granted: policy.granted, unpaid: 0, capacity: nil)
        for role in [LimitRole.ceiling, .free] {
            let limits = policy.limits.filter {
                $0.definition.role == role && $0.definition.key.isSame(as: Self.capacityKey)
            }
            guard let slowest = limits.max(by: { $0.terms.interval < $1.terms.interval }) else { continue }
            unpaid = slowest.unpaid
            capacity = Capacity(interval: slowest.terms.interval, isCeiling: role == .ceiling)
            return
        }
    }
}

extension Ledger {
    /// The load of each policy, as far as this copy of the state has seen it.
    public var loads: [PolicyLoad] { policies.map { PolicyLoad($0) } }
}
