import Ledger
import NIOCore
import NIOHTTP1
import ProofOfWork
import Settings

/// The gateway's own endpoints: DESIGN section 5.
extension Exchange {
    static let idempotencyKeyBytesMax = 256

    func serve(_ endpoint: Endpoint) {
        switch endpoint {
        case .challenge where isPreflight:
            answerPreflight(askedPolicy()?.settings)
        case .redeem where isPreflight:
            answerPreflight(nil)
        case .challenge:
            guard head.isGetOrHead else { return refuseMethod("GET, HEAD") }
            serveChallenge()
        case .redeem:
            guard head.equals(head.method, "POST") else { return refuseMethod("POST") }
            collectRedeem()
        case .page(let name):
            guard head.isGetOrHead else { return refuseMethod("GET, HEAD") }
            servePageFile(name)
        case .unknown:
            reply(Refusal(.noRoute, "The gateway has no such endpoint."))
        }
    }

    private func servePageFile(_ name: String) {
        let logo = ChallengePage.policyOfLogo(name).flatMap { state.policies[$0]?.settings.page.logo }
        if let logo {
            replyFile(logo.contentType, logo.bytes, caching: "no-cache", ChallengePage.logoContentSecurityPolicy)
        } else if let (file, mayBeKept) = state.page.file(name) {
            let caching = mayBeKept ? "public, max-age=31536000, immutable" : "no-store"
            let policy = ChallengePage.contentSecurityPolicy(replays: false)
            replyFile(file.contentType, file.bytes, caching: caching, policy)
        } else {
            reply(Refusal(.noRoute, "The challenge page has no such file."))
        }
    }

    private func replyFile(_ contentType: String, _ bytes: [UInt8], caching: String, _ contentSecurityPolicy: String) {
        observation.verdict = .page
        reply(
            status: 200,
            contentType: contentType,
            body: bytes,
            fields: [
                ("Cache-Control", caching), ("X-Content-Type-Options", "nosniff"),
                ("Content-Security-Policy", contentSecurityPolicy), ("Cross-Origin-Resource-Policy", "same-origin"),
            ]
        )
    }

    private func refuseMethod(_ allow: String) {
        reply(Refusal(.methodNotAllowed, "This endpoint takes \(allow).", allow: allow))
    }

    // MARK: challenge

    private func serveChallenge() {
        guard let policy = askedPolicy() else {
            reply(Refusal(.unknownPolicy, "Name a policy of this gateway: ?policy=NAME."))
            return
        }
        self.policy = policy
        let challenge: IssuedChallenge
        switch issueChallenge(policy) {
        case .issued(let issued): challenge = issued
        case .noWork:
            reply(Refusal(.unknownPolicy, "This policy asks for no work.", policy: policy.name))
            return
        case .tooMany(let wait):
            let seconds = Durations.retryAfterSeconds(wait)
            reply(Refusal(.overLimit, Self.tooManyText, retryAfterSeconds: seconds, policy: policy.name))
            return
        }
        observation.verdict = .challenge
        reply(
            status: 200,
            contentType: "application/json",
            body: Array(challenge.json.utf8),
            fields: [("Cache-Control", "no-store")] + crossOriginFields(policy.settings)
        )
    }

    private func askedPolicy() -> PolicyRuntime? {
        let query = target!.query.dropFirst()
        if query.isEmpty { return state.policies.only }
        guard let form = FormFields(Array(query)), let name = form["policy"] else { return nil }
        return state.policies[name]
    }

    // MARK: redeem

    private func collectRedeem() {
        if let length = announcedBodyBytes, length > Self.endpointBodyBytesMax {
            keepAlive = false
            tooLarge(for: .redemption)
            return
        }
        guard mediaType() != nil else {
            reply(
                Refusal(
                    .unsupportedMediaType,
                    "Send application/json or application/x-www-form-urlencoded with challenge and solution."
                )
            )
            return
        }
        collect(.redemption)
    }

    private enum MediaType { case json, form }

    private func mediaType() -> MediaType? {
        guard let slice = head.first("content-type") else { return nil }
        let type = head.string(slice).split(separator: ";").first?.trimmingASCIIWhiteSpace().lowercased()
        return type == "application/json" ? .json : type == "application/x-www-form-urlencoded" ? .form : nil
    }

    func redeem(body: ByteBuffer) {
        phase = .waiting
        guard let (token, solution) = solutionFields(body) else {
            reply(Refusal(.malformed, "The body is not an object with the members \"challenge\" and \"solution\"."))
            return
        }
        if hasOverlongKey("idempotency-key") {
            reply(Refusal(.malformed, "Idempotency-Key is longer than \(Self.idempotencyKeyBytesMax) bytes."))
            return
        }
        let request = RedeemRequest(
            token: Array(token.utf8),
            solution: Array(solution.utf8),
            idempotencyKey: idempotencyKey("idempotency-key"),
            client: client,
            policy: nil
        )
        loop.redeemer.redeem(request, state: state) { [self] result in
            observe(result)
            guard !isFinished else { return }
            switch result {
            case .success(let redeemed): answer(redeemed)
            case .failure(let problem): reply(refusal(of: problem, asked: nil))
            }
        }
    }

    /// Whether the request has an idempotency key that is longer than one may be.
    func hasOverlongKey(_ name: StaticString) -> Bool {
        head.first(name).map { $0.count > Self.idempotencyKeyBytesMax } ?? false
    }

    /// The request's idempotency key. An empty one is none: everybody would know it.
    func idempotencyKey(_ name: StaticString) -> QuotaKey? {
        guard let slice = head.first(name), slice.count > 0 else { return nil }
        return head.withBytes(slice) { QuotaKey(state.keys.idempotencyKey($0)) }
    }

    private func solutionFields(_ body: ByteBuffer) -> (String, String)? {
        let bytes = Array(body.readableBytesView)
        switch mediaType() {
        case .json:
            return Self.solutionFields(json: bytes)
        case .form:
            guard let form = FormFields(bytes), let solution = form["solution"] else { return nil }
            returnPath = ReturnPath.safe(form["return"])
            // A person pastes the line that `tollgate solve` has printed, which holds both.
            let pasted = solution.trimmingWhiteSpaceAndLineBreaks()
            if pasted.utf8.first == UInt8(ascii: "{") { return Self.solutionFields(json: Array(pasted.utf8)) }
            return form["challenge"].map { ($0, String(pasted)) }
        case nil:
            return nil
        }
    }

    private static func solutionFields(json bytes: [UInt8]) -> (String, String)? {
        guard let object = FlatJSON(bytes), let token = object["challenge"], let solution = object["solution"] else {
            return nil
        }
        return (token, solution)
    }

    private func answer(_ redeemed: Redeemed) {
        var json = JSONText()
        json.begin()
        json.member("pass", redeemed.text)
        json.member("grants", redeemed.remaining)
        json.member("expires_in", redeemed.expiresInSeconds)
        json.end()
        let cookie = PassCookies.setCookie(
            pass: redeemed.text,
            policy: redeemed.policy.name,
            isHTTPS: identity!.isHTTPS,
            maxAgeSeconds: redeemed.expiresInSeconds
        )
        self.policy = redeemed.policy
        observation.verdict = .redeemed
        var fields: [(name: String, value: String)] = [("Cache-Control", "no-store"), ("Set-Cookie", cookie)]
        if let returnPath, isNavigation {
            // The form of the page without JavaScript: back to where its reader wanted to go.
            fields.append(("Location", returnPath))
            reply(status: 303, contentType: nil, body: [], fields: fields)
            return
        }
        fields += crossOriginFields(redeemed.policy.settings)
        reply(status: 200, contentType: "application/json", body: Array(json.text.utf8), fields: fields)
    }

    // MARK: Why not

    func refusal(of problem: RedeemProblem, asked: PolicyRuntime?) -> Refusal {
        switch problem {
        case .check(.malformed(let why), _):
            return Refusal(.malformed, why)
        case .check(.notAuthentic, _):
            return Refusal(.wrongSolution, "The challenge is not one that this gateway issued.")
        case .check(.wrongSolution, _):
            return Refusal(.wrongSolution, "A round of the solution misses the target.")
        case .check(.expired, _), .check(.laterEpoch, _):
            return Refusal(.expired, "The challenge is too old: ask for a new one.")
        case .check(.otherClient, let policy):
            let policy = policy ?? asked
            let issue = policy.map { issueChallenge($0) }
            let detail = "The challenge was issued to another address"
            guard case .tooMany(let wait)? = issue else {
                return Refusal(
                    .otherClient,
                    detail + ": solve this one.",
                    challenge: issue?.challenge,
                    policy: policy?.name
                )
            }
            return Refusal(
                .otherClient,
                detail + ", and too many were asked for from yours: wait.",
                retryAfterSeconds: Durations.retryAfterSeconds(wait),
                policy: policy?.name
            )
        case .alreadySpent:
            return Refusal(.alreadySpent, "This challenge has been redeemed before.")
        case .otherPolicy:
            return Refusal(.unknownPolicy, "The challenge belongs to a policy that does not hold here.")
        case .elsewhere:
            return Refusal(
                .expired,
                "The challenge is good at the node alone that issued it, while that runs: ask for a new one here."
            )
        case .unavailable:
            return Refusal(.noQuorum, "The gateway cannot decide now.", retryAfterSeconds: 1)
        }
    }
}
