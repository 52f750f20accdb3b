import Ledger

/// A charge before it is made: every bucket that it touches, as it is and as it would be.
///
/// As in the ledger: one bucket may occur several times in a charge, and only what nothing refuses is written.
struct EventualPlan: ~Copyable {
    struct Bucket: BitwiseCopyable {
        /// The policy holds it as long as the plan is there.
        var limit: Unmanaged<EventualLimit>
        var id: EventualBucketID
        var fallback: EventualBucketID
        /// Nil for one that is yet to be made.
        var place: EventualTable.Place?
        /// The TAT that was read.
        var seen: UInt64
        /// What this charge begins with.
        var before: UInt64
        /// What it leaves.
        var after: UInt64
        /// Units that earlier limits of this charge took from it.
        var taken: UInt64
        var terms: EventualTerms
    }

    private let buckets: UnsafeMutableBufferPointer<Bucket>
    private(set) var count = 0

    /// A plan in memory that the caller lends: uninitialised, room for ``LedgerBounds/limits``.
    init(memory: UnsafeMutableBufferPointer<Bucket>) { buckets = memory }

    subscript(index: Int) -> Bucket {
        @inline(__always) get {
            precondition(index < count)
            return buckets[index]
        }
        @inline(__always) set {
            precondition(index < count)
            buckets[index] = newValue
        }
    }

    mutating func removeAll() { count = 0 }

    @inline(__always)
    private func index(_ limit: Unmanaged<EventualLimit>, _ id: EventualBucketID) -> Int? {
        for index in 0..<count where buckets[index].id == id && buckets[index].limit.toOpaque() == limit.toOpaque() {
            return index
        }
        return nil
    }

    /// The bucket that pays for a limit of the charge: the key's own; a new one of its own, if there is room; else its
    /// fallback's; else the limit's shared one.
    @inline(__always)
    mutating func bucket(for charge: LimitCharge, _ limit: EventualLimit, now: UInt64) -> Int {
        let reference = Unmanaged.passUnretained(limit)
        let own = EventualBucketID(charge.key, .own)
        if count > 0, let known = index(reference, own) { return known }
        let fallback = EventualBucketID(charge.fallback, .fallback)
        if let place = limit.table.find(own), let time = place.time(of: own) {
            return add(limit, own, fallback, place, time, start: now, now: now)
        }
        if limit.hasRoom(.own) { return add(limit, own, fallback, nil, 0, start: start(limit, fallback), now: now) }
        if let known = index(reference, fallback) { return known }
        if let place = limit.table.find(fallback), let time = place.time(of: fallback) {
            return add(limit, fallback, .shared, place, time, start: now, now: now)
        }
        if limit.hasRoom(.fallback) { return add(limit, fallback, .shared, nil, 0, start: start(limit, nil), now: now) }
        return shared(limit, now: now)
    }

    /// Where a new bucket begins: as full as the ones that would have been charged without it, so that to be forgotten or
    /// to be moved never gives back what was used.
    private func start(_ limit: EventualLimit, _ fallback: EventualBucketID?) -> UInt64 {
        let reference = Unmanaged.passUnretained(limit)
        var start = index(reference, .shared).map { buckets[$0].after } ?? limit.table.shared.time
        guard let fallback, limit.hasFallbacks else { return start }
        if let known = index(reference, fallback) {
            start = max(start, buckets[known].after)
        } else if let time = limit.table.find(fallback)?.time(of: fallback) {
            start = max(start, time)
        }
        return start
    }

    /// The limit's last resort.
    private mutating func shared(_ limit: EventualLimit, now: UInt64) -> Int {
        if let known = index(Unmanaged.passUnretained(limit), .shared) { return known }
        let place = limit.table.shared
        return add(limit, .shared, .shared, place, place.time, start: now, now: now)
    }

    @inline(__always)
    private mutating func add(
        _ limit: EventualLimit,
        _ id: EventualBucketID,
        _ fallback: EventualBucketID,
        _ place: EventualTable.Place?,
        _ seen: UInt64,
        start: UInt64,
        now: UInt64
    ) -> Int {
        let before = max(seen, start, now)
        let bucket = Bucket(
            limit: Unmanaged.passUnretained(limit),
            id: id,
            fallback: fallback,
            place: place,
            seen: seen,
            before: before,
            after: before,
            taken: 0,
            terms: limit.terms
        )
        buckets.initializeElement(at: count, to: bucket)
        count += 1
        return count - 1
    }

    /// Writes what the plan found to be possible, all of it or nothing.
    /// - Returns: false if a bucket is not any more as it was: another loop was faster.
    func write(now: UInt64) -> Bool {
        for index in 0..<count where !write(buckets[index], now: now) {
            for done in 0..<index { Self.putBack(buckets[done]) }
            return false
        }
        return true
    }

    @inline(__always)
    private func write(_ bucket: Bucket, now: UInt64) -> Bool {
        if let place = bucket.place { return place.exchange(bucket.seen, for: bucket.after) }
        guard let place = bucket.limit._withUnsafeGuaranteedRef({ $0.insert(bucket.id, start: bucket.before) }),
            let time = place.time(of: bucket.id), time <= now || time == bucket.before
        else { return false }
        return place.exchange(time, for: bucket.after)
    }

    /// Takes back what was written: nobody has had it. Whoever was refused meanwhile was refused for its sake.
    private static func putBack(_ bucket: Bucket) {
        guard let place = bucket.place ?? bucket.limit.takeUnretainedValue().table.find(bucket.id) else { return }
        let length = bucket.after - bucket.before
        place.update(bucket.id) { $0.minus(length) }
    }
}
