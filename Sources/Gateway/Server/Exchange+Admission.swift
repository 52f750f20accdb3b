import Ledger
import NIOCore
import ProofOfWork
import Settings

/// Admit: DESIGN section 3.
extension Exchange {
    /// Tries when the ledger's limits change while a request is being decided.
    static let admissionTriesMax = 8
    /// Longest `PoW-Solution` that is looked at, in bytes: a challenge, a dot and a solution fit in well.
    static let inLineBytesMax = 2_048

    func admit(_ policy: PolicyRuntime) {
        if redeemed == nil, let solution = head.first("pow-solution") {
            if case .refusal = purpose { examineInLine(solution, policy) } else { redeemInLine(solution, policy) }
        } else {
            startAdmission(policy)
        }
    }

    func startAdmission(_ policy: PolicyRuntime) {
        guard case .policy(_, _, let cost, let charging)? = route?.action else { return }
        let (passes, isAhead) = presentedPasses(policy)
        if isAhead, !hasCaughtUp, mayAsk { return catchUp { self.startAdmission(policy) } }
        let settings = policy.settings
        let keys = state.keys
        let reserve = isNavigation ? settings.reserve : 0
        // What a built-in list lets by, and what browsers ask before a script may send, is charged to the ceiling only.
        let isLetBy = charging == .ceiling || isPreflight(listedBy: settings)
        var admission = Admission(
            policy: policy.id,
            cost: cost,
            passes: passes,
            binding: policy.binding(of: client, keys: keys),
            free: isLetBy ? [] : policy.charges(policy.free, head: head, client: client, keys: keys, reserve: reserve),
            ceiling: policy.charges(policy.ceiling, head: head, client: client, keys: keys, reserve: 0),
            isFreeZero: policy.freeIsZero && !isLetBy,
            chargesNothing: isRefusalQuestion
        )
        observation.admissionBegan = .now()
        let action = admission.begin()
        self.admission = admission
        perform(action)
    }

    func perform(_ action: Admission.Action) {
        wasAsked = if case .charge = action { mayAsk } else { false }
        switch action {
        case .charge(let charge):
            loop.quota.charge(charge, policy!.settings.consistency, mayAsk: mayAsk) { [self] in charged($0) }
        case .chargePassOfHere(let charge):
            loop.quota.chargePassOfHere(charge, policy!.settings.consistency, mayAsk: mayAsk) { [self] result in
                if case .success(.admitted) = result, charge.cost > 0 { loop.observer.letThrough(policy: policy!.name) }
                charged(result)
            }
        case .rebind where !mayAsk:
            undecided(.noQuorum)
        case .rebind(let rebind):
            loop.ledger.submit([.rebind(rebind)]) { [self] result in
                guard !isFinished else { return }
                switch result {
                case .success(let results):
                    guard case .rebound(let outcome)? = results.first else { return undecided() }
                    perform(admission!.rebound(outcome))
                case .failure(let unavailable): undecided(unavailable)
                }
            }
        case .finish(let verdict):
            decided(verdict)
        }
    }

    private func charged(_ result: Result<ChargeOutcome, LedgerUnavailable>) {
        guard !isFinished else { return }
        switch result {
        case .success(let outcome): perform(admission!.charged(outcome))
        case .failure(let unavailable): undecided(unavailable)
        }
    }

    /// The ledger does not hold the policy: another node's file, without it, has changed since.
    func notHeld(_ name: String) {
        loop.reportNotHeld(name)
        guard let settings = state.configuration.policy(named: name), settings.enforce else {
            state.configuration.policy(named: name).map { noteUnenforced(.noQuorum, $0) }
            return forward()
        }
        reply(Refusal(.noQuorum, "The gateway cannot decide by this policy now.", retryAfterSeconds: 1, policy: name))
    }

    func undecided() {
        if policy!.settings.enforce {
            reply(Refusal(.noQuorum, "The gateway cannot decide now.", retryAfterSeconds: 1, policy: policy!.name))
        } else {
            noteUnenforced(.noQuorum, policy!.settings)
            forward()
        }
    }

    private func decided(_ verdict: Admission.Verdict) {
        let policy = policy!
        observe(verdict, of: policy)
        if isRefusalQuestion, policy.settings.enforce, tellInLineRefusal(verdict) { return }
        switch verdict {
        case .admitted where isRefusalQuestion && policy.settings.enforce:
            // What `check` has refused a moment ago would be admitted now.
            refuseForWork(policy, 1)
        case .admitted(let admitted):
            addRateLimitFields(policy, admitted)
            forward()
        case .stale:
            // A reload came between: the request begins anew, by the configuration that holds now.
            admissionTries += 1
            guard admissionTries < Self.admissionTriesMax else { return undecided() }
            state = loop.refreshedState()
            matchRoute()
        case _ where !policy.settings.enforce:
            // It is counted as it would happen, and every request is admitted.
            addRateLimitFields(policy, Admission.Admitted(states: verdict.states, pass: nil))
            forward()
        case .workRequired(let retryAfter, let states, _):
            addRateLimitFields(policy, Admission.Admitted(states: states, pass: nil))
            refuseForWork(policy, retryAfter)
        case .overLimit(let retryAfter, let states, _):
            addRateLimitFields(policy, Admission.Admitted(states: states, pass: nil))
            reply(
                Refusal(
                    .overLimit,
                    "The limit that no work lifts is reached.",
                    retryAfterSeconds: Durations.retryAfterSeconds(retryAfter),
                    policy: policy.name
                )
            )
        case .denied(let retryAfter):
            reply(
                Refusal(
                    .denied,
                    "The operator of this site has banned you for now.",
                    retryAfterSeconds: Durations.retryAfterSeconds(retryAfter),
                    policy: policy.name
                )
            )
        }
    }

    func refuseForWork(_ policy: PolicyRuntime, _ retryAfter: UInt64?) {
        let seconds = Durations.retryAfterSeconds(retryAfter)
        if purpose == .check(.nginx), policy.settings.work != nil {
            // Nobody would see the challenge: nginx asks `refusal` for one.
            noteOffer(policy)
            return reply(Refusal(.workRequired, "Solve a challenge.", policy: policy.name, status: 401))
        }
        let challenge: IssuedChallenge
        switch issueChallenge(policy) {
        case .issued(let issued): challenge = issued
        case .noWork:
            reply(
                Refusal(.overLimit, "The free limit is reached.", retryAfterSeconds: seconds, policy: policy.name)
            )
            return
        case .tooMany(let wait):
            // Whatever comes first: something is free again, or there may be a challenge.
            let wait = Durations.retryAfterSeconds(min(wait, retryAfter ?? wait))
            reply(Refusal(.overLimit, Self.tooManyText, retryAfterSeconds: wait, policy: policy.name))
            return
        }
        let status = policy.freeIsZero ? 401 : 429
        reply(
            Refusal(
                .workRequired,
                workDetail(policy),
                challenge: challenge,
                retryAfterSeconds: seconds,
                policy: policy.name,
                status: status
            )
        )
    }

    private func addRateLimitFields(_ policy: PolicyRuntime, _ admitted: Admission.Admitted) {
        guard admitted.pass != nil || !admitted.states.isEmpty else { return }
        let states = admitted.states
        let now = loop.ledger.now().nanoseconds
        let pass = admitted.pass.map { paid in
            let left = paid.expires.nanoseconds > now ? paid.expires.nanoseconds - now : 0
            return (remaining: paid.remaining, seconds: Durations.secondsRoundedUp(left))
        }
        let withoutPass = policy.isCeilingAlone(states) ? policy.ceilingFields : policy.freeFields
        addedFields.append(
            ("RateLimit-Policy", admitted.pass.map { policy.passFields(granted: $0.granted) } ?? withoutPass)
        )
        addedFields.append(("RateLimit", RateLimitFields.state(policy.limits(ofStep: states), states, pass: pass)))
    }

    // MARK: In line

    private func redeemInLine(_ slice: RequestHead.Slice, _ policy: PolicyRuntime) {
        guard let request = inLineRequest(slice, policy) else {
            refuseInLine(policy, Self.malformedInLine(policy))
            return
        }
        loop.redeemer.redeem(request, state: state) { [self] result in
            observe(result)
            guard !isFinished else { return }
            switch result {
            case .failure(.unavailable) where standing(policy).goesOnWithoutRedeeming:
                // What nobody redeems now is good later; the request is as one without it.
                hasFoundNoQuorum = true
                startAdmission(policy)
            case .success(let redeemed):
                self.redeemed = redeemed
                addedFields.append(("PoW-Pass", redeemed.text))
                startAdmission(policy)
            case .failure(let problem):
                refuseInLine(policy, refusal(of: problem, asked: policy))
            }
        }
    }

    /// A policy that enforces nothing goes on without the solution.
    private func refuseInLine(_ policy: PolicyRuntime, _ refusal: Refusal) {
        if policy.settings.enforce { reply(refusal) } else { startAdmission(policy) }
    }

    /// Looks what is wrong with a solution in line, and spends nothing.
    private func examineInLine(_ slice: RequestHead.Slice, _ policy: PolicyRuntime) {
        if let request = inLineRequest(slice, policy) {
            loop.redeemer.problem(of: request, state: state) { [self] problem in
                guard !isFinished else { return }
                inLineRefusal = problem.map { refusal(of: $0, asked: policy) }
                startAdmission(policy)
            }
        } else {
            inLineRefusal = Self.malformedInLine(policy)
            startAdmission(policy)
        }
    }

    private static func malformedInLine(_ policy: PolicyRuntime) -> Refusal {
        Refusal(.malformed, "PoW-Solution is not one challenge, a dot and its solution.", policy: policy.name)
    }

    /// Whether the question is what `check` would refuse, so that nothing may be charged for it.
    var isRefusalQuestion: Bool {
        if case .refusal = purpose { true } else { false }
    }

    /// Tells what is wrong with a solution, unless the refusal was another limit's: `check` may have spent the solution
    /// itself before it was refused by the ceiling.
    private func tellInLineRefusal(_ verdict: Admission.Verdict) -> Bool {
        guard let refusal = inLineRefusal else { return false }
        switch verdict {
        case .admitted, .workRequired:
            reply(refusal)
            return true
        case .overLimit, .denied, .stale:
            return false
        }
    }

    private func inLineRequest(_ slice: RequestHead.Slice, _ policy: PolicyRuntime) -> RedeemRequest? {
        let text = head.string(slice)
        guard head.all("pow-solution").count == 1, slice.count <= Self.inLineBytesMax,
            let dot = text.utf8.firstIndex(of: UInt8(ascii: ".")), !hasOverlongKey("pow-idempotency-key")
        else { return nil }
        return RedeemRequest(
            token: Array(text.utf8[..<dot]),
            solution: Array(text.utf8[text.utf8.index(after: dot)...]),
            idempotencyKey: idempotencyKey("pow-idempotency-key"),
            client: client,
            policy: policy.id,
            mayAsk: mayAsk
        )
    }

    /// Whether a browser navigates: it then sees a page instead of a problem document.
    var isNavigation: Bool {
        if let destination = head.first("sec-fetch-dest") {
            guard head.equals(destination, "document") || isOwnFrame(destination) else { return false }
            for name: StaticString in ["sec-purpose", "purpose"] {
                if let purpose = head.first(name), head.string(purpose).contains("prefetch") { return false }
            }
            return true
        }
        if head.first("sec-fetch-mode") != nil || head.first("sec-fetch-site") != nil { return false }
        return head.all("accept").contains { head.string($0).lowercased().contains("text/html") }
    }

    /// A frame that a page of the same origin holds; in those of others the page does not show.
    private func isOwnFrame(_ destination: RequestHead.Slice) -> Bool {
        guard head.equals(destination, "iframe") || head.equals(destination, "frame"),
            let site = head.first("sec-fetch-site")
        else { return false }
        return head.equals(site, "same-origin")
    }
}
