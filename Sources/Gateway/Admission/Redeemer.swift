import Ledger
import NIOCore
import ProofOfWork
import Settings

/// What a redemption came to.
struct Redeemed {
    let policy: PolicyRuntime
    let pass: Pass
    let text: String
    let remaining: UInt32
    let expiresInSeconds: UInt64
    /// Whether the pass had been given out before, for the same idempotency key.
    let isRepeated: Bool
}

enum RedeemProblem: Error {
    case check(Redemption.Problem, policy: PolicyRuntime?)
    case alreadySpent
    /// The policy of the challenge is gone, or is not the one that is being asked for.
    case otherPolicy
    case unavailable
}

/// A solution as it was handed in, with the client that did.
struct RedeemRequest {
    let token: [UInt8]
    let solution: [UInt8]
    let idempotencyKey: QuotaKey?
    let client: IPAddress
    /// For a solution in line: the policy of the route.
    let policy: PolicyID?
}

/// Takes solutions through the checks of ``Redemption`` and spends what passes. Confined to its event loop.
final class Redeemer {
    /// Tries of one redemption: a waiter looks again when the spender before it has finished.
    static let triesMax = 8

    private let eventLoop: any EventLoop
    private let ledger: any LedgerClient
    private let spending: SpendingTable
    private let observer: LoopObserver?
    /// The keys of the ledger's newest facts: an epoch may have begun between a request and its result, which says the epoch
    /// that its pass is of.
    var newestKeys: () -> KeyRing? = { nil }

    /// - Parameter observer: is told how long checks take.
    init(
        eventLoop: any EventLoop,
        ledger: any LedgerClient,
        spending: SpendingTable,
        observer: LoopObserver? = nil
    ) {
        self.eventLoop = eventLoop
        self.ledger = ledger
        self.spending = spending
        self.observer = observer
    }

    /// - Parameter completion: called once on the loop; at once where no proposal is needed.
    func redeem(
        _ request: RedeemRequest,
        state: GatewayState,
        completion: @escaping (Result<Redeemed, RedeemProblem>) -> Void
    ) {
        let began = NIODeadline.now()
        var policy: PolicyRuntime?
        do throws(Redemption.Problem) {
            let candidate = try Self.open(request, keys: state.keys)
            policy = state.policies[PolicyID(rawValue: candidate.challenge.policy)]
            guard let policy, request.policy == nil || request.policy == policy.id else {
                completion(.failure(.otherPolicy))
                return
            }
            try Redemption.check(candidate.challenge, now: ledger.now()) {
                policy.binding(of: request.client, keys: state.keys)
            }
            proceed(request, candidate, policy, state, began: began, tries: Self.triesMax, completion)
        } catch {
            observer?.verified(since: began)
            completion(.failure(.check(error, policy: policy)))
        }
    }

    /// What is wrong with a solution, if anything is; it is not spent.
    func problem(of request: RedeemRequest, state: GatewayState) -> RedeemProblem? {
        var policy: PolicyRuntime?
        do throws(Redemption.Problem) {
            let candidate = try Self.open(request, keys: state.keys)
            policy = state.policies[PolicyID(rawValue: candidate.challenge.policy)]
            guard let policy, request.policy == nil || request.policy == policy.id else { return .otherPolicy }
            try Redemption.check(candidate.challenge, now: ledger.now()) {
                policy.binding(of: request.client, keys: state.keys)
            }
            let spend = Redemption.spend(candidate.challenge, idempotencyKey: request.idempotencyKey)
            let known = ledger.spent(spend)
            if known == nil || request.idempotencyKey != nil {
                guard Self.isSolved(request, candidate) else { throw .wrongSolution }
            }
            guard let known, case .failure(let problem) = outcome(known, candidate, policy, state) else { return nil }
            return problem
        } catch {
            return .check(error, policy: policy)
        }
    }

    private static func open(_ request: RedeemRequest, keys: KeyRing) throws(Redemption.Problem)
        -> Redemption.Candidate
    {
        var problem: Redemption.Problem?
        var candidate: Redemption.Candidate?
        request.token.withUnsafeBytes { token in
            request.solution.withUnsafeBytes { solution in
                do throws(Redemption.Problem) {
                    candidate = try Redemption.open(token, solution, keys: keys)
                } catch {
                    problem = error
                }
            }
        }
        if let problem { throw problem }
        return candidate!
    }

    private static func isSolved(_ request: RedeemRequest, _ candidate: Redemption.Candidate) -> Bool {
        request.token.withUnsafeBytes { token in
            Redemption.isSolved(candidate, token: token)
        }
    }

    /// Spent, being spent, work, proposal.
    ///
    /// - Parameter began: when the checks began; nil where this is not the first try.
    private func proceed(
        _ request: RedeemRequest,
        _ candidate: Redemption.Candidate,
        _ policy: PolicyRuntime,
        _ state: GatewayState,
        began: NIODeadline?,
        tries: Int,
        _ completion: @escaping (Result<Redeemed, RedeemProblem>) -> Void
    ) {
        let spend = Redemption.spend(candidate.challenge, idempotencyKey: request.idempotencyKey)
        let known = ledger.spent(spend)
        if let known, request.idempotencyKey == nil {
            completion(outcome(known, candidate, policy, state))
            return
        }
        let isSolved = Self.isSolved(request, candidate)
        if let began { observer?.verified(since: began) }
        guard isSolved else {
            completion(.failure(.check(.wrongSolution, policy: policy)))
            return
        }
        if let known {
            // Spent, and shown with the key of its record or with another one: either way nothing is proposed.
            completion(outcome(known, candidate, policy, state))
            return
        }
        guard tries > 0 else { return completion(.failure(.unavailable)) }
        let box = NIOLoopBound((self, completion), eventLoop: eventLoop)
        let retry: @Sendable () -> Void = {
            let (redeemer, completion) = box.value
            redeemer.proceed(request, candidate, policy, state, began: nil, tries: tries - 1, completion)
        }
        switch spending.enter(spend.challenge, on: eventLoop, retry: retry) {
        case .waiting:
            return
        case .full:
            completion(.failure(.unavailable))
        case .first:
            ledger.submit([.spend(spend)]) { result in
                self.spending.finish(spend.challenge)
                switch result {
                case .success(let results):
                    guard case .spent(let outcome)? = results.first else { return completion(.failure(.unavailable)) }
                    completion(self.outcome(outcome, candidate, policy, state))
                case .failure:
                    completion(.failure(.unavailable))
                }
            }
        }
    }

    private func outcome(
        _ outcome: SpendOutcome,
        _ candidate: Redemption.Candidate,
        _ policy: PolicyRuntime,
        _ state: GatewayState
    ) -> Result<Redeemed, RedeemProblem> {
        switch outcome {
        case .opened(let opened), .repeated(let opened):
            let isRepeated = if case .repeated = outcome { true } else { false }
            let pass = Redemption.pass(candidate.challenge, opened)
            guard let text = (try? state.keys.seal(pass)) ?? (try? newestKeys()?.seal(pass)) else {
                return .failure(.check(.expired, policy: policy))
            }
            let now = ledger.now().nanoseconds
            guard pass.expires > now else { return .failure(.check(.expired, policy: policy)) }
            let left = pass.expires > now ? pass.expires - now : 0
            return .success(
                Redeemed(
                    policy: policy,
                    pass: pass,
                    text: text,
                    remaining: opened.remaining,
                    expiresInSeconds: Durations.secondsRoundedUp(left),
                    isRepeated: isRepeated
                )
            )
        case .alreadySpent:
            return .failure(.alreadySpent)
        case .expired, .fromFuture:
            return .failure(.check(.expired, policy: policy))
        case .full:
            return .failure(.unavailable)
        case .invalid:
            return .failure(.otherPolicy)
        }
    }
}
