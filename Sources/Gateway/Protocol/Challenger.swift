import Ledger
import ProofOfWork
import Settings

/// A challenge as clients get it (DESIGN section 5, "Challenge").
struct IssuedChallenge: Sendable, Equatable {
    let token: String
    let rounds: Int
    let target: UInt64
    let expiresInSeconds: UInt32
    let grants: UInt32

    var targetText: String { ProofOfWork.Difficulty.hexadecimal(target) }

    var json: String {
        var json = JSONText()
        json.begin()
        json.member("challenge", token)
        json.member("algorithm", "SHA-256")
        json.member("rounds", rounds)
        json.member("target", targetText)
        json.member("expires_in", expiresInSeconds)
        json.member("grants", grants)
        json.member("redeem", Endpoint.redeem.path)
        json.end()
        return json.text
    }

    var headerValue: String {
        "\(token);alg=\"SHA-256\";rounds=\(rounds);target=\"\(targetText)\";expires-in=\(expiresInSeconds)"
    }
}

/// Issues challenges. Nothing is stored: what was issued comes back, authenticated, in the token.
struct Challenger {
    /// - Parameters:
    ///   - offer: at the price of the moment; nil: at a price of 1.
    ///   - origin: the run of the node at which alone it is to be good; nil: any node.
    /// - Returns: nil where the policy has no work that would help.
    static func issue(
        _ policy: PolicyRuntime,
        _ offer: ChallengeOffer? = nil,
        client: IPAddress,
        keys: KeyRing,
        now: LedgerTime,
        origin: TokenOrigin? = nil
    ) -> IssuedChallenge? {
        guard let work = policy.settings.work else { return nil }
        let offer = offer ?? ChallengeOffer(work, price: ProofOfWork.Difficulty.priceOne)
        let target = ProofOfWork.Difficulty.target(difficulty: offer.difficulty, rounds: work.rounds)
        let challenge = Challenge(
            epoch: keys.currentEpoch,
            policy: policy.id.rawValue,
            binding: work.bind == .client ? policy.binding(of: client, keys: keys) : nil,
            issued: now.nanoseconds,
            lifetime: work.challengeTtlSeconds,
            rounds: UInt8(work.rounds),
            target: target,
            grants: offer.grants,
            passLifetime: work.ttlSeconds,
            price: offer.price,
            id: TokenID.random(),
            origin: origin
        )
        guard let token = try? keys.seal(challenge) else {
            preconditionFailure("the ring holds the keys of its current epoch")
        }
        return IssuedChallenge(
            token: token,
            rounds: work.rounds,
            target: target,
            expiresInSeconds: work.challengeTtlSeconds,
            grants: offer.grants
        )
    }
}
