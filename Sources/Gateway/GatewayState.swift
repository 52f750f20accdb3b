import Ledger
import ProofOfWork
import Settings

/// Everything by which a request is decided, as of one revision of the configuration and of the ledger's facts.
///
/// Immutable: a request keeps the state with which it began, and a reload replaces the whole. Any thread.
final class GatewayState: Sendable {
    let configuration: Configuration
    let routes: RouteTable
    let policies: PolicyTable
    let keys: KeyRing
    /// Under which epoch of the keys tokens are issued.
    let epoch: IssuingEpoch
    /// Of the ledger's facts that this was made from.
    let generation: UInt64
    let page: ChallengePage

    /// - Parameter now: replicated time.
    /// - Throws: when locked memory for the keys is not to be had.
    init(_ configuration: Configuration, facts: LedgerFacts, now: LedgerTime) throws {
        self.configuration = configuration
        policies = PolicyTable(configuration, facts: facts)
        routes = RouteTable(routes: configuration.routes)
        generation = facts.generation
        page = ChallengePage()
        epoch = IssuingEpoch(facts.epochs, now: now)
        keys = try KeyRing(facts, current: epoch.number)
    }
}

extension KeyRing {
    /// The keys of a cluster: its secret, and one more secret for each epoch.
    convenience init(_ facts: LedgerFacts, current: UInt32) throws {
        try self.init(
            clusterSecret: facts.secret,
            epochs: facts.epochs.map { (number: $0.number, secret: $0.secret) },
            current: current
        )
    }
}

extension QuotaKey {
    init(_ words: (high: UInt64, low: UInt64)) {
        self.init(high: words.high, low: words.low)
    }
}

extension ChallengeID {
    init(_ id: TokenID) {
        self.init(high: id.high, low: id.low)
    }
}
