import FoundationEssentials
import Ledger
import Settings

/// A refusal as the admin interface tells it.
struct RefusalDocument: Decodable, Equatable {
    struct Limit: Decodable, Equatable {
        let name: String
        let key: String?
        let rate: String?
        let burst: UInt64?
        let remaining: UInt64
    }

    struct Work: Decodable, Equatable {
        let difficulty: UInt64
        let rounds: Int
        let grants: UInt64
    }

    let requestID: String
    let time: String
    let secondsAgo: UInt64
    let client: String?
    let method: String?
    let host: String?
    let path: String?
    let listener: String
    let route: String?
    let policy: String?
    let enforced: Bool
    let verdict: String
    let status: Int?
    let title: String
    let detail: String
    let limit: Limit?
    let clearsAt: String?
    let clearsInSeconds: UInt64?
    let price: Double?
    let challenge: Work?
    let consistency: String?

    enum CodingKeys: String, CodingKey {
        case time, client, method, host, path, listener, route, policy, enforced, verdict, status, title, detail, limit,
            price, challenge, consistency
        case requestID = "request_id"
        case secondsAgo = "seconds_ago"
        case clearsAt = "clears_at"
        case clearsInSeconds = "clears_in_seconds"
    }

    /// - Returns: nil where the bytes are no such document.
    static func read(_ bytes: [UInt8]) -> RefusalDocument? {
        try? JSONDecoder().decode(RefusalDocument.self, from: Data(bytes))
    }

    // MARK: In words

    /// What was refused, by what, when it clears, and what to do: lines for a person.
    var lines: [String] {
        let answer = status.map { "\($0) " } ?? ""
        var lines = [
            enforced
                ? "Request \(requestID) was refused \(Self.text(seconds: secondsAgo)) ago: \(answer)\(verdict)."
                : "Request \(requestID) was admitted \(Self.text(seconds: secondsAgo)) ago, but only since its policy "
                    + "has `enforce: false`: otherwise \(verdict).",
            enforced ? detail : "It was counted as if it had been refused.",
            "",
            "time      \(time)",
        ]
        if let method {
            lines.append("request   \(method) \(host ?? "")\(path ?? "")")
        }
        lines.append("client    \(client ?? "not written down, since log.addresses is none")")
        lines.append("listener  \(listener)")
        lines.append("route     \(route ?? "none")")
        lines.append("policy    \(policy ?? "none was asked")")
        if let limit { lines.append("limit     \(Self.text(limit))") }
        if let slices { lines.append("slices    \(slices)") }
        if let clears { lines.append("clears    \(clears)") }
        if let challenge { lines.append("challenge \(text(challenge))") }
        lines.append("")
        lines.append("What to do: " + remedy)
        return lines
    }

    private static func text(_ limit: Limit) -> String {
        if limit.rate == "0" { return "\(limit.name): nothing is free here" }
        var text = limit.name
        if let rate = limit.rate { text += ": \(rate)" }
        if let burst = limit.burst { text += " with bursts of \(burst)" }
        if let key = limit.key { text += ", counted by \(key)" }
        return text + "; \(limit.remaining) left"
    }

    /// Where nodes borrow units, what looks empty need not be spent.
    private var slices: String? {
        guard consistency == "escrow", let limit, limit.key != nil, limit.rate != "0" else { return nil }
        let command = policy.map { "`tollgate quota get \($0) KEY`" } ?? "`tollgate quota get`"
        return "units of this limit may have been out at other nodes: what they do not spend comes back within "
            + "\(LedgerBounds.sliceNanoseconds / 1_000_000_000) s; \(command) shows how many are out now"
    }

    private var clears: String? {
        guard limit != nil || clearsAt != nil else { return nil }
        guard let clearsAt, let clearsInSeconds else {
            return limit?.rate == "0" ? "never: waiting does not help" : nil
        }
        if clearsInSeconds == 0 { return "now: since \(clearsAt), if nothing else was charged meanwhile" }
        return "in \(Self.text(seconds: clearsInSeconds)), at \(clearsAt), if nothing else is charged until then"
    }

    private func text(_ work: Work) -> String {
        let cost = Settings.Difficulty.describe(work.difficulty, rounds: work.rounds)
        return "\(cost); buys \(work.grants) requests" + (price.map { "; price \(Self.text($0))" } ?? "")
    }

    /// `1`, `1.5`.
    private static func text(_ price: Double) -> String {
        let text = "\(price)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    /// `42 s`, `3 min`, `2 h`.
    private static func text(seconds: UInt64) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7_200: "\(seconds / 60) min"
        default: "\(seconds / 3_600) h"
        }
    }
}

extension RefusalDocument {
    /// What whoever runs the gateway, or the client, can do about it.
    private var remedy: String {
        let inPolicy = policy.map { " of policy \($0)" } ?? ""
        switch verdict {
        case "work-required" where limit?.rate == "0":
            return "the client solves the challenge, as browsers do by themselves and `tollgate fetch` does; to let "
                + "some requests by without, give `free`\(inPolicy) a rate, or the route `allow: true`."
        case "work-required":
            return "the client solves the challenge, as browsers do by themselves and `tollgate fetch` does, or waits; "
                + "if it ought to have more, raise rate or burst of \(limit?.name ?? "the free limit")\(inPolicy)."
        case "over-limit":
            let isFree = limit?.name.hasPrefix("free") ?? false
            return isFree
                ? "the client waits; to let it work instead, give the policy `work`, or raise its limit."
                : "the client waits, as no work lifts this limit; if it ought to have more, raise "
                    + "\(limit?.name ?? "the ceiling")\(inPolicy)."
        case "denied":
            return policy == nil
                ? "the route says `deny: true`; change its `match` if it should not meet this client."
                : "an override bans the client until it clears; see `tollgate override list`, and end it with `tollgate override "
                    + "remove`."
        case "no-route": return "add a route that matches; try it with `tollgate explain METHOD URL`."
        case "no-quorum": return "the client tries again; see the log for what keeps the ledger from answering."
        case "untrusted-proxy":
            return "if the peer is your proxy, add it to `client.trusted` of this listener; the log names its address."
        case "upstream-failed", "upstream-timeout", "upstream-unavailable":
            return "look at the service behind the gateway, and at the route's upstream."
        case "other-client", "expired", "already-spent", "wrong-solution", "unknown-policy":
            return "the client asks for a new challenge and solves that one."
        default: return "the client changes its request: \(title.lowercased())."
        }
    }
}
