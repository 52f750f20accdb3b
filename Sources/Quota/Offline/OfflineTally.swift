import Ledger

/// What a node has let through while no majority decided, until it is reported: for each bucket, units and the moment at which
/// these alone will have come back.
///
/// A value without a clock. All times are nanoseconds of the node's clock. Bounded: keys beyond ``bucketsMax`` are counted
/// by their fallbacks, and where there are too many of these as well, they are counted and not reported.
public struct OfflineTally: Sendable {
    /// Buckets that wait to be reported at most: about 8 MB.
    public static let bucketsMax = 65_536
    /// The part of these that fallbacks may have beside them.
    private static let fallbackShare = 8

    private struct Name: Hashable {
        var policy: UInt32
        var limit: UInt32
        var key: QuotaKey
        /// It is a fallback, and the units are of keys that had no room.
        var isShared: Bool
    }

    private struct Count {
        var fallback: QuotaKey
        var units: UInt64
        /// When a bucket of which only these units were had will be full.
        var full: UInt64
        /// Of the limit when the last of them was had.
        var terms: EventualTerms

        /// Units that were had before these belong to them.
        mutating func follow(_ earlier: Count) {
            full = max(full, terms.taking(units, tat: earlier.full, now: 0))
            units = units.plus(earlier.units)
        }
    }

    private var counts: [Name: Count] = [:]
    /// What was taken out and is being reported.
    private var reported: [(name: Name, count: Count)] = []
    private let countMax: Int
    /// Of ``counts`` those of fallbacks.
    private var sharedCount = 0
    /// Units by policy that wait to be reported.
    public private(set) var waiting: [PolicyID: UInt64] = [:]
    /// Units that found no room, and are charged to nobody, and those of reports of which nobody knows what became.
    public private(set) var lost: UInt64 = 0

    /// A tally of nothing.
    public init(bucketsMax: Int = Self.bucketsMax) { countMax = bucketsMax }

    /// Units that are charged to nobody unless something more is reported.
    public var unreported: UInt64 { waiting.values.reduce(lost) { $0.plus($1) } }

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
            guard let name = name(charge.policy, limit) else {
                lost = lost.plus(units)
                continue
            }
            var count = counts[name] ?? Count(fallback: limit.fallback, units: 0, full: 0, terms: terms)
            count.units = count.units.plus(units)
            count.full = terms.taking(units, tat: count.full, now: now)
            count.terms = terms
            put(count, name)
            waiting[charge.policy] = (waiting[charge.policy] ?? 0).plus(units)
        }
    }

    /// By what a limit of a charge is counted: its key, or its fallback; nil where there is room for neither.
    private func name(_ policy: PolicyID, _ limit: LimitCharge) -> Name? {
        var name = Name(policy: policy.rawValue, limit: limit.limit.rawValue, key: limit.key, isShared: false)
        if counts[name] != nil || counts.count - sharedCount < countMax { return name }
        name.key = limit.fallback
        name.isShared = true
        return counts[name] != nil || sharedCount < max(1, countMax / Self.fallbackShare) ? name : nil
    }

    private mutating func put(_ count: Count?, _ name: Name) {
        let before = counts.count
        counts[name] = count
        if name.isShared { sharedCount += counts.count - before }
    }

    /// Takes out a report of one policy; nil where nothing waits. Whoever takes it sends it, once, and says what became of it
    /// before the next is taken: ``answered(_:)``.
    public mutating func takeReport(now: UInt64) -> AdmissionReport? {
        reported = []
        guard let policy = counts.keys.first?.policy else { return nil }
        var report = AdmissionReport(policy: PolicyID(rawValue: policy), counts: [])
        for (name, count) in counts where name.policy == policy {
            let limit = LimitCharge(
                limit: LimitID(rawValue: name.limit),
                key: name.key,
                fallback: count.fallback,
                reserve: 0
            )
            report.counts.append(
                AdmittedCount(
                    limit: limit,
                    units: count.units,
                    ahead: count.full.minus(now),
                    isShared: name.isShared
                )
            )
            reported.append((name, count))
            if report.counts.count == LedgerBounds.reportCounts { break }
        }
        for (name, count) in reported {
            put(nil, name)
            let left = (waiting[report.policy] ?? 0).minus(count.units)
            waiting[report.policy] = left > 0 ? left : nil
        }
        return report
    }

    /// What became of the report that was taken out last. One of which nobody knows is not sent again, since nobody is to be
    /// charged twice.
    public mutating func answered(_ fate: ReportFate) {
        for (name, count) in reported {
            switch fate {
            case .charged: break
            case .notAsked:
                // It has had its room.
                var merged = counts[name] ?? count
                if counts[name] != nil { merged.follow(count) }
                put(merged, name)
                let policy = PolicyID(rawValue: name.policy)
                waiting[policy] = (waiting[policy] ?? 0).plus(count.units)
            case .unknown: lost = lost.plus(count.units)
            }
        }
        reported = []
    }
}

/// What became of a report.
public enum ReportFate: Hashable, Sendable {
    /// The ledger has answered.
    case charged
    /// It was not asked: what is in the report waits again.
    case notAsked
    /// Nobody knows.
    case unknown
}
