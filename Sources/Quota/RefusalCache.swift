/// The refusals that a node remembers, so that a bucket that is empty is not asked for again and again.
///
/// Each is taken for true for a short time, and remembered a little longer as one that has been before. Bounded: what finds
/// no room is not remembered.
struct RefusalCache: Sendable {
    private let countMax: Int
    /// For how long one is taken for true at most, and between two sweeps.
    private let life: UInt64
    private var refusals: [BucketID: SliceRefusal] = [:]
    private var sweptAt: UInt64 = 0

    init(countMax: Int, life: UInt64) {
        self.countMax = countMax
        self.life = life
    }

    var count: Int { refusals.count }

    /// A refusal that tells what will become of a request for so many units.
    func refusal(_ bucket: BucketID, units: UInt32, now: UInt64) -> SliceRefusal? {
        guard let refusal = refusals[bucket], refusal.holds(for: units, now: now) else { return nil }
        return refusal
    }

    /// Whether the bucket has been refused a moment ago.
    func isRepeated(_ bucket: BucketID, now: UInt64) -> Bool {
        refusals[bucket].map { now < remembered($0) } ?? false
    }

    mutating func remember(_ refusal: SliceRefusal, of bucket: BucketID) {
        guard refusals.count < countMax || refusals[bucket] != nil else { return }
        refusals[bucket] = refusal
    }

    mutating func removeAll() { refusals.removeAll() }

    /// When something may be forgotten; nil: there is nothing.
    var nextSweep: UInt64? { refusals.isEmpty ? nil : sweptAt.plus(life) }

    /// Forgets what is over; not more often than refusals end.
    mutating func sweep(now: UInt64) {
        guard !refusals.isEmpty, now.minus(sweptAt) >= life else { return }
        sweptAt = now
        refusals = refusals.filter { now < remembered($0.value) }
    }

    private func remembered(_ refusal: SliceRefusal) -> UInt64 { refusal.until.plus(2 * life) }
}
