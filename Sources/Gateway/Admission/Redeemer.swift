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
    /// It is good at another node alone, or was until that one ended, or this one ended and began anew, or its policy had no
    /// node decide by itself any more.
    case elsewhere
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
    /// Whether the ledger is asked for what this node cannot decide; if not, that is unavailable at once.
    var mayAsk = true
}

/// Takes solutions through the checks of ``Redemption`` and spends what passes. Confined to its event loop.
///
/// A token of an epoch of the keys after all that this node knows is not judged before the node has caught up with what
/// was decided anywhere: another node may have sealed it a moment ago. Once it has, there is no such epoch.
final class Redeemer {
    /// Tries of one redemption: a waiter looks again when the spender before it has finished.
    static let triesMax = 8

    private let eventLoop: any EventLoop
    let ledger: any LedgerClient
    private let spending: SpendingTable
    let observer: LoopObserver?
    /// Where challenges are spent that are good at this node alone; nil: there are none.
    let offline: OfflineDesk?
    /// The keys of the ledger's newest facts: an epoch may have begun between a request and its result, which says the epoch
    /// that its pass is of.
    var newestKeys: () -> KeyRing? = { nil }

    /// - Parameter observer: is told how long checks take.
    init(
        eventLoop: any EventLoop,
        ledger: any LedgerClient,
        spending: SpendingTable,
        observer: LoopObserver? = nil,
        offline: OfflineDesk? = nil
    ) {
        self.eventLoop = eventLoop
        self.ledger = ledger
        self.spending = spending
        self.observer = observer
        self.offline = offline
    }

    /// - Parameter completion: called once on the loop; at once where nothing has to be asked for.
    func redeem(
        _ request: RedeemRequest,
        state: GatewayState,
        completion: @escaping (Result<Redeemed, RedeemProblem>) -> Void
    ) {
        open(request, state) { opened, began in
            do throws(RedeemProblem) {
                let candidate = try opened.get()
                let policy = state.policies[PolicyID(rawValue: candidate.challenge.policy)]
                guard let policy, request.policy == nil || request.policy == policy.id else { throw .otherPolicy }
                try self.check(request, candidate, policy, state)
                guard candidate.challenge.origin == nil else {
                    return completion(self.redeemHere(request, candidate, policy, state, began: began))
                }
                self.proceed(request, candidate, policy, state, began: began, tries: Self.triesMax, completion)
            } catch {
                if case .check = error { self.observer?.verified(since: began) }
                completion(.failure(error))
            }
        }
    }

    /// What is wrong with a solution, if anything is; it is not spent.
    ///
    /// - Parameter completion: as of ``redeem(_:state:completion:)``.
    func problem(of request: RedeemRequest, state: GatewayState, completion: @escaping (RedeemProblem?) -> Void) {
        open(request, state) { opened, _ in
            do throws(RedeemProblem) {
                let candidate = try opened.get()
                let policy = state.policies[PolicyID(rawValue: candidate.challenge.policy)]
                guard let policy, request.policy == nil || request.policy == policy.id else { throw .otherPolicy }
                try self.check(request, candidate, policy, state)
                guard candidate.challenge.origin == nil else {
                    try self.problemHere(request, candidate, policy)
                    return completion(nil)
                }
                let spend = Redemption.spend(candidate.challenge, idempotencyKey: request.idempotencyKey)
                let known = self.ledger.spent(spend)
                if known == nil || request.idempotencyKey != nil {
                    guard Self.isSolved(request, candidate) else { throw .check(.wrongSolution, policy: policy) }
                }
                if let known { _ = try self.pass(of: known, candidate, policy) }
                completion(nil)
            } catch {
                completion(error)
            }
        }
    }

    // MARK: - Checks

    /// Size, form and authenticity.
    ///
    /// - Parameter completion: also says when the checks began.
    private func open(
        _ request: RedeemRequest,
        _ state: GatewayState,
        _ completion: @escaping (Result<Redemption.Candidate, RedeemProblem>, _ began: NIODeadline) -> Void
    ) {
        let began = NIODeadline.now()
        let opened = Self.open(request, keys: state.keys)
        guard opened.failure == .laterEpoch else {
            return completion(opened.mapError { .check($0, policy: nil) }, began)
        }
        let again = newestKeys().map { Self.open(request, keys: $0) } ?? opened
        guard again.failure == .laterEpoch else {
            return completion(again.mapError { .check($0, policy: nil) }, began)
        }
        // What this node has sealed for itself alone it can open.
        guard request.token.count <= Challenge.textLength else { return completion(.failure(.elsewhere), began) }
        guard request.mayAsk else { return completion(.failure(.unavailable), began) }
        ledger.catchUp { result in
            guard case .success = result else { return completion(.failure(.unavailable), began) }
            let began = NIODeadline.now()
            let opened = Self.open(request, keys: self.newestKeys() ?? state.keys)
            completion(opened.mapError { .check($0 == .laterEpoch ? .expired : $0, policy: nil) }, began)
        }
    }

    private static func open(
        _ request: RedeemRequest,
        keys: KeyRing
    ) -> Result<Redemption.Candidate, Redemption.Problem> {
        request.token.withUnsafeBytes { token in
            request.solution.withUnsafeBytes { solution in
                Result { () throws(Redemption.Problem) in try Redemption.open(token, solution, keys: keys) }
            }
        }
    }

    /// Expiry and binding.
    private func check(
        _ request: RedeemRequest,
        _ candidate: Redemption.Candidate,
        _ policy: PolicyRuntime,
        _ state: GatewayState
    ) throws(RedeemProblem) {
        do throws(Redemption.Problem) {
            try Redemption.check(candidate.challenge, now: ledger.now()) {
                policy.binding(of: request.client, keys: state.keys)
            }
        } catch { throw .check(error, policy: policy) }
    }

    static func isSolved(_ request: RedeemRequest, _ candidate: Redemption.Candidate) -> Bool {
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
        let spend = Redemption.spend(
            candidate.challenge,
            idempotencyKey: request.idempotencyKey,
            from: ledger.facts.ledgerVersion >= Ledger.lendingVersion
                ? QuotaKeys.prefixes(request.client, state.keys) : nil
        )
        let known = ledger.spent(spend)
        if let known, request.idempotencyKey == nil {
            finish(known, candidate, policy, state, completion)
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
            finish(known, candidate, policy, state, completion)
            return
        }
        guard tries > 0, request.mayAsk else { return completion(.failure(.unavailable)) }
        let box = NIOLoopBound((self, completion), eventLoop: eventLoop)
        let then: @Sendable (Bool) -> Void = { isDecided in
            let (redeemer, completion) = box.value
            guard isDecided else { return completion(.failure(.unavailable)) }
            redeemer.proceed(request, candidate, policy, state, began: nil, tries: tries - 1, completion)
        }
        switch spending.enter(spend.challenge, on: eventLoop, then: then) {
        case .waiting:
            return
        case .full:
            completion(.failure(.unavailable))
        case .first:
            ledger.submit([.spend(spend)]) { result in
                switch result {
                case .success(let results):
                    self.spending.finish(spend.challenge, isDecided: true)
                    guard case .spent(let outcome)? = results.first else { return completion(.failure(.unavailable)) }
                    self.finish(outcome, candidate, policy, state, completion)
                case .failure:
                    self.spending.finish(spend.challenge, isDecided: false)
                    completion(.failure(.unavailable))
                }
            }
        }
    }

    // MARK: - The pass

    /// Seals the pass of an outcome, if it has one.
    ///
    /// The ledger says under which epoch: it may have begun since the request did, or be one of which this loop has not heard
    /// yet.
    private func finish(
        _ outcome: SpendOutcome,
        _ candidate: Redemption.Candidate,
        _ policy: PolicyRuntime,
        _ state: GatewayState,
        _ completion: @escaping (Result<Redeemed, RedeemProblem>) -> Void
    ) {
        do throws(RedeemProblem) {
            let (pass, remaining, isRepeated) = try self.pass(of: outcome, candidate, policy)
            func redeemed(_ keys: KeyRing) -> Result<Redeemed, TokenError> {
                Result { () throws(TokenError) in
                    let now = ledger.now().nanoseconds
                    return Redeemed(
                        policy: policy,
                        pass: pass,
                        text: try keys.seal(pass),
                        remaining: remaining,
                        expiresInSeconds: Durations.secondsRoundedUp(pass.expires > now ? pass.expires - now : 0),
                        isRepeated: isRepeated
                    )
                }
            }
            let expired = RedeemProblem.check(.expired, policy: policy)
            let first = redeemed(state.keys)
            guard first.failure == .laterEpoch else { return completion(first.mapError { _ in expired }) }
            if let newest = newestKeys(), case .success(let second) = redeemed(newest) {
                return completion(.success(second))
            }
            ledger.catchUp { result in
                guard case .success = result else { return completion(.failure(.unavailable)) }
                completion(redeemed(self.newestKeys() ?? state.keys).mapError { _ in expired })
            }
        } catch {
            completion(.failure(error))
        }
    }

    /// The pass of an outcome.
    private func pass(
        of outcome: SpendOutcome,
        _ candidate: Redemption.Candidate,
        _ policy: PolicyRuntime
    ) throws(RedeemProblem) -> (Pass, remaining: UInt32, isRepeated: Bool) {
        switch outcome {
        case .opened(let opened), .repeated(let opened):
            let isRepeated = if case .repeated = outcome { true } else { false }
            let pass = Redemption.pass(candidate.challenge, opened)
            guard pass.expires > ledger.now().nanoseconds else { throw .check(.expired, policy: policy) }
            return (pass, opened.remaining, isRepeated)
        case .alreadySpent: throw .alreadySpent
        case .expired, .fromFuture: throw .check(.expired, policy: policy)
        case .full: throw .unavailable
        case .invalid: throw .otherPolicy
        }
    }
}

extension Result {
    /// Why it failed; nil where it did not.
    fileprivate var failure: Failure? { if case .failure(let failure) = self { failure } else { nil } }
}
