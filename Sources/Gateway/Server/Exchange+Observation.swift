import Ledger
import NIOCore
import Settings

/// What is told of the request: to the access log, to whoever asks for its id, to the metrics.
extension Exchange {
    // MARK: What becomes known

    /// The policy has been asked and has decided.
    func observe(_ verdict: Admission.Verdict, of policy: PolicyRuntime) {
        if let began = observation.admissionBegan {
            loop.observer.decided(policy.settings.consistency, since: began)
        }
        switch verdict {
        case .admitted(let admitted):
            if let pass = admitted.pass {
                observation.verdict = .admittedPass
                observation.limit = LimitReading(
                    name: "pass",
                    key: "",
                    rate: "",
                    burst: UInt64(pass.granted),
                    remaining: UInt64(pass.remaining)
                )
            } else {
                observation.verdict = policy.isCeilingAlone(admitted.states) ? .admittedCeiling : .admittedFree
                observation.limit = policy.nearest(ofStep: admitted.states)
            }
        case .workRequired(let retryAfter, let states, let refusing):
            observation.clearsAfterNanoseconds = retryAfter
            observation.limit =
                policy.freeIsZero
                ? .nothingFree : refusing.flatMap { policy.reading($0, ofStep: states) }
            if !policy.settings.enforce { noteOffer(policy) }
            noteUnenforced(.workRequired, policy.settings)
        case .overLimit(let retryAfter, let states, let refusing):
            observation.clearsAfterNanoseconds = retryAfter
            observation.limit = policy.reading(refusing, ofStep: states)
            noteUnenforced(.overLimit, policy.settings)
        case .denied(let retryAfter):
            observation.clearsAfterNanoseconds = retryAfter
            noteUnenforced(.denied, policy.settings)
        case .stale:
            break
        }
    }

    /// What a policy that enforces nothing would have refused is told like a refusal, marked as none.
    func noteUnenforced(_ kind: RefusalKind, _ settings: PolicySettings) {
        if settings.enforce { return }
        observation.verdict = .wouldRefuse
        observation.reason = kind
        loop.observer.refused(refusalRecord(kind, detail: kind.title, isEnforced: false))
    }

    /// A refusal is about to be answered; what is answered in the end is told by ``observeReply(status:bytes:)``.
    func observe(_ refusal: Refusal) {
        observation.verdict = .refused(refusal.kind)
        observation.refusal = refusal
    }

    /// The head of a response of our own is about to be written.
    func observeReply(status: Int, bytes: Int) {
        observation.status = status
        observation.bytesOut = UInt64(bytes)
        guard let refusal = observation.refusal else { return }
        // Before the client has the id that it may ask with.
        loop.observer.refused(refusalRecord(refusal.kind, detail: refusal.detail, isEnforced: true))
        if case .refusal = purpose {
            observation.verdict = .refusalShown
            observation.reason = refusal.kind
        }
    }

    func observe(_ result: Result<Redeemed, RedeemProblem>) {
        let policy: PolicyRuntime? =
            switch result {
            case .success(let redeemed): redeemed.policy
            case .failure(.check(_, let policy)): policy
            case .failure: nil
            }
        loop.observer.count(ChallengeEvent(result), policy: policy?.name)
    }

    /// The response has ended, one way or another. Only the first end counts.
    ///
    /// - Parameter isWritten: whether the kernel has taken all of it.
    func observeEnd(isWritten: Bool) {
        guard !observation.isRecorded else { return }
        observation.isRecorded = true
        let verdict = observation.verdict ?? .abandoned
        loop.observer.finished(route: route?.name, policy: policy?.name, verdict)
        let log = state.configuration.log
        if log.access == .off { return }
        let end: ResponseEnd = isWritten ? .complete : observation.isCutOff ? .cutOff : .clientGone
        loop.observer.write(record(verdict, end), log)
    }

    // MARK: Records

    private func record(_ verdict: RequestVerdict, _ end: ResponseEnd) -> RequestRecord {
        RequestRecord(
            purpose: purposeName,
            requestID: requestID,
            client: loop.observer.text(identity?.address ?? front.peer, state.configuration.log),
            method: head.string(head.method),
            host: target?.host ?? [],
            path: target?.path.forwarded ?? [],
            listener: front.listener.name,
            route: route?.name,
            policy: policy?.name,
            verdict: verdict,
            reason: observation.reason,
            limit: observation.limit,
            price: price,
            status: observation.status,
            upstreamStatus: observation.upstreamStatus,
            bytesIn: requestBytes,
            bytesOut: observation.bytesOut,
            durationNanoseconds: (NIODeadline.now() - observation.began).nanoseconds,
            end: end
        )
    }

    private func refusalRecord(_ kind: RefusalKind, detail: String, isEnforced: Bool) -> RefusalRecord {
        // Also where nobody has seen a challenge: nginx asks for it with another request.
        let isWork = kind == .workRequired || observation.refusal?.challenge != nil
        let work = isWork ? observation.offer : nil
        return RefusalRecord(
            time: .now(),
            requestID: requestID,
            purpose: purposeName,
            client: loop.observer.text(identity?.address ?? front.peer, state.configuration.log),
            method: head.string(head.method.prefix(RefusalRecord.methodBytesMax)),
            host: target.map { String(decoding: $0.host, as: UTF8.self) } ?? "",
            path: Array(target?.path.forwarded.prefix(RefusalRecord.pathBytesMax) ?? []),
            listener: front.listener.name,
            route: route?.name,
            policy: policy?.name,
            isEnforced: isEnforced,
            kind: kind,
            status: observation.status,
            detail: detail,
            limit: observation.limit,
            clearsAfterNanoseconds: observation.clearsAfterNanoseconds,
            price: price,
            work: work.map {
                RefusalRecord.Work(
                    difficulty: $0.difficulty,
                    rounds: policy?.settings.work?.rounds ?? 1,
                    grants: $0.grants
                )
            },
            consistency: policy?.settings.consistency
        )
    }

    private var purposeName: String {
        switch purpose {
        case .proxy: "proxy"
        case .check: "check"
        case .refusal: "refusal"
        }
    }

    /// Of a challenge, where one was given out or would have been.
    private var price: Double? { observation.offer?.priceNumber }
}
