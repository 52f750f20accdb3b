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
    /// Nanoseconds from now until these units alone will have come back, each counted from when it was had.
    public var ahead: UInt64

    /// A value of these fields.
    public init(limit: LimitCharge, units: UInt64, ahead: UInt64) {
        self.limit = limit
        self.units = units
        self.ahead = ahead
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
    /// Charges what was let through, as if each unit had been charged when it was had, as far as there was something left: a
    /// bucket is never emptier than empty, so that nobody waits longer than for a burst.
    ///
    /// Where a bucket's TAT was t and the units were had one after the other, n of them, its TAT is now the later one of
    /// t + n × interval and of what they alone make of a full bucket. That is exact; of a bucket that was full, and so
    /// forgotten, t is not known and is left out.
    mutating func apply(_ report: AdmissionReport) -> ReportOutcome {
        guard report.counts.count <= LedgerBounds.reportCounts else { return .invalid }
        guard let policy = policyIndex(report.policy) else { return .unknownPolicy }
        var charged: UInt32 = 0
        for count in report.counts {
            guard let limit = policies[policy].limitIndex(count.limit.limit) else { continue }
            withUnsafeTemporaryAllocation(of: ChargePlan.Bucket.self, capacity: LedgerBounds.limits) { memory in
                var plan = ChargePlan(memory: memory)
                let place = plan.bucket(for: count.limit, limit: limit, in: policies[policy], now: now.nanoseconds)
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
        let (alone, overflow) = now.addingReportingOverflow(count.ahead)
        let later = stored > 0 ? terms.taking(count.units, tat: stored, now: 0) : before
        return max(before, min(empty, max(overflow ? .max : alone, later)))
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
        }
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        policy = PolicyID(rawValue: try source.u32())
        counts = []
        for _ in 0..<(try source.count(limit: LedgerBounds.reportCounts, elementBytes: AdmittedCount.bytes)) {
            counts.append(
                AdmittedCount(limit: try LimitCharge(from: &source), units: try source.u64(), ahead: try source.u64())
            )
        }
    }
}

extension AdmittedCount {
    /// Bytes of one.
    public static let bytes = LimitCharge.bytes + 16
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
