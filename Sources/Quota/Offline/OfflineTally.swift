import Ledger

/// What a node has let through while no majority decided, until it is reported: for each bucket, units and the moment at which
/// these alone will have come back.
///
/// A value without a clock. All times are nanoseconds of the node's clock. Bounded: beyond ``bucketsMax`` more buckets are
/// counted and not reported.
public struct OfflineTally: Sendable {
    /// Buckets that wait to be reported at most: about 8 MB.
    public static let bucketsMax = 65_536

    private struct Name: Hashable {
        var policy: UInt32
        var limit: UInt32
        var key: QuotaKey
    }

    private struct Count {
        var fallback: QuotaKey
        var units: UInt64
        /// When a bucket of which only these units were had will be full.
        var full: UInt64
    }

    private var counts: [Name: Count] = [:]
    private let countMax: Int
    /// Units by policy that wait to be reported.
    public private(set) var waiting: [PolicyID: UInt64] = [:]
    /// Units that found no room, and are charged to nobody.
    public private(set) var lost: UInt64 = 0

    /// A tally of nothing.
    public init(bucketsMax: Int = Self.bucketsMax) { countMax = bucketsMax }

    /// Nothing waits.
    public var isEmpty: Bool { counts.isEmpty }

    /// Buckets that wait.
    public var count: Int { counts.count }

    /// A charge was let through that nobody has decided on. Its pass is not looked at.
    /// - Parameter limits: where the limits' rates are found; of a limit that is not among them nothing is kept.
    public mutating func admitted(_ charge: Charge, limits: EventualLimits, now: UInt64) {
        guard charge.cost > 0 else { return }
        let units = UInt64(charge.cost)
        for limit in charge.limits {
            guard let terms = limits.limit(limit.limit)?.terms else { continue }
            let name = Name(policy: charge.policy.rawValue, limit: limit.limit.rawValue, key: limit.key)
            guard var count = counts[name] ?? vacant(limit) else {
                lost = lost.plus(units)
                continue
            }
            count.units = count.units.plus(units)
            count.full = terms.taking(units, tat: count.full, now: now)
            counts[name] = count
            waiting[charge.policy] = (waiting[charge.policy] ?? 0).plus(units)
        }
    }

    private func vacant(_ limit: LimitCharge) -> Count? {
        counts.count < countMax ? Count(fallback: limit.fallback, units: 0, full: 0) : nil
    }

    /// Takes out a report of one policy; nil where nothing waits. Whoever takes it sends it once: what became of it may stay
    /// unknown, and nobody is to be charged twice.
    public mutating func takeReport(now: UInt64) -> AdmissionReport? {
        guard let policy = counts.keys.first?.policy else { return nil }
        var report = AdmissionReport(policy: PolicyID(rawValue: policy), counts: [])
        for (name, count) in counts where name.policy == policy {
            let limit = LimitCharge(
                limit: LimitID(rawValue: name.limit),
                key: name.key,
                fallback: count.fallback,
                reserve: 0
            )
            report.counts.append(AdmittedCount(limit: limit, units: count.units, ahead: count.full.minus(now)))
            if report.counts.count == LedgerBounds.reportCounts { break }
        }
        for count in report.counts {
            let name = Name(policy: policy, limit: count.limit.limit.rawValue, key: count.limit.key)
            counts[name] = nil
            let left = (waiting[report.policy] ?? 0).minus(count.units)
            waiting[report.policy] = left > 0 ? left : nil
        }
        return report
    }
}
