/// What became of a request, in one word, for the access log, refusals and metrics. There are no others.
enum RequestVerdict: Hashable, Sendable {
    /// Charged to the free limits, and to the ceiling.
    case admittedFree
    /// Paid for by a pass.
    case admittedPass
    /// Charged to the ceiling alone: a built-in list, or a preflight.
    case admittedCeiling
    /// Let through since no majority could decide, and the policy says so.
    case admittedOffline
    /// Let by, uncounted: a route with `allow: true`.
    case allowed
    /// Admitted since the policy enforces nothing; otherwise it would have been refused.
    case wouldRefuse
    /// One of our endpoints has given out a challenge.
    case challenge
    /// One of our endpoints has taken a solution.
    case redeemed
    /// A file of the challenge page.
    case page
    /// A preflight for one of our endpoints.
    case preflight
    /// A check listener has shown why the request before was refused.
    case refusalShown
    /// Answered by a refusal.
    case refused(RefusalKind)
    /// The client was gone, or the node had to stop, before anything was decided.
    case abandoned

    /// Lower case and dashes.
    var word: String {
        switch self {
        case .admittedFree: "admitted-free"
        case .admittedPass: "admitted-pass"
        case .admittedCeiling: "admitted-ceiling"
        case .admittedOffline: "admitted-offline"
        case .allowed: "allowed"
        case .wouldRefuse: "would-refuse"
        case .challenge: "challenge"
        case .redeemed: "redeemed"
        case .page: "page"
        case .preflight: "preflight"
        case .refusalShown: "refusal-shown"
        case .refused(let kind): kind.rawValue
        case .abandoned: "abandoned"
        }
    }
}

/// How a response ended.
enum ResponseEnd: String, Sendable {
    /// The kernel has taken all of it.
    case complete
    /// The client went away first.
    case clientGone = "client-gone"
    /// The gateway broke it off: the upstream's answer was cut short, somebody was too slow, or the node had to stop.
    case cutOff = "cut-off"
}
