import Ledger
import Synchronization

/// One limit of a policy at a node: its numbers and its buckets, shared by all loops. Any thread, unless it is said.
///
/// As in the ledger, a key has a bucket of its own while there are fewer than `maxKeys`, else its fallback's, of which there
/// are an eighth as many, else the one of the limit. The bounds are kept exactly; a new bucket begins where those stand that
/// would have been charged without it.
public final class EventualLimit: Sendable {
    /// The limit's number.
    public let id: LimitID
    let table = EventualTable()
    private let interval: Atomic<UInt64>
    private let burst: Atomic<UInt64>
    private let keysMax: Atomic<Int>
    private let keys = Atomic<Int>(0)
    private let fallbacks = Atomic<Int>(0)

    init(_ facts: LimitFacts, maxKeys: UInt32) {
        id = facts.id
        interval = Atomic(max(1, facts.definition.interval))
        burst = Atomic(max(1, facts.definition.burst))
        keysMax = Atomic(Int(maxKeys))
    }

    @inline(__always)
    var terms: EventualTerms {
        EventualTerms(interval: interval.load(ordering: .relaxed), burst: burst.load(ordering: .relaxed))
    }

    /// Buckets.
    public var count: Int { keys.load(ordering: .relaxed) + fallbacks.load(ordering: .relaxed) }

    /// What is left in a key's bucket, as a loop would charge it.
    public func state(_ key: QuotaKey, fallback: QuotaKey, now: UInt64) -> LimitState {
        let now = min(now, LedgerTime.maximumNanoseconds)
        let found = place(EventualBucketID(key, .own), else: EventualBucketID(fallback, .fallback), mayInsert: false)
        let tat = found.flatMap { $0.place.time(of: $0.bucket) }
        return terms.state(tat: tat ?? now, now: now)
    }

    // MARK: - Buckets

    @inline(__always)
    func hasRoom(_ kind: EventualBucketID.Kind) -> Bool {
        let most = keysMax.load(ordering: .relaxed)
        return kind == .own
            ? keys.load(ordering: .relaxed) < most
            : fallbacks.load(ordering: .relaxed) < most / 8 + 1
    }

    /// Buckets with components that are kept at most: this node's own, and of peers that have others.
    var componentsMax: Int { 2 * keysMax.load(ordering: .relaxed) + 1_024 }

    @inline(__always)
    var hasFallbacks: Bool { fallbacks.load(ordering: .relaxed) > 0 }

    /// The place of a bucket, new or not; nil if there is no room for it. A new one is full at `start`.
    func insert(_ bucket: EventualBucketID, start: UInt64) -> EventualTable.Place? {
        if bucket == .shared { return table.shared }
        let isOwn = bucket.kind == .own
        let most = isOwn ? keysMax.load(ordering: .relaxed) : keysMax.load(ordering: .relaxed) / 8 + 1
        // Counted first, so that there are never more.
        let count = isOwn ? keys.add(1, ordering: .relaxed).newValue : fallbacks.add(1, ordering: .relaxed).newValue
        guard count <= most, let inserted = table.insert(bucket) else {
            removed(bucket.kind)
            return nil
        }
        if inserted.isNew {
            inserted.place.update(bucket) { max($0, start) }
        } else {
            removed(bucket.kind)
        }
        return inserted.place
    }

    /// One bucket less.
    func removed(_ kind: EventualBucketID.Kind) {
        if kind == .own {
            keys.subtract(1, ordering: .relaxed)
        } else {
            fallbacks.subtract(1, ordering: .relaxed)
        }
    }

    /// Where units of a bucket that a peer charged are charged here: there, or where they would be if it has no room.
    func place(
        _ bucket: EventualBucketID,
        else fallback: EventualBucketID,
        mayInsert: Bool
    ) -> (place: EventualTable.Place, bucket: EventualBucketID)? {
        for bucket in [bucket, fallback] {
            if let place = table.find(bucket) { return (place, bucket) }
            guard hasRoom(bucket.kind) else { continue }
            if !mayInsert { return nil }
            let isOwn = bucket.kind == .own
            let start = max(table.shared.time, isOwn ? table.find(fallback)?.time(of: fallback) ?? 0 : 0)
            if let place = insert(bucket, start: start) { return (place, bucket) }
        }
        return (table.shared, .shared)
    }

    // MARK: - Numbers

    /// Takes new numbers: used units stay used units. The home loop only.
    ///
    /// Loops go on meanwhile. The order is such that a bucket that is not yet rescaled counts as more used than it is, never
    /// as less; what is admitted in the milliseconds that this takes may be counted at the other interval.
    func change(to facts: LimitFacts, maxKeys: UInt32, now: UInt64) {
        let old = interval.load(ordering: .relaxed)
        let new = max(1, facts.definition.interval)
        keysMax.store(Int(maxKeys), ordering: .relaxed)
        if new > old { rescale(from: old, to: new, now: now) }
        interval.store(new, ordering: .relaxed)
        burst.store(max(1, facts.definition.burst), ordering: .relaxed)
        if new < old { rescale(from: old, to: new, now: now) }
    }

    private func rescale(from old: UInt64, to new: UInt64, now: UInt64) {
        func rescale(_ place: EventualTable.Place) {
            place.update(EventualBucketID(rawValue: place.name)) {
                EventualTerms.rescale(tat: $0, now: now, from: old, to: new)
            }
        }
        rescale(table.shared)
        for level in 0..<table.size.levels {
            for index in 0..<table.places(level) {
                guard let place = table.place(level, index), place.name > EventualTable.forgotten else { continue }
                rescale(place)
            }
        }
    }
}
