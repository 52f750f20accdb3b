// Names of things and of headers, and origins: what may stand in them is what may stand where they end up (metrics,
// cookies, header lines).

private func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default: false
    }
}

/// A name of 1…`limit` letters, digits, `-`, `_` and, where `dots` says so, `.`.
func parseName(_ text: String, limit: Int = 64, dots: Bool = true) throws(Complaint) -> String {
    let punctuation = dots ? "-_." : "-_"
    guard
        (1...limit).contains(text.utf8.count),
        text.utf8.allSatisfy({ isLetterOrDigit($0) || punctuation.utf8.contains($0) })
    else {
        let allowed = dots ? "letters, digits, `-`, `_` and `.`" : "letters, digits, `-` and `_`"
        throw Complaint("\(quoted(text)) is not a name", "use 1 to \(limit) \(allowed)")
    }
    return text
}

/// A token of RFC 9110 section 5.6.2, which methods and header names are, of 1…`limit` bytes.
func isToken(_ text: String, limit: Int = 128) -> Bool {
    (1...limit).contains(text.utf8.count)
        && text.utf8.allSatisfy { isLetterOrDigit($0) || "!#$%&'*+-.^_`|~".utf8.contains($0) }
}

/// Fields that belong to one connection (RFC 9110 section 7.6.1) or to the framing of a message: what they say is
/// consumed before a request is routed.
private let connectionFields: Set<String> = [
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade", "content-length", "expect",
]

/// A header's name in lower case.
func parseHeaderName(_ text: String) throws(Complaint) -> String {
    guard isToken(text) else {
        throw Complaint(
            "\(quoted(text)) is not a header's name",
            "use letters, digits and `-`, at most 128, without the colon"
        )
    }
    let name = text.lowercased()
    guard !connectionFields.contains(name) else {
        throw Complaint(
            "the header \(quoted(name)) belongs to one connection and is removed before requests are looked at",
            "use another header"
        )
    }
    return name
}

/// An origin as browsers write it (RFC 6454 section 6.2): scheme and host in lower case, the port only if it is not the
/// scheme's own. `*` stands for every origin.
func parseOrigin(_ text: String) throws(Complaint) -> String {
    let remedy = "write scheme, host and port only, such as `https://app.example.com`"
    if text == "*" { return text }
    let lower = text.lowercased()
    guard let separator = lower.firstRange(of: "://"), ["http", "https"].contains(lower[..<separator.lowerBound]) else {
        throw Complaint("\(quoted(text)) is not an origin", remedy)
    }
    let scheme = lower[..<separator.lowerBound]
    let defaultPort: UInt16 = scheme == "https" ? 443 : 80
    do {
        let (host, port) = try parseHostAndPort(String(lower[separator.upperBound...]), defaultPort: defaultPort)
        let shown = port == defaultPort ? "" : ":\(port)"
        return "\(scheme)://\(host.textInURL)\(shown)"
    } catch {
        throw Complaint("\(quoted(text)) is not an origin", remedy)
    }
}
