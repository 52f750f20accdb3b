/// Makes the cluster's factors of all policies follow their load, at the replica that leads.
///
/// It looks at what its replica has applied once a period, and says what is to be proposed. All that must outlive a leader is
/// replicated: whoever leads next goes on from the factors that stand, a period later at most, so that a change of leaders
/// moves no price. What a deposed leader proposed late names a version that does not stand any more, and changes nothing.
///
/// **What counts as load.** What passes pay, as long as there is more than that: units that nobody uses load nothing, however
/// many are granted. Where all is used up, what passes are opened with: use then tells no more how much is wanted, and passes
/// from before the price rose would go on raising it for as long as they live.
///
/// Pure: the caller has the time, and does the proposing. A value: use from one thread at a time.
public struct ClusterPrices: Sendable {
    private struct Follower {
        var controller: PriceController
        var seen: PolicyLoad
    }

    private var followers: [PolicyID: Follower] = [:]
    /// Nil while another replica leads.
    private var lookedAt: LedgerTime?

    /// Of a replica that does not lead.
    public init() {}

    /// Another replica leads.
    public mutating func rest() {
        lookedAt = nil
        followers = [:]
    }

    /// Whether it is time for a look.
    public func isDue(_ now: LedgerTime) -> Bool {
        guard let lookedAt else { return true }
        return lookedAt.nanoseconds(until: now) >= PriceController.periodNanoseconds
    }

    /// Looks, as the leader.
    /// - Parameters:
    ///   - facts, loads: of the state that this replica has applied.
    ///   - now: replicated time.
    /// - Returns: what is to be proposed, if anything is. What becomes of it is seen at the next look.
    public mutating func look(_ facts: LedgerFacts, _ loads: [PolicyLoad], now: LedgerTime) -> PriceChange? {
        guard facts.ledgerVersion >= Ledger.lendingVersion else {
            rest()
            return nil
        }
        guard isDue(now) else { return nil }
        let elapsed = lookedAt.map { $0.nanoseconds(until: now) } ?? 0
        lookedAt = now
        let before = followers
        followers = [:]
        var factors: [PolicyPrice] = []
        var isChange = false
        for load in loads {
            let standing = facts.clusterFactor(of: load.policy)
            var follower =
                before[load.policy]
                ?? Follower(controller: PriceController(factor: standing, now: now), seen: load)
            follower.controller.resume(from: standing)
            if let capacity = load.capacity, capacity == follower.seen.capacity {
                let paid = 1_000 * Self.difference(follower.seen.paid, load.paid)
                let granted = 1_000 * Self.difference(follower.seen.granted, load.granted)
                let left = capacity.left(elapsed, unpaid: Self.difference(follower.seen.unpaid, load.unpaid))
                follower.controller.observe(admitted: paid < left ? paid : granted, capacity: left)
            }
            if follower.controller.tick(now) != nil { isChange = true }
            follower.seen = load
            followers[load.policy] = follower
            factors.append(PolicyPrice(policy: load.policy, factor: follower.controller.factor))
        }
        guard isChange else { return nil }
        return PriceChange(
            expectedVersion: facts.priceVersion,
            factors: factors.filter { $0.factor > Price.one }
        )
    }

    /// How much a counter has grown: nothing where it has begun anew. At most 2⁵³, so that a thousand times as many fit.
    private static func difference(_ before: UInt64, _ now: UInt64) -> UInt64 {
        let grown = Int64(bitPattern: now &- before)
        return grown > 0 ? min(UInt64(grown), 1 << 53) : 0
    }
}
