import Ledger
import ProofOfWork

/// The checks of a redemption, in the order that DESIGN section 5 states: size, form, authenticity, expiry, binding,
/// spent or being spent here, work. Only what passes all of them becomes a proposal.
///
/// Pure: it answers from its arguments alone and allocates nothing on the way to a refusal.
enum Redemption {
    /// Longest token that is looked at, in characters.
    static let tokenCharactersMax = 512

    enum Problem: Error, Equatable {
        case malformed(String)
        case notAuthentic
        case expired
        /// Of an epoch of the keys that this node does not know: it may have begun a moment ago.
        case laterEpoch
        case otherClient
        case wrongSolution
    }

    /// A challenge that has passed the checks up to its binding, with its solution decoded.
    struct Candidate {
        let challenge: Challenge
        let solution: Solution
    }

    /// Size, form and authenticity.
    static func open(_ token: UnsafeRawBufferPointer, _ solution: UnsafeRawBufferPointer, keys: KeyRing)
        throws(Problem) -> Candidate
    {
        guard token.count <= tokenCharactersMax else { throw .malformed("The challenge is too long.") }
        guard let solution = try? Solution(parsing: solution) else {
            throw .malformed("The solution is not base64url of 8 bytes for each round.")
        }
        let challenge: Challenge
        do throws(TokenError) {
            challenge = try keys.openChallenge(token)
        } catch {
            switch error {
            case .malformed: throw .malformed("The challenge is not a token of this protocol.")
            case .unknownVersion: throw .malformed("The challenge has an unknown version.")
            case .unknownEpoch: throw .expired
            case .laterEpoch: throw .laterEpoch
            case .notAuthentic: throw .notAuthentic
            }
        }
        guard solution.count == Int(challenge.rounds) else {
            throw .malformed("The solution has another number of rounds than the challenge.")
        }
        return Candidate(challenge: challenge, solution: solution)
    }

    /// Expiry and binding.
    ///
    /// - Parameter binding: the client's, asked for only where the challenge is bound.
    static func check(_ challenge: Challenge, now: LedgerTime, binding: () -> UInt64) throws(Problem) {
        if now.nanoseconds > challenge.expires { throw .expired }
        if let bound = challenge.binding, bound != binding() { throw .otherClient }
    }

    /// The work. Stops at the first round that misses.
    ///
    /// - Parameter token: the challenge's text, from which the puzzle's seed is made.
    static func isSolved(_ candidate: Candidate, token: UnsafeRawBufferPointer) -> Bool {
        Puzzle.firstMiss(
            seed: Puzzle.seed(token: token),
            rounds: Int(candidate.challenge.rounds),
            target: candidate.challenge.target,
            solution: candidate.solution
        ) == nil
    }

    /// The proposal that spends the challenge and opens its pass.
    ///
    /// - Parameter keys: where the client comes from, by which the grant is settled; nil where not all members know of prices.
    static func spend(_ challenge: Challenge, idempotencyKey: QuotaKey?, from keys: PrefixKeys? = nil) -> Spend {
        Spend(
            challenge: ChallengeID(challenge.id),
            policy: PolicyID(rawValue: challenge.policy),
            issued: LedgerTime(nanoseconds: challenge.issued),
            challengeLifetime: challenge.lifetime,
            passLifetime: challenge.passLifetime,
            grants: challenge.grants,
            binding: challenge.binding ?? 0,
            idempotencyKey: idempotencyKey,
            pricing: keys.map { SpendPricing(issuePrice: challenge.price, keys: $0) }
        )
    }

    /// The pass that a spent challenge opened, with what the ledger granted. Equal inputs give the same token, so a repeated
    /// answer is the same pass, whatever was used of it meanwhile.
    static func pass(_ challenge: Challenge, _ state: PassState) -> Pass {
        Pass(
            epoch: state.epoch,
            policy: challenge.policy,
            binding: challenge.binding,
            expires: state.expires.nanoseconds,
            recordExpiry: state.recordExpiry.nanoseconds,
            grants: state.granted ?? challenge.grants,
            id: challenge.id
        )
    }
}
