// Prices: what raises them, and what they are.

extension Ledger {
    /// The price that a client would be asked now.
    /// - Parameters:
    ///   - keys: where the client comes from. With more neighbourhoods than there are its factor is 1.
    ///   - policy: one that is not there has a cluster factor of 1.
    ///   - time: an estimate of replicated time; nil, or earlier than the ledger's own: the ledger's own. Heat goes by itself,
    ///     so a later time never says more.
    public func price(of keys: PrefixKeys, policy: PolicyID, at time: LedgerTime? = nil) -> Price {
        let now = max(now, time ?? now).nanoseconds
        let client = keys.isWithinBounds ? prices.factor(of: keys, now: now) : Price.one
        return Price(client: client, cluster: standing.clusterFactor(of: policy))
    }

    /// How long until a challenge may be issued to a client, by all the prefixes that it belongs to, in nanoseconds; 0: now.
    /// - Parameter time: as of ``price(of:policy:at:)``.
    public func issueWait(of keys: PrefixKeys, at time: LedgerTime? = nil) -> UInt64 {
        guard keys.isWithinBounds else { return 0 }
        let now = max(now, time ?? now).nanoseconds
        var longest: UInt64 = 0
        keys.visit { longest = max(longest, prices.issueWait($1, $0, now: now)) }
        return longest
    }

    /// What a challenge for a client is issued by now.
    /// - Parameters: as of ``price(of:policy:at:)``.
    public func issueTerms(of keys: PrefixKeys, policy: PolicyID, at time: LedgerTime? = nil) -> IssueTerms {
        IssueTerms(price: price(of: keys, policy: policy, at: time), waitNanoseconds: issueWait(of: keys, at: time))
    }

    /// Sets the cluster's factors.
    mutating func apply(_ change: PriceChange) -> PriceOutcome {
        guard change.expectedVersion == standing.priceVersion else { return .conflict(current: standing.priceVersion) }
        guard change.factors.count <= LedgerBounds.policies else { return .invalid }
        let factors = change.factors.sorted { $0.policy.rawValue < $1.policy.rawValue }
        for (place, factor) in factors.enumerated() {
            if factor.factor < Price.one || place > 0 && factors[place - 1].policy == factor.policy { return .invalid }
        }
        guard factors.allSatisfy({ policyIndex($0.policy) != nil }) else { return .unknownPolicy }
        standing.prices = factors.filter { $0.factor > Price.one }
        standing.priceVersion += 1
        standing.generation += 1
        return .set(version: standing.priceVersion)
    }

    /// Counts issued challenges.
    mutating func apply(_ report: IssueReport) -> IssueOutcome {
        guard report.counts.count <= LedgerBounds.issueCounts else { return .invalid }
        var exceeded: [IssueExcess] = []
        for (place, count) in report.counts.enumerated() {
            prices.issued(count, now: now.nanoseconds)
            let wait = prices.issueWait(count.key, count.level, now: now.nanoseconds)
            if wait > 0 { exceeded.append(IssueExcess(place: UInt32(place), retryAfterNanoseconds: wait)) }
        }
        return .counted(exceeded: exceeded)
    }

    /// The digest's part of the cluster's factors, which a ledger that does not know them has not.
    var clusterPriceDigest: LedgerDigest {
        guard ledgerVersion >= Self.lendingVersion else { return .zero }
        var mixer = DigestMixer(.prices)
        standing.writePrices(into: &mixer)
        return mixer.finish()
    }
}

extension LedgerFacts {
    /// A policy's cluster factor in 16.16 fixed point; 1 where none was set.
    public func clusterFactor(of policy: PolicyID) -> UInt32 {
        prices.first { $0.policy == policy }?.factor ?? Price.one
    }
}
