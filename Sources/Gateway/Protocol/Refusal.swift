/// Why a request is not forwarded, as `application/problem+json` says it (RFC 9457; DESIGN section 5, "Refusals").
enum RefusalKind: String, Sendable, CaseIterable {
    case workRequired = "work-required"
    case overLimit = "over-limit"
    case malformed
    case unknownPolicy = "unknown-policy"
    case wrongSolution = "wrong-solution"
    case otherClient = "other-client"
    case expired
    case alreadySpent = "already-spent"
    case noQuorum = "no-quorum"
    case denied
    case untrustedProxy = "untrusted-proxy"
    case noRoute = "no-route"
    case tooLarge = "too-large"
    case unsupportedMediaType = "unsupported-media-type"
    case methodNotAllowed = "method-not-allowed"
    case notImplemented = "not-implemented"
    case upstreamFailed = "upstream-failed"
    case upstreamTimeout = "upstream-timeout"
    case upstreamUnavailable = "upstream-unavailable"
    case timeout

    var type: String { "urn:tollgate:" + rawValue }

    /// The status that the table of DESIGN section 5 gives; `workRequired` is 401 where the free rate is 0.
    var status: Int {
        switch self {
        case .workRequired, .overLimit: 429
        case .malformed: 400
        case .unknownPolicy, .noRoute: 404
        case .wrongSolution, .otherClient, .denied, .untrustedProxy: 403
        case .expired: 410
        case .alreadySpent: 409
        case .tooLarge: 413
        case .unsupportedMediaType: 415
        case .methodNotAllowed: 405
        case .notImplemented: 501
        case .upstreamFailed: 502
        case .noQuorum, .upstreamUnavailable: 503
        case .upstreamTimeout: 504
        case .timeout: 408
        }
    }

    var title: String {
        switch self {
        case .workRequired: "Solve a challenge to continue"
        case .overLimit: "Too many requests"
        case .malformed: "The request is malformed"
        case .unknownPolicy: "There is no such policy"
        case .wrongSolution: "The solution is wrong"
        case .otherClient: "The challenge belongs to another client"
        case .expired: "The challenge has expired"
        case .alreadySpent: "The challenge has been redeemed before"
        case .noQuorum: "The gateway cannot decide now"
        case .denied: "Access denied"
        case .untrustedProxy: "This listener does not answer you"
        case .noRoute: "No route matches this request"
        case .tooLarge: "The request is too large"
        case .unsupportedMediaType: "This media type is not accepted here"
        case .methodNotAllowed: "This method is not allowed here"
        case .notImplemented: "Not implemented"
        case .upstreamFailed: "The service behind the gateway failed"
        case .upstreamTimeout: "The service behind the gateway did not answer in time"
        case .upstreamUnavailable: "The service behind the gateway cannot be reached"
        case .timeout: "The request took too long to arrive"
        }
    }
}

/// A refusal, complete but for how it is shown (problem document or page).
struct Refusal: Sendable {
    var kind: RefusalKind
    var status: Int
    var detail: String
    /// The challenge that would help, where one would.
    var challenge: IssuedChallenge?
    /// Seconds after which waiting would do.
    var retryAfterSeconds: UInt64?
    /// Name of the policy that refused, where one did.
    var policy: String?
    /// `Allow`, for 405.
    var allow: String?

    init(
        _ kind: RefusalKind,
        _ detail: String,
        challenge: IssuedChallenge? = nil,
        retryAfterSeconds: UInt64? = nil,
        policy: String? = nil,
        allow: String? = nil,
        status: Int? = nil
    ) {
        self.kind = kind
        self.status = status ?? kind.status
        self.detail = detail
        self.challenge = challenge
        self.retryAfterSeconds = retryAfterSeconds
        self.policy = policy
        self.allow = allow
    }

    /// The problem document. `instance` is the request's id.
    func problem(requestID: String) -> String {
        var json = JSONText()
        json.begin()
        json.member("type", kind.type)
        json.member("title", kind.title)
        json.member("status", status)
        json.member("detail", detail)
        json.member("instance", requestID)
        if let policy { json.member("policy", policy) }
        if let retryAfterSeconds { json.member("retry_after", retryAfterSeconds) }
        if let challenge { json.member("challenge", raw: challenge.json) }
        json.end()
        return json.text
    }

    /// The fields that the refusal adds to its response, besides the body's.
    func fields() -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = [("Cache-Control", "no-store")]
        if let challenge { fields.append(("PoW-Challenge", challenge.headerValue)) }
        if let retryAfterSeconds { fields.append(("Retry-After", String(retryAfterSeconds))) }
        if status == 401, let policy { fields.append(("WWW-Authenticate", "PoW realm=\"\(policy)\"")) }
        if let allow { fields.append(("Allow", allow)) }
        return fields
    }
}
