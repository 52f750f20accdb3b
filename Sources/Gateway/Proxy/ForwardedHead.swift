import NIOCore
import NIOHTTP1

/// Rewrites the heads that pass through: what a proxy must remove, and what it says about the client.
///
/// Hop-by-hop fields, also those that `Connection` names, are removed before anything of ours is added, so that no
/// client can have our fields removed by naming them (RFC 9110 section 7.6.1).
enum ForwardedHead {
    /// Fields of one hop only, and `Upgrade`'s companions.
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade", "http2-settings",
    ]

    /// What a client could use to lie about itself to the upstream, and what is the gateway's own.
    private static let strippedFromRequests: Set<String> = [
        "forwarded", "x-forwarded", "x-real-ip", "x-client-ip", "client-ip", "true-client-ip", "x-true-client-ip",
        "cf-connecting-ip", "cf-connecting-ipv6", "fastly-client-ip", "fly-client-ip", "do-connecting-ip",
        "x-cluster-client-ip", "x-originating-ip", "x-remote-ip", "x-remote-addr", "x-envoy-external-address",
        "x-envoy-original-path", "x-azure-clientip", "x-appengine-user-ip", "wl-proxy-client-ip", "proxy-client-ip",
        "x-rewrite-url", "x-host", "x-http-host-override", "proxy", "x-request-id", "pow-pass", "pow-solution",
        "pow-idempotency-key", "host", "content-length",
    ]

    /// Whether a request field, in lower case, is one that the upstream must not take from a client.
    static func isStripped(_ name: String) -> Bool {
        strippedFromRequests.contains(name) || name.hasPrefix("x-forwarded-") || name.hasPrefix("x-original-")
    }

    struct Facts {
        let identity: ClientIdentity
        let requestID: String
        let target: RequestTarget
        /// The header that the listener takes the client's address from, which is not passed on.
        let clientHeader: String?
        /// `X-Forwarded-Host` of a trusted peer.
        let forwardedHost: String?
    }

    /// The request head for the upstream. Framing is left as it came: a length, chunks, or none.
    static func request(_ head: HTTPRequestHead, _ facts: Facts) -> HTTPRequestHead {
        let named = connectionOptions(head.headers)
        var fields: [(String, String)] = []
        fields.reserveCapacity(head.headers.count + 8)
        fields.append(("Host", facts.target.authority))
        var via: [String] = []
        var isChunked = false
        for (name, value) in head.headers {
            let lower = name.lowercased()
            if lower == "transfer-encoding" { isChunked = true }
            // CGI and its heirs read `X_Forwarded_For` as `X-Forwarded-For`.
            let folded = lower.utf8.contains(UInt8(ascii: "_")) ? lower.replacing("_", with: "-") : lower
            if hopByHop.contains(folded) || isStripped(folded) || folded == facts.clientHeader { continue }
            if named.contains(lower) { continue }
            switch lower {
            case "cookie":
                if let kept = PassCookies.stripped(value) { fields.append((name, kept)) }
            case "via":
                via.append(value)
            default:
                fields.append((name, value))
            }
        }
        if isChunked {
            fields.append(("Transfer-Encoding", "chunked"))
        } else if let length = head.headers.first(name: "content-length") {
            fields.append(("Content-Length", length))
        }
        fields.append(("X-Forwarded-For", facts.identity.forwardedFor))
        fields.append(("X-Forwarded-Proto", facts.identity.isHTTPS ? "https" : "http"))
        fields.append(("X-Forwarded-Host", facts.forwardedHost ?? facts.target.authority))
        fields.append(("X-Request-Id", facts.requestID))
        via.append("1.\(head.version.minor) tollgate")
        fields.append(("Via", via.joined(separator: ", ")))
        // The parser's own word for this one method is not the method's name.
        let method = head.method == .MSEARCH ? HTTPMethod.RAW(value: "M-SEARCH") : head.method
        return HTTPRequestHead(
            version: .http1_1,
            method: method,
            uri: facts.target.forwarded,
            headers: HTTPHeaders(fields)
        )
    }

    /// How the end of a response is marked toward the client.
    enum Framing: Equatable {
        case none
        case length
        case chunked
        case close
    }

    /// The response head for the client.
    ///
    /// - Parameters:
    ///   - isHead: the request was HEAD, whose response has no body whatever its fields say.
    ///   - clientVersion: HTTP/1.0 knows no chunks.
    static func response(
        _ head: HTTPResponseHead,
        isHead: Bool,
        clientVersion: HTTPVersion,
        requestID: String,
        added: AddedFields
    ) -> (HTTPResponseHead, Framing) {
        let named = connectionOptions(head.headers)
        var fields: [(String, String)] = []
        fields.reserveCapacity(head.headers.count + added.count + 4)
        var length: String?
        // RFC 9112 section 6.3: a transfer coding overrides a length.
        var isChunked = false
        for (name, value) in head.headers {
            let lower = name.lowercased()
            if lower == "content-length" {
                length = value
                continue
            }
            if lower == "transfer-encoding" { isChunked = true }
            if hopByHop.contains(lower) || named.contains(lower) || lower == "x-request-id" { continue }
            if added.replaces(lower) { continue }
            fields.append((name, value))
        }
        if isChunked { length = nil }
        let code = head.status.code
        let isBodiless = isHead || code == 204 || code == 304 || (100..<200).contains(code)
        let framing: Framing
        if isBodiless {
            framing = .none
            if let length, isHead || code == 304 { fields.append(("Content-Length", length)) }
        } else if let length {
            framing = .length
            fields.append(("Content-Length", length))
        } else if clientVersion.minor >= 1 {
            framing = .chunked
            fields.append(("Transfer-Encoding", "chunked"))
        } else {
            framing = .close
        }
        fields.append(("Via", "1.\(head.version.minor) tollgate"))
        if !(100..<200).contains(code) { fields.append(("X-Request-Id", requestID)) }
        added.append(to: &fields)
        return (HTTPResponseHead(version: .http1_1, status: head.status, headers: HTTPHeaders(fields)), framing)
    }

    /// Trailers that may pass: no framing, routing or hop-by-hop fields among them (RFC 9110 section 6.5.1).
    static func trailers(_ trailers: HTTPHeaders?) -> HTTPHeaders? {
        guard let trailers else { return nil }
        var kept = HTTPHeaders()
        for (name, value) in trailers {
            let lower = name.lowercased()
            if hopByHop.contains(lower) || isStripped(lower) || lower == "set-cookie" { continue }
            kept.add(name: name, value: value)
        }
        return kept.isEmpty ? nil : kept
    }

    /// Whether a `Connection` field names nothing: `keep-alive` and `close` are removed anyway.
    private static func isUsual(_ value: String) -> Bool {
        value == "keep-alive" || value == "close" || value == "Keep-Alive"
    }

    private static func connectionOptions(_ headers: HTTPHeaders) -> Set<String> {
        var names: Set<String> = []
        for value in headers["connection"] where !isUsual(value) {
            for option in value.split(separator: ",") {
                names.insert(option.trimmingASCIIWhiteSpace().lowercased())
            }
        }
        return names
    }
}
