import NIOCore
import NIOHTTP1

/// The nodes that `tollgate verify-cluster` asks, and how. A value; any thread.
struct VerifiedCluster: Sendable {
    /// One answer.
    struct Answer: Sendable {
        let head: HTTPResponseHead
        /// Of a document of the gateway's own; empty otherwise.
        let body: [UInt8]

        /// The problem that it is (RFC 9457), if it is one of the gateway's.
        var problem: String? {
            guard head.headers.first(name: "content-type")?.hasPrefix("application/problem+json") == true,
                let type = OperationDocument.read(body)?.type, type.hasPrefix("urn:tollgate:")
            else { return nil }
            return String(type.dropFirst("urn:tollgate:".count))
        }

        /// Whether the gateway let the request by: also where the service behind it then failed.
        var isAdmitted: Bool { problem.map { $0.hasPrefix("upstream-") } ?? true }

        /// `RateLimit`: what is left of each limit that the request was charged to, by name.
        var remaining: [String: UInt64] { items("ratelimit").values("r") }

        /// The items of a field.
        func items(_ field: String) -> RateLimitItems {
            RateLimitItems(head.headers[field].joined(separator: ", "))
        }

        /// Seconds after which the gateway bids to try again; at least 1, at most 10.
        var retryAfter: Int64 { min(10, max(1, head.headers.first(name: "retry-after").flatMap { Int64($0) } ?? 1)) }

        /// For a person.
        var words: String { "\(head.status.code)" + (problem.map { " \($0)" } ?? "") }
    }

    /// Each the URL of what is asked there.
    let urls: [HTTPURL]
    /// Sent with each request: who asks, and of which site.
    let headers: HTTPHeaders
    /// Of the nodes that count: the time in which an answer must move.
    let timeout: TimeAmount

    /// The nodes' names.
    func name(_ node: Int) -> String { urls[node].authority }

    /// Asks for what the node's URL names.
    func ask(_ node: Int, adding fields: [(String, String)] = []) async throws(FetchFailure) -> Answer {
        try await send(urls[node], .GET, nil, fields)
    }

    /// Asks an endpoint of the gateway's own.
    func endpoint(
        _ node: Int,
        _ method: HTTPMethod,
        _ name: String,
        body: String? = nil
    ) async throws(FetchFailure) -> Answer {
        let base = "\(urls[node].isTLS ? "https" : "http")://\(urls[node].authority)/.well-known/tollgate/"
        guard let url = HTTPURL(base + name) else { throw .notHTTP }
        return try await send(url, method, body, body == nil ? [] : [("Content-Type", "application/json")])
    }

    private func send(
        _ url: HTTPURL,
        _ method: HTTPMethod,
        _ body: String?,
        _ fields: [(String, String)]
    ) async throws(FetchFailure) -> Answer {
        let requester = HTTPRequester(
            url: url,
            method: method,
            headers: headers,
            body: body.map { Array($0.utf8) },
            timeout: timeout
        )
        let response = try await requester.send(adding: fields) { head in
            // What the service behind the gateway says is not looked at.
            let type = head.headers.first(name: "content-type") ?? ""
            return url.target.hasPrefix("/.well-known/tollgate/") || type.hasPrefix("application/problem+json")
                ? .collect : .ignore
        } pass: { _ in
            true
        }
        return Answer(head: response.head, body: response.collected)
    }
}

/// The items of `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers), as the gateway writes them.
struct RateLimitItems {
    private var items: [String: [String: UInt64]] = [:]

    /// What has another form is left out.
    init(_ field: String) {
        for item in field.split(separator: ",") {
            let parts = item.split(separator: ";").map { $0.drop { $0 == " " } }
            guard let name = parts.first, name.count > 2, name.hasPrefix("\""), name.hasSuffix("\"") else { continue }
            for part in parts.dropFirst() {
                let sides = part.split(separator: "=", maxSplits: 1)
                guard sides.count == 2, let number = UInt64(sides[1]) else { continue }
                items[String(name.dropFirst().dropLast()), default: [:]][String(sides[0])] = number
            }
        }
    }

    /// A parameter of each item that has it.
    func values(_ parameter: String) -> [String: UInt64] { items.compactMapValues { $0[parameter] } }
}
