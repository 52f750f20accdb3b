@testable import Ledger

// The model's reports of what was let through without a majority.

extension ModelLedger {
    mutating func perform(_ report: AdmissionReport) -> ReportOutcome {
        if report.counts.count > 256 { return .invalid }
        guard let policy = policies.first(where: { $0.id == report.policy.rawValue }) else { return .unknownPolicy }
        var charged: UInt32 = 0
        for count in report.counts {
            guard let limit = policy.limits.first(where: { $0.id == count.limit.limit.rawValue }) else { continue }
            let before = buckets
            let name =
                count.isShared ? sharingBucket(policy, limit, count.limit) : bucket(policy, limit, count.limit)
            let terms = terms(policy, limit, name)
            let start = max(buckets[name]!, Int128(now))
            let empty = Int128(now) + terms.burst * terms.interval
            let after = max(start, min(empty, start + min(Int128(count.ahead), Int128(count.units) * terms.interval)))
            if after > start { buckets[name] = after } else { buckets = before }
            charged += 1
        }
        return .charged(counts: charged)
    }
}
