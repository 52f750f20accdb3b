// What replicated time makes due, at the start of each batch: spent records whose bucket has passed, slices whose time is
// over, denials that have ended, quotas that are full again, and prefixes that have gone cold.
//
// A quota may be forgotten only when it is full, for then forgetting changes no answer, except one: the number of keys
// decides whether a new one has a bucket of its own. So what is forgotten when is part of the replicated behaviour. The
// space of keys is cut in 4,096 slices by their hashes; each 16.8 ms of replicated time sweep one slice of every table,
// a full round takes 69 s. How far the sweep has come is part of the state.

extension Ledger {
    /// Brings the state to the present.
    mutating func forget() {
        records.drop(now: now)
        slices.drop(now: now)
        if now.nanoseconds >= earliestDenialEnd { forgetDenials() }
        let due = now.nanoseconds >> LedgerBounds.sweepShift
        guard due > swept else { return }
        // A pause longer than a round leaves one round to do.
        let round = UInt64(LedgerBounds.slices)
        if due - swept > round { swept = due - round }
        let end = min(due, swept + LedgerBounds.sweepSlicesPerBatch)
        let first = Int(swept % round)
        let last = first + Int(end - swept)
        swept = end
        sweep(first..<min(last, LedgerBounds.slices))
        if last > LedgerBounds.slices { sweep(0..<last - LedgerBounds.slices) }
    }

    private mutating func sweep(_ slices: Range<Int>) {
        let now = now.nanoseconds
        var gone = LedgerDigest.zero
        for policy in policies.indices {
            for limit in policies[policy].limits.indices {
                let id = policies[policy].limits[limit].id
                policies[policy].limits[limit].keys.removeAll(inSlices: slices) {
                    $0.tat <= now
                } removed: {
                    gone += LimitTable.digest(id, .own, $0.key, $0.tat)
                }
                policies[policy].limits[limit].fallbacks.removeAll(inSlices: slices) {
                    $0.tat <= now
                } removed: {
                    gone += LimitTable.digest(id, .fallback, $0.key, $0.tat)
                }
            }
        }
        tableDigest -= gone
        prices.sweep(slices, now: now)
    }

    private mutating func forgetDenials() {
        let now = now.nanoseconds
        var gone = LedgerDigest.zero
        var removed = 0
        earliestDenialEnd = .max
        for policy in policies.indices where policies[policy].overrides.count > 0 {
            var ended: [OverrideEntry] = []
            policies[policy].overrides.visit { entry in
                guard let end = entry.denialEnd else { return }
                if end <= now { ended.append(entry) } else { earliestDenialEnd = min(earliestDenialEnd, end) }
            }
            guard !ended.isEmpty else { continue }
            for entry in ended { gone += policies[policy].digest(of: entry) }
            removed += ended.count
            policies[policy].overrides.removeAll(inSlices: 0..<LedgerBounds.slices) {
                $0.denialEnd.map { $0 <= now } ?? false
            } removed: { _ in
            }
        }
        overrideCount -= removed
        tableDigest -= gone
    }
}
