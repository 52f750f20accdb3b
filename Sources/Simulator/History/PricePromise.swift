import Ledger

/// What is promised of prices and of commands of a later version, by the log: a grant is 1 at least and never more than was
/// issued; the cluster's factors are changed in the order of their versions, and are what the last change says; and no
/// command is carried out before all members are said to know it.
///
/// Told of the log as it was applied.
struct PricePromise {
    private struct Once: Hashable {
        var session: SessionID
        var sequence: UInt64
    }

    /// The greatest factor of a client: of its own curve, times a neighbourhood's.
    private static let clientMost = 4_096 * 4 * Price.one
    private var seen: Set<Once> = []
    private var latestIndex: UInt64 = 0
    /// Of the ledger; 0 until it is known.
    private var ledgerVersion: UInt32 = 0
    private var version: UInt64 = 0
    private var factors: [PolicyID: UInt32] = [:]

    /// Changes of the factors, and grants that were less than was issued.
    private(set) var changes = 0
    private(set) var reduced = 0

    /// The version that the cluster was founded with.
    mutating func founded(_ version: UInt32) { if ledgerVersion == 0 { ledgerVersion = version } }

    /// A batch was applied, by the first replica to come there. Others' are not looked at.
    mutating func applied(_ application: Application) throws(HistoryFault) {
        guard application.index.rawValue > latestIndex else { return }
        latestIndex = application.index.rawValue
        for (command, result) in zip(application.batch.commands, application.results) {
            if case .versionRaised(let version) = result { ledgerVersion = max(ledgerVersion, version) }
            if command.command.leastVersion > max(ledgerVersion, 1) {
                guard case .rejected = result else {
                    throw fault("\(command.command) is carried out in version \(ledgerVersion)")
                }
            }
            switch (command.command, result) {
            case (.spend, .spent(.opened)), (.setPrices, .pricesSet), (.record, .recorded):
                guard seen.insert(Once(session: command.session, sequence: command.sequence)).inserted else { continue }
            default: continue
            }
            switch (command.command, result) {
            case (.spend(let spend), .spent(.opened(let pass))): try opened(spend, pass)
            case (.setPrices(let change), .pricesSet(let outcome)): try changed(change, outcome)
            case (.record(let report), .recorded(.counted(let exceeded))):
                for excess in exceeded {
                    let wait = excess.retryAfterNanoseconds
                    guard report.counts.indices.contains(Int(excess.place)), wait > 0,
                        wait <= 2 * LedgerBounds.issueFillNanoseconds
                    else { throw fault("\(excess) of a report of \(report.counts.count) counts") }
                }
            default: break
            }
        }
    }

    private mutating func opened(_ spend: Spend, _ pass: PassState) throws(HistoryFault) {
        guard pass.remaining >= 1, pass.remaining <= spend.grants,
            spend.pricing != nil || pass.remaining == spend.grants
        else { throw fault("\(pass.remaining) units are granted, where \(spend.grants) were issued") }
        if pass.remaining < spend.grants { reduced += 1 }
        guard let pricing = spend.pricing, pass.remaining < spend.grants else { return }
        // At the highest price of any client under this factor it would be no less.
        let cluster = factors[spend.policy] ?? Price.one
        let most = Price(client: Self.clientMost, cluster: cluster).total
        let least = max(1, UInt64(spend.grants) * UInt64(max(pricing.issuePrice, Price.one)) / UInt64(most))
        guard UInt64(pass.remaining) >= least else {
            throw fault("\(pass.remaining) units are granted, and \(least) at the least")
        }
        if pricing.issuePrice == .max { throw fault("work that was as dear as can be is granted less") }
    }

    private mutating func changed(_ change: PriceChange, _ outcome: PriceOutcome) throws(HistoryFault) {
        switch outcome {
        case .set(let new):
            guard change.expectedVersion == version, new == version + 1 else {
                throw fault("version \(new) of the prices is set after \(version), for \(change.expectedVersion)")
            }
            version = new
            factors = [:]
            for factor in change.factors where factor.factor > Price.one { factors[factor.policy] = factor.factor }
            changes += 1
        case .conflict(let current):
            guard current == version, change.expectedVersion != version else {
                throw fault("version \(current) of the prices is said to stand, where \(version) does")
            }
        case .unknownPolicy, .invalid: break
        }
    }

    /// The prices of a ledger that has applied all.
    func check(_ ledger: Ledger) throws(HistoryFault) {
        let facts = ledger.facts
        guard facts.priceVersion == version else { throw fault("the prices are of version \(facts.priceVersion)") }
        for policy in facts.policies {
            guard facts.clusterFactor(of: policy.id) == factors[policy.id] ?? Price.one else {
                throw fault("the factor of \(policy.name) is \(facts.clusterFactor(of: policy.id))")
            }
            for client in 0..<3 as Range<UInt64> {
                let price = ledger.price(of: Workload.prefixes(client), policy: policy.id)
                guard price.client >= Price.one, price.client <= Self.clientMost else {
                    throw fault("a client's factor is \(price.client)")
                }
            }
        }
    }

    private func fault(_ detail: String) -> HistoryFault { HistoryFault(promise: "PricePromise", detail: detail) }
}
