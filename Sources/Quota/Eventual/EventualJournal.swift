import Ledger

/// Units that were admitted from a bucket.
struct EventualAdmission: Hashable, Sendable {
    var limit: LimitID
    var bucket: EventualBucketID
    /// Where these units are charged at a node that has no room for the bucket.
    var fallback: EventualBucketID
    var units: UInt64
}

/// What a loop admitted since its last hand-over, for the node's ``EventualExchange``.
///
/// The buckets are charged already, for all loops of the node; this is only what the peers are told. So it may wait for the
/// next round of messages, and is handed over right before.
public struct EventualJournal: Sendable {
    /// Admissions by bucket; the same bucket may occur several times.
    private(set) var admissions: ContiguousArray<EventualAdmission> = []
    /// Units by policy.
    private(set) var totals: [UInt32: UInt64] = [:]
    /// For some of the buckets, the place of the last admission: most requests are of few keys.
    private var recent = ContiguousArray<UInt32>(repeating: 0, count: 256)

    init() {}

    /// Entries, at least one for each bucket that was charged.
    public var count: Int { admissions.count }

    @inline(__always)
    mutating func note(_ admission: EventualAdmission) {
        let home = Int(truncatingIfNeeded: admission.bucket.rawValue >> 2 ^ UInt64(admission.limit.rawValue)) & 255
        let place = Int(recent[home])
        if place < admissions.count, admissions[place].bucket == admission.bucket,
            admissions[place].limit == admission.limit
        {
            admissions[place].units = admissions[place].units.plus(admission.units)
            return
        }
        recent[home] = UInt32(truncatingIfNeeded: admissions.count)
        admissions.append(admission)
    }

    @inline(__always)
    mutating func count(_ units: UInt64, of policy: PolicyID) {
        totals[policy.rawValue, default: 0] = (totals[policy.rawValue] ?? 0).plus(units)
    }
}
