import Ledger
import NIOCore
import ProofOfWork

/// Challenges that are good at one node alone: they are spent here, and nobody else is asked.
extension Redeemer {
    /// Spends a challenge that has an origin. It has passed the checks up to its binding.
    func redeemHere(
        _ request: RedeemRequest,
        _ candidate: Redemption.Candidate,
        _ policy: PolicyRuntime,
        _ state: GatewayState,
        began: NIODeadline
    ) -> Result<Redeemed, RedeemProblem> {
        Result { () throws(RedeemProblem) in
            let (offline, spend) = try checkHere(request, candidate, policy, began: began)
            let outcome = offline.spend(spend, epoch: state.keys.currentEpoch, now: ledger.now())
            let (opened, isRepeated): (PassState, Bool) =
                switch outcome {
                case .opened(let opened): (opened, false)
                case .repeated(let opened): (opened, true)
                case .alreadySpent: throw .alreadySpent
                case .expired, .fromFuture: throw .check(.expired, policy: policy)
                case .full: throw .unavailable
                case .invalid: throw .otherPolicy
                }
            var pass = Redemption.pass(candidate.challenge, opened)
            pass.origin = candidate.challenge.origin
            let now = ledger.now().nanoseconds
            guard pass.expires > now, let text = try? state.keys.seal(pass) else {
                throw .check(.expired, policy: policy)
            }
            return Redeemed(
                policy: policy,
                pass: pass,
                text: text,
                remaining: opened.remaining,
                expiresInSeconds: Durations.secondsRoundedUp(pass.expires - now),
                isRepeated: isRepeated
            )
        }
    }

    /// What is wrong with such a solution, if anything is; it is not spent.
    func problemHere(
        _ request: RedeemRequest,
        _ candidate: Redemption.Candidate,
        _ policy: PolicyRuntime
    ) throws(RedeemProblem) {
        let (offline, spend) = try checkHere(request, candidate, policy, began: nil)
        if offline.outcomeIfSpent(spend) == .alreadySpent { throw .alreadySpent }
    }

    /// Origin, spent, work.
    private func checkHere(
        _ request: RedeemRequest,
        _ candidate: Redemption.Candidate,
        _ policy: PolicyRuntime,
        began: NIODeadline?
    ) throws(RedeemProblem) -> (OfflineDesk, Spend) {
        guard let offline, policy.takes(candidate.challenge.origin, at: offline.origin) else { throw .elsewhere }
        if ledger.decidesNothing { throw .unavailable }
        let spend = Redemption.spend(candidate.challenge, idempotencyKey: request.idempotencyKey)
        if request.idempotencyKey == nil, offline.outcomeIfSpent(spend) != nil { throw .alreadySpent }
        let isSolved = Self.isSolved(request, candidate)
        if let began { observer?.verified(since: began) }
        guard isSolved else { throw .check(.wrongSolution, policy: policy) }
        return (offline, spend)
    }
}
