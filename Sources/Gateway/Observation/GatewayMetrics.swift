import Ledger
import Settings

/// What the gateway has counted, all loops together. A value.
public struct GatewayMetrics: Sendable {
    /// A series of `tollgate_requests_total`.
    public struct Requests: Sendable {
        /// Empty where no route was met.
        public var route: String
        /// Empty where no policy was asked.
        public var policy: String
        /// What became of them.
        public var verdict: String
        /// How many.
        public var count: UInt64
    }

    /// A series of `tollgate_challenges_total`.
    public struct Challenges: Sendable {
        /// Empty where it is not known.
        public var policy: String
        /// What became of them.
        public var event: String
        /// How many.
        public var count: UInt64
    }

    /// In the order of their labels.
    public var requests: [Requests]
    /// In the order of their labels.
    public var challenges: [Challenges]
    /// How long the check of a solution takes, up to the ledger.
    public var verification: Histogram
    /// How long a decision takes, by the policy's level of consistency, in the order of the levels' names.
    public var decisions: [(level: String, histogram: Histogram)]
    /// The cluster's factor of the price, by policy, in the configuration's order.
    public var prices: [(policy: String, price: Double)]
    /// How exact the limits are, by policy, in the configuration's order.
    public var quotas: [QuotaMetrics]
    /// Units that were let through without a decision and are charged to nobody, since there were too many keys.
    public var unreportableUnits: UInt64
    /// The client's factor of the price of challenges that were issued.
    public var clientFactors: FactorHistogram
    /// Connections of clients that are open.
    public var connections: Int
    /// Lines of the access log that were lost.
    public var accessLinesDropped: UInt64
    /// Of the configuration that holds.
    public var configurationHash: String

    /// - Parameter facts: nil where nobody can be asked any more.
    init(
        _ meters: Meters,
        quotas: [QuotaMetrics],
        unreportableUnits: UInt64,
        configuration: Configuration,
        facts: LedgerFacts?,
        connections: Int,
        accessLinesDropped: UInt64
    ) {
        self.quotas = quotas
        self.unreportableUnits = unreportableUnits
        requests = meters.requests
            .map { key, count in
                Requests(route: key.route, policy: key.policy, verdict: key.verdict.word, count: count)
            }
            .sorted { ($0.route, $0.policy, $0.verdict) < ($1.route, $1.policy, $1.verdict) }
        challenges = meters.challenges
            .map { key, count in Challenges(policy: key.policy, event: key.event.rawValue, count: count) }
            .sorted { ($0.policy, $0.event) < ($1.policy, $1.event) }
        verification = meters.verification
        decisions = meters.decisions.map { (level: $0.key.rawValue, histogram: $0.value) }
            .sorted { $0.level < $1.level }
        prices = configuration.policies.filter { $0.work != nil }
            .map { policy in
                let id = facts?.policies.first { $0.name == policy.name }?.id
                let factor = id.flatMap { facts?.clusterFactor(of: $0) } ?? Price.one
                return (policy: policy.name, price: ChallengeOffer.number(factor))
            }
        clientFactors = meters.clientFactors
        self.connections = connections
        self.accessLinesDropped = accessLinesDropped
        configurationHash = configuration.hash
    }
}
