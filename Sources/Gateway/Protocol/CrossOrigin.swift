/// What scripts of other origins may read and send (Fetch standard, "CORS protocol"; DESIGN section 5).
///
/// A policy lists origins. Scripts of these may read what the gateway itself answers, and the gateway's fields in what the
/// upstream answers, as far as the upstream lets them read that at all: it is never opened to anybody by the gateway.
enum CrossOrigin {
    /// Response fields of ours that a script may read.
    static let exposedFields =
        "PoW-Challenge, PoW-Pass, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id"
    /// Request fields of ours that a script may send to a route.
    static let requestFields = "PoW-Pass, PoW-Solution, PoW-Idempotency-Key"
    /// What a script may send to our endpoints besides.
    private static let endpointFields = "Content-Type, Idempotency-Key"
    /// Seconds for which a browser need not ask again.
    private static let preflightSeconds = 600

    /// The fields of an answer of the gateway's own.
    ///
    /// - Parameters:
    ///   - origin: the request's `Origin`.
    ///   - origins: those that the policy lists; empty: nothing is said at all.
    static func answerFields(origin: String?, origins: [String]) -> [(name: String, value: String)] {
        guard !origins.isEmpty else { return [] }
        // Also to those that are not listed: what a cache keeps of the answer depends on the origin.
        guard let origin else { return [("Vary", "Origin")] }
        let exposed = ("Access-Control-Expose-Headers", exposedFields)
        guard origin != "*", origins.contains(origin) else {
            guard origins.contains("*") else { return [("Vary", "Origin")] }
            // Every origin, but without credentials: no script uses or renews the pass in a visitor's cookie.
            return [("Vary", "Origin"), ("Access-Control-Allow-Origin", "*"), exposed]
        }
        return [
            ("Vary", "Origin"), ("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true"),
            exposed,
        ]
    }

    /// What the answer to a preflight of one of our endpoints says besides ``answerFields(origin:origins:)``, where the
    /// origin is listed.
    static var preflightFields: [(name: String, value: String)] {
        [
            ("Access-Control-Allow-Methods", "GET, HEAD, POST"),
            ("Access-Control-Allow-Headers", endpointFields + ", " + requestFields),
            ("Access-Control-Max-Age", String(preflightSeconds)),
        ]
    }

    /// The upstream's list of names with ours added.
    ///
    /// - Parameter given: the values of the upstream's field, in order. `*` covers ours only for requests without
    ///   credentials, so ours are named all the same.
    static func list(_ given: [String], adding names: String) -> String {
        (given.filter { !$0.isEmpty } + [names]).joined(separator: ", ")
    }
}
