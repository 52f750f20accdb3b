import Settings

/// Why a request was refused, for whoever has its id. A value; any thread.
struct RefusalRecord: Sendable {
    /// Longest path that is kept, in bytes.
    static let pathBytesMax = 512
    /// Longest method, in bytes: a proxy that asks may pass on as one whatever its client has sent.
    static let methodBytesMax = 32

    struct Work: Sendable {
        /// Expected hashes of a challenge.
        var difficulty: UInt64
        var rounds: Int
        var grants: UInt32
    }

    let time: Timestamp
    let requestID: String
    let purpose: String
    let client: String?
    let method: String
    let host: String
    /// Without the query, and no more of it than ``pathBytesMax``.
    let path: [UInt8]
    let listener: String
    let route: String?
    let policy: String?
    /// False where the policy enforces nothing: then the request was admitted.
    let isEnforced: Bool
    let kind: RefusalKind
    /// 0 where the request was admitted.
    let status: Int
    let detail: String
    let limit: LimitReading?
    /// How long from `time` until waiting would do; nil where it never does, or where nobody knows.
    let clearsAfterNanoseconds: UInt64?
    let price: Double?
    let work: Work?
    /// How exact the policy's limits are between nodes.
    var consistency: PolicySettings.Consistency?

    /// Whether it tells of a refusal that was decided for the request before: nginx asks twice.
    var isShownAgain: Bool { purpose == "refusal" }

    /// The record as JSON, as the admin interface answers it.
    ///
    /// - Parameter now: from which "in so many seconds" is counted.
    func json(now: Timestamp) -> String {
        var json = JSONText()
        json.begin()
        json.member("request_id", ascii: requestID)
        json.member("time", time.text)
        json.member("seconds_ago", max(0, time.milliseconds(to: now)) / 1_000)
        json.member("purpose", purpose)
        if let client { json.member("client", client) }
        if !method.isEmpty { json.member("method", ascii: method) }
        if !host.isEmpty { json.member("host", ascii: host) }
        if !path.isEmpty { json.member("path", ascii: String(decoding: path, as: UTF8.self)) }
        json.member("listener", ascii: listener)
        if let route { json.member("route", route) }
        if let policy { json.member("policy", policy) }
        json.member("enforced", raw: isEnforced ? "true" : "false")
        json.member("verdict", kind.rawValue)
        if status > 0 { json.member("status", status) }
        json.member("type", kind.type)
        json.member("title", kind.title)
        json.member("detail", ascii: detail)
        if let limit { json.member("limit", raw: Self.json(limit)) }
        if let consistency { json.member("consistency", consistency.rawValue) }
        if let clearsAfterNanoseconds {
            let clears = time.advanced(byNanoseconds: clearsAfterNanoseconds)
            json.member("clears_at", clears.text)
            json.member("clears_in_seconds", (max(0, now.milliseconds(to: clears)) + 999) / 1_000)
        }
        if let price { json.member("price", raw: "\(price)") }
        if let work { json.member("challenge", raw: Self.json(work)) }
        json.end()
        return json.text
    }

    private static func json(_ limit: LimitReading) -> String {
        var json = JSONText()
        json.begin()
        json.member("name", limit.name)
        if !limit.key.isEmpty { json.member("key", limit.key) }
        if !limit.rate.isEmpty { json.member("rate", limit.rate) }
        if let burst = limit.burst { json.member("burst", burst) }
        json.member("remaining", limit.remaining)
        json.end()
        return json.text
    }

    private static func json(_ work: Work) -> String {
        var json = JSONText()
        json.begin()
        json.member("difficulty", work.difficulty)
        json.member("rounds", work.rounds)
        json.member("grants", work.grants)
        json.end()
        return json.text
    }
}

extension JSONText {
    /// A text of anybody's: everything but printable ASCII is written by number, since it may be shown in a terminal.
    fileprivate mutating func member(_ name: String, ascii value: String) {
        var quoted: [UInt8] = []
        var value = value
        value.withUTF8 { LineText.appendQuoted($0, to: &quoted) }
        member(name, raw: String(decoding: quoted, as: UTF8.self))
    }
}
