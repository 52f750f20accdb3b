import Ledger
import ProofOfWork

/// The decision on one request under one policy, as a state machine: DESIGN section 3, "Admit".
///
///     pass 1 ─ refused ─▶ pass 2 … ─▶ free and ceiling ─▶ admitted | refused
///       └ other client ─▶ rebind ─▶ the same pass again
///
/// It knows neither loops nor sockets: each event returns what to do next. All limits of one step are charged together
/// or not at all, so a refused request drains nothing.
struct Admission {
    enum Action: Equatable {
        case charge(Charge)
        /// The pass is good at this node alone, which charges it by itself.
        case chargePassOfHere(Charge)
        case rebind(Rebind)
        case finish(Verdict)
    }

    enum Verdict: Equatable {
        case admitted(Admitted)
        /// Over the free limits: a challenge helps, and so does waiting this long (nil: never). `refusing` is the place in
        /// `states` of the limit that clears last; nil where nothing is free.
        case workRequired(retryAfterNanoseconds: UInt64?, states: [LimitState], refusing: Int?)
        /// Over the ceiling: only waiting helps. `refusing` as above.
        case overLimit(retryAfterNanoseconds: UInt64?, states: [LimitState], refusing: Int)
        /// An override bans the client.
        case denied(retryAfterNanoseconds: UInt64?)
        /// The ledger's limits have changed since the request was prepared: prepare it anew.
        case stale

        /// What the limits held that were asked.
        var states: [LimitState] {
            switch self {
            case .admitted(let admitted): admitted.states
            case .workRequired(_, let states, _), .overLimit(_, let states, _): states
            case .denied, .stale: []
            }
        }
    }

    struct Admitted: Equatable {
        /// What the charged limits hold now: of the ceiling with a pass, of free and ceiling without.
        var states: [LimitState]
        /// What is left of the pass that paid, and until when it lives.
        var pass: Paid?
    }

    struct Paid: Equatable {
        var remaining: UInt32
        var expires: LedgerTime
        /// What it was opened with.
        var granted: UInt32
    }

    private enum State: Equatable {
        /// Waiting for the charge of the pass at this place in the list.
        case passCharge(Int, rebound: Bool)
        case passRebind(Int)
        case freeCharge
        /// Waiting for a look at the ceiling: where nothing is free, or where it has refused. What comes of the request
        /// where nobody knows the ceiling.
        case ceilingLook(otherwise: Verdict)
        case finished
    }

    private let policy: PolicyID
    private let cost: UInt32
    private let passes: [Pass]
    /// The client's binding now. Whether a pass is bound is the pass's own affair.
    private let binding: UInt64
    private let free: [LimitCharge]
    private let ceiling: [LimitCharge]
    private let isFreeZero: Bool
    private let chargesNothing: Bool
    private var state: State = .finished

    /// - Parameters:
    ///   - passes: authentic, unexpired passes for this policy, in the order in which they were shown; a bounded number.
    ///   - chargesNothing: only looks what the verdict would be; no limit and no pass is charged, and none is rebound.
    init(
        policy: PolicyID,
        cost: UInt32,
        passes: [Pass],
        binding: UInt64,
        free: [LimitCharge],
        ceiling: [LimitCharge],
        isFreeZero: Bool,
        chargesNothing: Bool = false
    ) {
        self.policy = policy
        self.cost = cost
        self.passes = passes
        self.binding = binding
        self.free = free
        self.ceiling = ceiling
        self.isFreeZero = isFreeZero
        self.chargesNothing = chargesNothing
    }

    mutating func begin() -> Action {
        tryPass(0)
    }

    mutating func charged(_ outcome: ChargeOutcome) -> Action {
        switch (state, outcome) {
        case (_, .invalid):
            return finish(.stale)
        case (_, .denied(let retryAfter)):
            return finish(.denied(retryAfterNanoseconds: retryAfter))
        case (.passCharge(let index, _), .admitted(_, let remaining)) where chargesNothing && (remaining ?? 0) < cost:
            // It has been looked at only: a charge would have found it empty.
            return tryPass(index + 1)
        case (.passCharge(let index, _), .admitted(let states, let remaining)):
            let paid = Paid(
                remaining: remaining ?? 0,
                expires: LedgerTime(nanoseconds: passes[index].expires),
                granted: passes[index].grants
            )
            return finish(.admitted(Admitted(states: states, pass: paid)))
        case (.passCharge, .refused(let limit, let retryAfter, let states)):
            return finish(
                .overLimit(retryAfterNanoseconds: Self.finite(retryAfter), states: states, refusing: limit)
            )
        case (.passCharge(let index, rebound: false), .passRefused(.otherClient))
        where !chargesNothing && passes[index].origin == nil:
            state = .passRebind(index)
            return .rebind(
                Rebind(
                    challenge: ChallengeID(passes[index].id),
                    policy: policy,
                    recordExpiry: LedgerTime(nanoseconds: passes[index].recordExpiry),
                    binding: binding
                )
            )
        case (.passCharge(let index, _), .passRefused):
            return tryPass(index + 1)
        case (.freeCharge, .admitted(let states, _)):
            return finish(.admitted(Admitted(states: states, pass: nil)))
        case (.freeCharge, .refused(let limit, let retryAfter, let states)):
            // Over the ceiling nothing helps but waiting, and how long it says itself: the free limits do not count then.
            let refusal = Verdict.workRequired(
                retryAfterNanoseconds: Self.finite(retryAfter),
                states: states,
                refusing: limit
            )
            if states.suffix(ceiling.count).contains(where: { $0.remaining < UInt64(cost) }) {
                return look(otherwise: overKnownCeiling(states) ?? refusal)
            }
            return finish(refusal)
        case (.ceilingLook, .admitted):
            return finish(.workRequired(retryAfterNanoseconds: nil, states: [], refusing: nil))
        case (.ceilingLook, .refused(let limit, let retryAfter, let states)):
            return finish(
                .overLimit(retryAfterNanoseconds: Self.finite(retryAfter), states: states, refusing: limit)
            )
        default:
            preconditionFailure("a charge was answered that the admission did not ask for")
        }
    }

    mutating func rebound(_ outcome: RebindOutcome) -> Action {
        guard case .passRebind(let index) = state else {
            preconditionFailure("a rebind was answered that the admission did not ask for")
        }
        switch outcome {
        case .rebound, .unchanged:
            state = .passCharge(index, rebound: true)
            return charge(passAt: index)
        case .tooSoon, .exhausted, .unknown:
            return tryPass(index + 1)
        }
    }

    /// Nobody says what becomes of this step.
    /// - Returns: what else may pay; nil where nothing does, which ends the admission.
    mutating func undecided() -> Action? {
        switch state {
        case .passCharge(let index, _), .passRebind(let index): return tryPass(index + 1)
        case .ceilingLook(let otherwise): return finish(otherwise)
        case .freeCharge, .finished:
            state = .finished
            return nil
        }
    }

    /// Nobody says what becomes of this step, and what nobody decides is let through: ``stepCharge``.
    /// - Returns: nil where the request is; else its refusal. Nobody gets past the free limits since the ceiling is not known.
    mutating func undecidedAndLetThrough() -> Action? {
        guard case .ceilingLook(let otherwise) = state else { return nil }
        return finish(otherwise)
    }

    /// What was to be let through beside a pass is refused by what the node itself counts of ``stepCharge``; nil: it is not.
    mutating func refusedHere(_ outcome: ChargeOutcome) -> Action? {
        switch outcome {
        case .admitted, .passRefused: nil
        case .refused(let limit, let retryAfter, let states):
            finish(.overLimit(retryAfterNanoseconds: Self.finite(retryAfter), states: states, refusing: limit))
        case .denied(let retryAfter): finish(.denied(retryAfterNanoseconds: retryAfter))
        case .invalid: finish(.stale)
        }
    }

    /// What this step is to charge beside a pass.
    var stepCharge: Charge {
        let isFree = if case .freeCharge = state { true } else { false }
        return Charge(policy: policy, cost: cost, pass: nil, limits: isFree ? free + ceiling : ceiling)
    }

    private mutating func tryPass(_ index: Int) -> Action {
        if index < passes.count {
            state = .passCharge(index, rebound: false)
            return charge(passAt: index)
        }
        if isFreeZero {
            if ceiling.isEmpty { return finish(.workRequired(retryAfterNanoseconds: nil, states: [], refusing: nil)) }
            return look(otherwise: .workRequired(retryAfterNanoseconds: nil, states: [], refusing: nil))
        }
        state = .freeCharge
        return .charge(charge(pass: nil, limits: free + ceiling))
    }

    /// Asks whether the ceiling has room, and charges nothing.
    private mutating func look(otherwise verdict: Verdict) -> Action {
        state = .ceilingLook(otherwise: verdict)
        return .charge(Self.look(policy, cost, pass: nil, limits: ceiling))
    }

    /// The refusal by a ceiling of which something is known: a limit of no burst is one of which nothing is.
    private func overKnownCeiling(_ states: [LimitState]) -> Verdict? {
        let ceilingStates = Array(states.suffix(ceiling.count))
        guard
            let refusing = ceilingStates.firstIndex(where: { $0.burst > 0 && $0.remaining < UInt64(cost) })
        else { return nil }
        let state = ceilingStates[refusing]
        // Units come back one after the other until the bucket is full.
        let interval = state.resetNanoseconds / max(1, state.burst - min(state.remaining, state.burst))
        let (wait, overflow) = interval.multipliedReportingOverflow(by: UInt64(cost) - state.remaining)
        return .overLimit(
            retryAfterNanoseconds: overflow ? nil : wait,
            states: ceilingStates,
            refusing: refusing
        )
    }

    /// A charge of nothing that is refused where one of `cost` would be.
    private static func look(_ policy: PolicyID, _ cost: UInt32, pass: PassCharge?, limits: [LimitCharge]) -> Charge {
        let limits = limits.map { limit in
            var limit = limit
            // Both are bounded by the configuration far below what would overflow.
            limit.reserve += cost
            return limit
        }
        return Charge(policy: policy, cost: 0, pass: pass, limits: limits)
    }

    private func charge(pass: PassCharge?, limits: [LimitCharge]) -> Charge {
        chargesNothing
            ? Self.look(policy, cost, pass: pass, limits: limits)
            : Charge(policy: policy, cost: cost, pass: pass, limits: limits)
    }

    private func charge(passAt index: Int) -> Action {
        passes[index].origin == nil ? .charge(passCharge(index)) : .chargePassOfHere(passCharge(index))
    }

    private func passCharge(_ index: Int) -> Charge {
        let pass = passes[index]
        return charge(
            pass: PassCharge(
                challenge: ChallengeID(pass.id),
                recordExpiry: LedgerTime(nanoseconds: pass.recordExpiry),
                binding: binding
            ),
            limits: ceiling
        )
    }

    private mutating func finish(_ verdict: Verdict) -> Action {
        state = .finished
        return .finish(verdict)
    }

    private static func finite(_ nanoseconds: UInt64) -> UInt64? {
        nanoseconds == .max ? nil : nanoseconds
    }
}
