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
    /// The price of every challenge, in 16.16 fixed point, until prices follow load.
    static let basePrice: UInt32 = 1 << 16

    /// A price in 16.16 fixed point as a number.
    static func price(_ fixed: UInt32) -> Double { Double(fixed) / Double(1 << 16) }

    /// - Returns: nil where the policy has no work that would help.
    static func issue(_ policy: PolicyRuntime, client: IPAddress, keys: KeyRing, now: LedgerTime) -> IssuedChallenge? {
        guard let work = policy.settings.work else { return nil }
        let target = ProofOfWork.Difficulty.target(difficulty: work.difficulty, rounds: work.rounds)
        let challenge = Challenge(
            epoch: keys.currentEpoch,
            policy: policy.id.rawValue,
            binding: work.bind == .client ? policy.binding(of: client, keys: keys) : nil,
            issued: now.nanoseconds,
            lifetime: work.challengeTtlSeconds,
            rounds: UInt8(work.rounds),
            target: target,
            grants: work.grants,
            passLifetime: work.ttlSeconds,
            price: basePrice,
            id: TokenID.random()
        )
        guard let token = try? keys.seal(challenge) else {
            preconditionFailure("the ring holds the keys of its current epoch")
        }
        return IssuedChallenge(
            token: token,
            rounds: work.rounds,
            target: target,
            expiresInSeconds: work.challengeTtlSeconds,
            grants: work.grants
        )
    }
}
