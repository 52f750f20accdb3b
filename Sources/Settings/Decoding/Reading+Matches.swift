// `match:` of a route. A pattern that can match nothing is an error: a route that someone relies on would quietly do
// nothing.

extension Reading {
    /// A match, nil if it is wrong. `not` may hold matches of its own, these no further ones.
    func match(_ fields: Fields, mayHoldNot: Bool = true) -> RouteMatch? {
        let problemsBefore = problems.count
        defer { fields.finish() }
        var match = RouteMatch()
        match.host = fields.parsedList(
            "host",
            limit: 1_000,
            orSingle: true,
            example: "host: api.example.com",
            Self.hostGlob
        )
        match.path = fields.parsedList("path", limit: 1_000, orSingle: true, example: "path: \"/v1/*\"", Self.pathGlob)
        match.methods = fields.parsedList(
            "methods",
            limit: 64,
            orSingle: true,
            example: "methods: [GET, POST]",
            Self.method
        )
        if let methods = match.methods, methods.contains("GET"), !methods.contains("HEAD") {
            match.methods?.append("HEAD")
        }
        if let headers = fields.fields("headers", chosenNames: true, example: "headers: { User-Agent: \"curl/*\" }") {
            match.headers = headerMatches(headers)
        }
        if let clients = fields.list("clients", limit: 10_000, orSingle: true, example: "clients: [\"192.0.2.0/24\"]") {
            if clients.isEmpty {
                fields.report(
                    "clients",
                    "\(quoted(fields.path("clients"))) is empty",
                    "add a network, or remove the field"
                )
            }
            match.clients = prefixes(
                clients,
                place: fields.path("clients"),
                schema: fields.schema("clients"),
                keywords: false
            )
        }
        if mayHoldNot, let value = fields.value("not") {
            match.not = exclusions(value, fields)
        }
        return problems.count == problemsBefore ? match : nil
    }

    /// `not:`, one match or a list.
    private func exclusions(_ value: YAMLValue, _ fields: Fields) -> [RouteMatch] {
        let values: [YAMLValue] = if case .list(let list) = value.content { list } else { [value] }
        guard (1...64).contains(values.count) else {
            fields.report("not", "\(quoted(fields.path("not"))) has \(values.count) elements", "use 1 to 64")
            return []
        }
        return values.compactMap { value in
            let place = fields.path("not")
            guard
                let inner = Fields(
                    value,
                    place: place,
                    schema: fields.schema,
                    reading: self,
                    example: "not: { path: \"/open/*\" }"
                )
            else {
                return nil
            }
            if inner.has("not") {
                inner.report("not", "`not` inside `not`", "name what it shall match in the outer `match`")
            }
            guard let match = match(inner, mayHoldNot: false) else { return nil }
            if match.isUnconditional {
                report(
                    Complaint(
                        "\(quoted(place)) holds for every request, so the route never matches",
                        "add a condition to it"
                    ),
                    at: value.position
                )
            }
            return match
        }
    }

    private func headerMatches(_ headers: Fields) -> [HeaderMatch] {
        let names = headers.names
        guard (1...32).contains(names.count) else {
            report(Complaint("\(quoted(headers.place)) has \(names.count) fields", "use 1 to 32"), at: headers.position)
            return []
        }
        var matches: [HeaderMatch] = []
        for text in names {
            // A pattern may be a secret between two proxies: none is ever quoted.
            let values = headers.parsedList(text, limit: 100, orSingle: true, example: "\(text): \"*\"") {
                pattern throws(Complaint) in
                guard pattern.utf8.count <= 1_024 else {
                    throw Complaint("the pattern is too long", "use at most 1024 bytes")
                }
                guard pattern.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                    throw Complaint("the pattern holds a control character, which no header does", "remove it")
                }
                return Glob(pattern)
            }
            do {
                let name = try parseHeaderName(text)
                if matches.contains(where: { $0.name == name }) {
                    report(
                        Complaint(
                            "the header \(quoted(name)) stands more than once in \(quoted(headers.place))",
                            "write a list of its patterns"
                        ),
                        at: headers.position(of: text)
                    )
                }
                matches.append(HeaderMatch(name: name, values: values ?? []))
            } catch {
                report(error, at: headers.position(of: text))
            }
        }
        return matches
    }

    private static func hostGlob(_ text: String) throws(Complaint) -> Glob {
        let remedy = "write it as in `api.example.com` or `*.example.com`"
        guard (1...253).contains(text.utf8.count) else {
            throw Complaint("the host \(quoted(text)) is empty or too long", remedy)
        }
        guard !text.hasPrefix("["), IPAddress(text) == nil || !text.contains(":") else {
            // An IPv6 address keeps its brackets in the Host field.
            let inner = text.hasPrefix("[") && text.hasSuffix("]") ? text.dropFirst().dropLast() : text[...]
            guard let address = IPAddress(inner), !address.isIPv4 else {
                throw Complaint("\(quoted(text)) is not a host", remedy)
            }
            return Glob("[\(address)]")
        }
        guard !text.contains(":") else {
            throw Complaint("the host \(quoted(text)) has a port, but hosts are compared without", "remove the port")
        }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !"/?#@\\".utf8.contains($0) }) else {
            throw Complaint("\(quoted(text)) is not a host", remedy + "; international names in their `xn--` form")
        }
        return Glob(text.lowercased())
    }

    private static func method(_ text: String) throws(Complaint) -> String {
        guard isToken(text, limit: 32) else {
            throw Complaint("\(quoted(text)) is not a method", "write `GET`, `POST` …")
        }
        guard text == text.uppercased() else {
            throw Complaint(
                "methods are compared exactly, and \(quoted(text)) is none that clients send",
                "write `\(text.uppercased())`"
            )
        }
        return text
    }

    /// A path's pattern in the form of what it is compared with: the normalized path.
    private static func pathGlob(_ text: String) throws(Complaint) -> Glob {
        func never(_ why: String, _ remedy: String) -> Complaint {
            Complaint("the path \(quoted(text)) can match nothing: \(why)", remedy)
        }
        guard (1...1_024).contains(text.utf8.count) else {
            throw Complaint("the path is empty or longer than 1024 bytes", "write it as in `/v1/*`")
        }
        guard text.hasPrefix("/") || text.hasPrefix("*") else {
            throw never("paths begin with a slash", "write `/\(text.prefix(60))`")
        }
        guard !text.contains("?"), !text.contains("#") else {
            throw never("paths are compared without query and fragment", "remove what follows the path")
        }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw never("paths are percent-encoded ASCII", "percent-encode spaces and letters that are not ASCII")
        }
        guard !text.contains("//") else { throw never("doubled slashes are merged before", "write one") }
        let segments = text.split(separator: "/", omittingEmptySubsequences: false)
        guard !segments.contains("."), !segments.contains("..") else {
            throw never("dot segments are removed before", "write the path that is left")
        }
        guard !text.contains("\\") else { throw never("a backslash is no part of a path", "write a slash") }
        let bytes = Array(text.utf8)
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "%") {
            guard index + 2 < bytes.count, let high = hexadecimalValue(bytes[index + 1]),
                let low = hexadecimalValue(bytes[index + 2])
            else { throw never("`%` must be followed by two hexadecimal digits", "write `%25` for the sign itself") }
            guard ![0x00, 0x5C].contains(high << 4 | low) else {
                throw never("an encoded NUL or backslash is refused before", "remove it")
            }
            let decoded = Unicode.Scalar(high << 4 | low)
            // RFC 3986 section 2.3, unreserved characters.
            if decoded.isASCII,
                decoded.properties.isAlphabetic || ("0"..."9").contains(decoded)
                    || "-._~".unicodeScalars.contains(decoded)
            {
                throw never(
                    "what need not be percent-encoded is decoded before",
                    "write `\(decoded)` for `%\(String(decoding: bytes[index + 1...index + 2], as: UTF8.self))`"
                )
            }
        }
        return Glob(text)
    }
}
