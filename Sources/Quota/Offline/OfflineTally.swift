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
            let name = Name(policy: charge.policy.rawValue, limit: limit.limit.rawValue, key: limit.key)
            guard var count = counts[name] ?? vacant(limit, terms) else {
                lost = lost.plus(units)
                continue
            }
            count.units = count.units.plus(units)
            count.full = terms.taking(units, tat: count.full, now: now)
            count.terms = terms
            counts[name] = count
            waiting[charge.policy] = (waiting[charge.policy] ?? 0).plus(units)
        }
    }

    private func vacant(_ limit: LimitCharge, _ terms: EventualTerms) -> Count? {
        counts.count < countMax ? Count(fallback: limit.fallback, units: 0, full: 0, terms: terms) : nil
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
            report.counts.append(AdmittedCount(limit: limit, units: count.units, ahead: count.full.minus(now)))
            reported.append((name, count))
            if report.counts.count == LedgerBounds.reportCounts { break }
        }
        for (name, count) in reported {
            counts[name] = nil
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
                counts[name] = merged
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
