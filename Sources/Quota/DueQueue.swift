import DequeModule

/// What is to be done at its time, in the order in which it was added. Looking costs nothing for what is not due.
///
/// An element that is due before the one in front of it waits for it: delays are alike, so that this is short.
struct DueQueue: Sendable {
    private var items: Deque<(at: UInt64, bucket: BucketID)> = []

    var count: Int { items.count }

    /// When there is something to do.
    var first: UInt64? { items.first?.at }

    /// - Returns: when it will be due.
    mutating func add(_ bucket: BucketID, at time: UInt64) -> UInt64 {
        let at = max(time, items.last?.at ?? 0)
        items.append((at, bucket))
        return at
    }

    /// The next that is due.
    mutating func next(now: UInt64) -> (at: UInt64, bucket: BucketID)? {
        guard let first, first <= now else { return nil }
        return items.removeFirst()
    }

    mutating func removeAll() { items.removeAll() }
}
