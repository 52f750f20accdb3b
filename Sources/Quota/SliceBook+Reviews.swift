import Ledger

/// What time, recalls and the end of the node make of the slices.
extension SliceBook {
    /// Does what is due. To be called every few milliseconds, or at ``nextTick``; costs nothing for what is not due.
    public mutating func tick(now: UInt64) {
        for _ in 0..<retries.count {
            guard let due = retries.next(now: now) else { break }
            guard buckets[due.bucket]?.retryAt == due.at else { continue }
            buckets[due.bucket]?.retryAt = nil
            if buckets[due.bucket]?.demand != nil { ask(due.bucket, now: now) }
            forgetIfIdle(due.bucket)
        }
        for _ in 0..<recalls.count {
            guard let due = recalls.next(now: now) else { break }
            guard buckets[due.bucket]?.recallAt == due.at else { continue }
            buckets[due.bucket]?.recallAt = nil
            review(due.bucket, now: now)
        }
        for _ in 0..<reviews.count {
            guard let due = reviews.next(now: now) else { break }
            guard buckets[due.bucket]?.reviewAt == due.at else { continue }
            buckets[due.bucket]?.reviewAt = nil
            review(due.bucket, now: now)
            guard buckets[due.bucket]?.slices.isEmpty == false else { continue }
            buckets[due.bucket]?.reviewAt = reviews.add(due.bucket, at: now.plus(settings.review))
        }
        refusals.sweep(now: now)
    }

    /// The ledger refused a bucket of which this node may hold units: those that lie idle are returned, now or as soon as
    /// they are seen to.
    public mutating func recalled(_ recall: SliceRecall, now: UInt64) {
        guard !isClosed else { return }
        for id in index.buckets(of: recall) {
            buckets[id]?.recalledUntil = now.plus(settings.idle)
            review(id, now: now)
            guard let bucket = buckets[id], !bucket.slices.isEmpty, bucket.recallAt == nil else { continue }
            buckets[id]?.recallAt = recalls.add(id, at: now.plus(settings.idleWhenRecalled))
        }
    }

    /// The limits have changed: what was lent under the former ones is returned, also what is on its way, and what they
    /// refused is forgotten.
    public mutating func renounce(now: UInt64) {
        guard !isClosed else { return }
        refusals.removeAll()
        for ticket in tickets.keys { tickets[ticket]?.isRenounced = true }
        for id in heldInOrder() {
            for held in buckets[id]?.slices ?? [] { give(held.slice, of: id, now: now) }
            buckets[id]?.slices = []
            if let limit = buckets[id]?.limit { index.remove(limit) }
            forgetIfIdle(id)
        }
    }

    /// In an order that is the same in every process.
    private func heldInOrder() -> [BucketID] { buckets.keys.sorted { $0.precedes($1) } }

    /// The node ends: everything is returned, and whatever is lent yet.
    public mutating func close(now: UInt64) {
        guard !isClosed else { return }
        for id in heldInOrder() {
            for held in buckets[id]?.slices ?? [] { give(held.slice, now: now) }
            if buckets[id]?.demand != nil { act(.unavailable(id, .stopped, buckets[id]?.waiting ?? LoopSet())) }
        }
        isClosed = true
        buckets.removeAll()
        refusals.removeAll()
        index.removeAll()
        reviews.removeAll()
        recalls.removeAll()
        retries.removeAll()
    }

    /// Looks at a bucket's slices: returns what is over, and sees to the next.
    private mutating func review(_ id: BucketID, now: UInt64) {
        guard let count = buckets[id]?.slices.count, count > 0 else { return }
        let isRecalled = now < buckets[id]?.recalledUntil ?? 0
        for place in (0..<count).reversed() {
            guard buckets[id]?.slices[place].isOver(now: now, isRecalled: isRecalled, settings) == true,
                let held = buckets[id]?.slices.remove(at: place)
            else { continue }
            give(held.slice, of: id, now: now)
        }
        if let newest = buckets[id]?.slices.last {
            if newest.isEnding(now: now, settings) { renew(id, now: now) }
        } else if let limit = buckets[id]?.limit {
            index.remove(limit)
        }
        forgetIfIdle(id)
    }

    /// Ends a slice of a bucket.
    mutating func give(_ slice: Slice, of id: BucketID, now: UInt64) {
        if give(slice, now: now) { buckets[id]?.loans.returned(slice.units) }
    }

    /// Ends a slice, and gives back what is left of it, unless it is over in the ledger too.
    @discardableResult
    mutating func give(_ slice: Slice, now: UInt64) -> Bool {
        let left = slice.seal()
        // The loan was made before the node heard of it.
        guard left > 0, now < slice.grantedAt.plus(LedgerBounds.sliceNanoseconds) else { return false }
        act(.give(SliceReturn(slice: slice.id, units: left)))
        return true
    }

    /// Forgets a bucket that nothing keeps.
    mutating func forgetIfIdle(_ id: BucketID) {
        if buckets[id]?.isIdle == true { buckets[id] = nil }
    }
}
