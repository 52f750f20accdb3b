/// A form that met a challenge: whether it may be posted again, and its fields (DESIGN section 3; HTML, "URL-encoded form
/// data"). Pure.
enum PostedForm {
    /// Largest form that is kept, in bytes as it was sent.
    static let bytesMax = 64 * 1_024
    /// Largest form as the page shows it, in bytes. Almost every form is smaller there than this; one of nothing but
    /// quotes would be six times as large as it was sent, and stay in memory for as long as its client reads.
    static let shownBytesMax = 2 * bytesMax
    /// Most fields that are kept.
    static let fieldsMax = 1_000

    /// Whether a request was sent by a page of the origin that it is sent to. `Sec-Fetch-Site` says it; where a browser
    /// does not send that, `Origin` does. A script cannot set either.
    ///
    /// - Parameter origin: the origin of the request's target, in lower case, without a default port.
    static func isSameOrigin(_ head: RequestHead, origin: String) -> Bool {
        let sites = head.all("sec-fetch-site")
        if !sites.isEmpty { return sites.count == 1 && head.equals(sites[0], "same-origin") }
        let origins = head.all("origin")
        return origins.count == 1 && head.string(origins[0]).lowercased() == origin
    }

    /// The origin of an authority as browsers write it.
    static func origin(authority: String, isHTTPS: Bool) -> String {
        let scheme = isHTTPS ? "https" : "http"
        let defaultPort = isHTTPS ? ":443" : ":80"
        let host = authority.lowercased()
        return scheme + "://" + (host.hasSuffix(defaultPort) ? String(host.dropLast(defaultPort.count)) : host)
    }

    /// Whether the content type is that of a form whose fields can be posted again.
    static func isURLEncoded(_ head: RequestHead) -> Bool {
        let types = head.all("content-type")
        guard types.count == 1 else { return false }
        let type = head.string(types[0]).split(separator: ";", maxSplits: 1).first?.trimmingASCIIWhiteSpace()
        return type?.lowercased() == "application/x-www-form-urlencoded"
    }

    /// Whether the fields, escaped as HTML, are no more than the page may show of them.
    static func fitsPage(_ fields: [FormReplay.Field]) -> Bool {
        var count = 0
        for field in fields {
            for text in [field.name, field.value] {
                for byte in text.utf8 {
                    switch byte {
                    // As long as the longest of their names: `&quot;`, `&#39;`, `&#13;`.
                    case UInt8(ascii: "&"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\""), UInt8(ascii: "'"),
                        UInt8(ascii: "\r"), UInt8(ascii: "\n"):
                        count += 6
                    default: count += 1
                    }
                }
            }
        }
        return count <= shownBytesMax
    }

    /// The fields in their order, names that come twice included; nil where a name or a value is not UTF-8 or is encoded
    /// wrongly, or there are too many: it could not be posted again as it was.
    static func fields(_ bytes: [UInt8]) -> [FormReplay.Field]? {
        let pairs = bytes.split(separator: UInt8(ascii: "&"), maxSplits: fieldsMax)
        guard pairs.count <= fieldsMax else { return nil }
        var fields: [FormReplay.Field] = []
        fields.reserveCapacity(pairs.count)
        for pair in pairs {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = FormFields.decoded(parts[0]),
                let value = FormFields.decoded(parts.count > 1 ? parts[1] : [])
            else { return nil }
            // HTML cannot hold a NUL, and a form sends no field without a name.
            guard !name.isEmpty, !name.utf8.contains(0), !value.utf8.contains(0) else { return nil }
            fields.append(FormReplay.Field(name: name, value: value))
        }
        return fields
    }
}
