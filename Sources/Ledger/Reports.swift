/// Units that a node let through while no majority decided, so that they are charged after the event.
public struct AdmissionReport: Hashable, Sendable {
    /// Whose limits they are.
    public var policy: PolicyID
    /// At most ``LedgerBounds/reportCounts``. The same bucket may occur more than once.
    public var counts: [AdmittedCount]

    /// A value of these fields.
    public init(policy: PolicyID, counts: [AdmittedCount]) {
        self.policy = policy
        self.counts = counts
    }
}

/// What was let through of one bucket.
public struct AdmittedCount: Hashable, Sendable {
    /// The bucket, as a charge would name it. Its reserve means nothing.
    public var limit: LimitCharge
    /// Units.
    public var units: UInt64
    /// Nanoseconds from now until these units alone will have come back, each counted from when it was had. More than they
    /// take at the limit's rate counts as that.
    public var ahead: UInt64
    /// They are of many keys with this fallback, too many to be told apart: its bucket is charged, and no key's own. Whoever has
    /// no bucket of his own yet begins where that one stands.
    public var isShared: Bool

    /// A value of these fields.
    public init(limit: LimitCharge, units: UInt64, ahead: UInt64, isShared: Bool = false) {
        self.limit = limit
        self.units = units
        self.ahead = ahead
        self.isShared = isShared
    }
}

/// What became of an ``AdmissionReport``.
public enum ReportOutcome: Hashable, Sendable {
    /// So many of its counts were charged; the others' limits do not exist any more.
    case charged(counts: UInt32)
    /// The policy does not exist, or exists no more.
    case unknownPolicy
    /// More than ``LedgerBounds/reportCounts``.
    case invalid
}

extension Ledger {
    /// Charges what was let through, as far as there is something left: a bucket is never emptier than empty, so that nobody
    /// waits longer than for a burst.
    ///
    /// What of the units has not come back by itself is taken from what the bucket has now. That is never more than if each unit
    /// had been charged when it was had, whatever else was charged before, beside or after it, of which the ledger does not know
    /// when that was: a suffix of the units and one of the others' charges make up the two TATs, and both together, from the
    /// earlier one's beginning on, at least their sum. It is exact where the bucket was full when the first unit was had, and
    /// nothing was charged until the last; where it was not, as much is forgiven as came back meanwhile.
    mutating func apply(_ report: AdmissionReport) -> ReportOutcome {
        guard report.counts.count <= LedgerBounds.reportCounts else { return .invalid }
        guard let policy = policyIndex(report.policy) else { return .unknownPolicy }
        var charged: UInt32 = 0
        for count in report.counts {
            guard let limit = policies[policy].limitIndex(count.limit.limit) else { continue }
            withUnsafeTemporaryAllocation(of: ChargePlan.Bucket.self, capacity: LedgerBounds.limits) { memory in
                var plan = ChargePlan(memory: memory)
                let place =
                    count.isShared
                    ? plan.sharingBucket(for: count.limit, limit: limit, in: policies[policy], now: now.nanoseconds)
                    : plan.bucket(for: count.limit, limit: limit, in: policies[policy], now: now.nanoseconds)
                plan[place].after = plan[place].charged(count, now: now.nanoseconds)
                if plan[place].after > plan[place].before { write(plan, policy: policy) }
            }
            charged += 1
        }
        return .charged(counts: charged)
    }
}

extension ChargePlan.Bucket {
    /// The TAT after units were had that nobody had charged.
    fileprivate func charged(_ count: AdmittedCount, now: UInt64) -> UInt64 {
        // Both are below 2⁶³.
        let empty = now + terms.burst * terms.interval
        // Of terms that held then it may be more.
        let (whole, isMore) = count.units.multipliedReportingOverflow(by: terms.interval)
        let (later, isLater) = before.addingReportingOverflow(min(count.ahead, isMore ? .max : whole))
        return max(before, min(empty, isLater ? .max : later))
    }
}

extension AdmissionReport {
    func write(into sink: inout some FieldSink) {
        sink.u32(policy.rawValue)
        sink.count(counts.count)
        for count in counts {
            count.limit.write(into: &sink)
            sink.u64(count.units)
            sink.u64(count.ahead)
            sink.flag(count.isShared)
        }
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        policy = PolicyID(rawValue: try source.u32())
        counts = []
        for _ in 0..<(try source.count(limit: LedgerBounds.reportCounts, elementBytes: AdmittedCount.bytes)) {
            counts.append(
                AdmittedCount(
                    limit: try LimitCharge(from: &source),
                    units: try source.u64(),
                    ahead: try source.u64(),
                    isShared: try source.flag()
                )
            )
        }
    }
}

extension AdmittedCount {
    /// Bytes of one.
    public static let bytes = LimitCharge.bytes + 17
}

extension ReportOutcome {
    func write(into sink: inout some FieldSink) {
        switch self {
        case .charged(let counts):
            sink.u8(1)
            sink.u32(counts)
        case .unknownPolicy: sink.u8(2)
        case .invalid: sink.u8(3)
        }
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        switch try source.u8() {
        case 1: self = .charged(counts: try source.u32())
        case 2: self = .unknownPolicy
        case 3: self = .invalid
        default: throw .invalid(field: "report outcome")
        }
    }
}
