import Ledger
import ProofOfWork
import Settings

/// Challenges that are good at this node alone, for while no majority decides.
extension Challenger {
    /// - Returns: nil where the policy has no work that would help.
    static func issueHere(
        _ origin: TokenOrigin,
        _ policy: PolicyRuntime,
        client: IPAddress,
        keys: KeyRing,
        now: LedgerTime
    ) -> IssuedChallenge? {
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
            grants: work.grants
        )
    }
}
