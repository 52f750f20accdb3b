// Spending a challenge once, and taking its pass along.

extension Ledger {
    /// Spends a challenge and opens its pass.
    mutating func apply(_ spend: Spend) -> SpendOutcome {
        guard let policy = policyIndex(spend.policy), spend.grants > 0,
            spend.challengeLifetime <= LedgerBounds.lifetimeSeconds,
            spend.passLifetime <= LedgerBounds.lifetimeSeconds, spend.pricing?.keys.isWithinBounds ?? true
        else { return .invalid }
        if spend.issued > now.adding(nanoseconds: LedgerBounds.futureNanoseconds) { return .fromFuture }
        if now > spend.challengeExpiry { return .expired }
        if let known = outcomeIfSpent(spend) { return known }
        guard records.count < Int(maxRecords) else { return .full }
        let epoch = standing.epochs[standing.epochs.count - 1].number
        let record = SpentRecord(spend, granted: granted(spend), now: now, epoch: epoch)
        guard records.insert(record) else { return .full }
        policies[policy].granted &+= UInt64(record.remaining)
        if let pricing = spend.pricing { prices.redeemed(pricing.keys, now: now.nanoseconds) }
        return .opened(record.pass)
    }

    /// What a spend is worth at the price now.
    private func granted(_ spend: Spend) -> UInt32 {
        guard let pricing = spend.pricing else { return spend.grants }
        let price = price(of: pricing.keys, policy: spend.policy)
        return price.settled(grants: spend.grants, issue: pricing.issuePrice)
    }

    /// What a spend of this challenge comes to as far as the applied state knows: nil where it has not been spent.
    ///
    /// A read: gateways ask it to refuse, or to answer again, without a proposal.
    public func outcomeIfSpent(_ spend: Spend) -> SpendOutcome? {
        guard let position = records.find(spend.challenge, recordExpiry: spend.recordExpiry) else { return nil }
        let record = records[position]
        guard let key = spend.idempotencyKey, key == record.idempotencyKey, spend.binding == record.binding,
            spend.policy.rawValue == record.policy
        else { return .alreadySpent }
        return .repeated(record.pass)
    }

    /// Binds a pass to another client: three times, once a minute at most. The first may come at once.
    mutating func apply(_ rebind: Rebind) -> RebindOutcome {
        guard let position = records.find(rebind.challenge, recordExpiry: rebind.recordExpiry) else { return .unknown }
        let record = records[position]
        guard record.policy == rebind.policy.rawValue, now.nanoseconds < record.passExpiry else { return .unknown }
        // A pass that is bound to nobody stays so, and one that is bound never comes to be.
        if record.binding == 0 || rebind.binding == 0 || record.binding == rebind.binding { return .unchanged }
        guard record.rebindsLeft > 0 else { return .exhausted }
        guard now.nanoseconds >= record.nextRebind else {
            return .tooSoon(retryAfterNanoseconds: record.nextRebind - now.nanoseconds)
        }
        let next = now.adding(nanoseconds: LedgerBounds.rebindNanoseconds).nanoseconds
        records.update(position) {
            $0.binding = rebind.binding
            $0.rebindsLeft -= 1
            $0.nextRebind = next
        }
        return .rebound(left: record.rebindsLeft - 1)
    }
}
