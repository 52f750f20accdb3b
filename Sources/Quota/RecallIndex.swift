import Ledger

/// Which of a node's buckets a recall may be about: those of its key, whatever their reserve, and those of its fallback,
/// since keys that have no bucket of their own share one.
///
/// Bounded for each name: slices beyond it are not recalled, and are returned when they are idle.
struct RecallIndex: Sendable {
    private struct Name: Hashable {
        var limit: LimitID
        var key: QuotaKey
    }

    private let countMax: Int
    private var buckets: [Name: ContiguousArray<BucketID>] = [:]

    init(countMax: Int) { self.countMax = countMax }

    /// Names under which something is found.
    var count: Int { buckets.count }

    mutating func insert(_ charge: LimitCharge) {
        insert(BucketID(charge), Name(limit: charge.limit, key: charge.key))
        if charge.fallback != charge.key { insert(BucketID(charge), Name(limit: charge.limit, key: charge.fallback)) }
    }

    mutating func remove(_ charge: LimitCharge) {
        remove(BucketID(charge), Name(limit: charge.limit, key: charge.key))
        if charge.fallback != charge.key { remove(BucketID(charge), Name(limit: charge.limit, key: charge.fallback)) }
    }

    /// Each once, in an order that is the same in every process.
    func buckets(of recall: SliceRecall) -> [BucketID] {
        let own = buckets[Name(limit: recall.limit, key: recall.key)] ?? []
        let shared = buckets[Name(limit: recall.limit, key: recall.fallback)] ?? []
        return own + shared.filter { !own.contains($0) }
    }

    mutating func removeAll() { buckets.removeAll() }

    private mutating func insert(_ bucket: BucketID, _ name: Name) {
        guard buckets[name, default: []].count < countMax, !buckets[name, default: []].contains(bucket) else { return }
        buckets[name, default: []].append(bucket)
    }

    private mutating func remove(_ bucket: BucketID, _ name: Name) {
        buckets[name]?.removeAll { $0 == bucket }
        if buckets[name]?.isEmpty == true { buckets[name] = nil }
    }
}
