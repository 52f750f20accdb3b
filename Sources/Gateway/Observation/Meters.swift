import Settings

/// What became of a challenge, for metrics.
enum ChallengeEvent: String, Sendable, CaseIterable {
    case issued
    /// None was issued: the client's network has had too many.
    case withheld
    case redeemed
    /// The same solution again, with its idempotency key: the same pass.
    case repeated
    case malformed
    case wrong
    case otherClient = "other-client"
    case expired
    case alreadySpent = "already-spent"
    case otherPolicy = "other-policy"
    /// Good at another node alone.
    case elsewhere
    case unavailable

    /// What a redemption has come to.
    init(_ result: Result<Redeemed, RedeemProblem>) {
        switch result {
        case .success(let redeemed): self = redeemed.isRepeated ? .repeated : .redeemed
        case .failure(.check(let problem, _)):
            switch problem {
            case .malformed: self = .malformed
            case .notAuthentic, .wrongSolution: self = .wrong
            case .expired, .laterEpoch: self = .expired
            case .otherClient: self = .otherClient
            }
        case .failure(.alreadySpent): self = .alreadySpent
        case .failure(.otherPolicy): self = .otherPolicy
        case .failure(.elsewhere): self = .elsewhere
        case .failure(.unavailable): self = .unavailable
        }
    }
}

/// What one loop has counted: plain numbers, confined to their loop, collected when somebody asks.
///
/// Labels are names of the configuration and words of ours, so that there are no more series than those allow; what a
/// reload has dropped is forgotten.
struct Meters: Sendable {
    struct Request: Hashable, Sendable {
        /// Empty where no route was met.
        var route: String
        /// Empty where no policy was asked.
        var policy: String
        var verdict: RequestVerdict
    }

    struct Challenge: Hashable, Sendable {
        /// Empty where the challenge is not one of ours, or too old to tell.
        var policy: String
        var event: ChallengeEvent
    }

    private(set) var requests: [Request: UInt64] = [:]
    private(set) var challenges: [Challenge: UInt64] = [:]
    /// Requests that a policy let through without a decision, or for a pass of this node alone, by policy.
    private(set) var letThrough: [String: UInt64] = [:]
    /// Of challenges that were issued.
    private(set) var clientFactors = FactorHistogram()
    private(set) var verification = Histogram.verification
    private(set) var decisions: [PolicySettings.Consistency: Histogram] = [:]

    mutating func count(_ request: Request) {
        requests[request, default: 0] += 1
    }

    mutating func count(_ challenge: Challenge) {
        challenges[challenge, default: 0] += 1
    }

    mutating func countLetThrough(policy: String) { letThrough[policy, default: 0] += 1 }
    /// - Parameter factor: the client's part of a challenge's price.
    mutating func issued(at factor: UInt32) {
        clientFactors.observe(factor)
    }

    mutating func verified(nanoseconds: UInt64) {
        verification.observe(nanoseconds)
    }

    mutating func decided(_ level: PolicySettings.Consistency, nanoseconds: UInt64) {
        decisions[level, default: .decision].observe(nanoseconds)
    }

    /// Forgets what the configuration does not name any more.
    mutating func keep(_ configuration: Configuration) {
        let routes = Set(configuration.routes.map(\.name)).union([""])
        let policies = Set(configuration.policies.map(\.name)).union([""])
        requests = requests.filter { routes.contains($0.key.route) && policies.contains($0.key.policy) }
        challenges = challenges.filter { policies.contains($0.key.policy) }
        letThrough = letThrough.filter { policies.contains($0.key) }
    }

    mutating func add(_ other: Meters) {
        requests.merge(other.requests, uniquingKeysWith: +)
        challenges.merge(other.challenges, uniquingKeysWith: +)
        letThrough.merge(other.letThrough, uniquingKeysWith: +)
        clientFactors.add(other.clientFactors)
        verification.add(other.verification)
        for (level, histogram) in other.decisions { decisions[level, default: .decision].add(histogram) }
    }
}
