import Ledger
import ProofOfWork
import Settings

/// Challenges for the client of a request, at the price of the moment.
extension Exchange {
    /// What became of the wish for a challenge.
    enum ChallengeIssue {
        case issued(IssuedChallenge)
        /// The policy has no work that would help.
        case noWork
        /// Too many were issued to the client's network lately; one may be after this time.
        case tooMany(retryAfterNanoseconds: UInt64)

        var challenge: IssuedChallenge? { if case .issued(let challenge) = self { challenge } else { nil } }
    }

    static let tooManyText = "Too many challenges were asked for from your network: solve those, or wait."

    func issueChallenge(_ policy: PolicyRuntime) -> ChallengeIssue {
        guard let work = policy.settings.work else { return .noWork }
        let keys = QuotaKeys.prefixes(client, state.keys)
        let terms = loop.ledger.issueTerms(of: keys, policy: policy.id)
        guard terms.waitNanoseconds == 0 else {
            loop.observer.count(.withheld, policy: policy.name)
            return .tooMany(retryAfterNanoseconds: terms.waitNanoseconds)
        }
        let offer = ChallengeOffer(work, price: terms.price.total)
        let now = loop.ledger.now()
        let challenge = Challenger.issue(
            policy,
            offer,
            client: client,
            keys: state.keys,
            now: now,
            origin: issuesOffline(policy) ? loop.quota.offline.origin : nil
        )
        guard let challenge else { return .noWork }
        observation.offer = offer
        loop.issued(keys, now: now)
        loop.observer.issued(policy: policy.name, clientFactor: terms.price.client)
        return .issued(challenge)
    }

    /// Notes what a challenge would be like, where the request is told of none.
    func noteOffer(_ policy: PolicyRuntime) {
        guard observation.offer == nil, let work = policy.settings.work else { return }
        let terms = loop.ledger.issueTerms(of: QuotaKeys.prefixes(client, state.keys), policy: policy.id)
        observation.offer = ChallengeOffer(work, price: terms.price.total)
    }
}
