extension Reading {
    /// A listener, and where its address stands.
    typealias ListenerDraft = (settings: ListenerSettings, position: Position)

    /// Whether every listener that the file names answers checks, also those whose other fields are wrong: nothing is
    /// forwarded then.
    func answersChecksOnly(_ root: Fields) -> Bool {
        guard case .list(let values) = root.value("listeners")?.content, !values.isEmpty else { return false }
        return values.allSatisfy { value in
            guard case .mapping(let entries) = value.content else { return false }
            return entries.contains { $0.key == "check" }
        }
    }

    /// `listeners:`; the default one if there is no such field.
    func listeners(_ root: Fields) -> [ListenerDraft] {
        let standard = ListenerSettings(
            address: .tcp(host: IPAddress(ipv4: 0), port: 8_080),
            mode: .proxy,
            client: .standard
        )
        guard root.has("listeners") else { return [(standard, root.position)] }
        let example = "listeners: [{ address: \"0.0.0.0:8080\" }]"
        guard let values = root.list("listeners", limit: 64, example: example) else { return [] }
        guard !values.isEmpty else {
            root.report(
                "listeners",
                "`listeners` is empty",
                "add a listener, or remove the field to listen on 0.0.0.0:8080"
            )
            return []
        }
        return values.enumerated().compactMap { index, value in
            guard
                let fields = Fields(
                    value,
                    place: "listeners[\(index)]",
                    schema: "listeners[]",
                    reading: self,
                    example: "{ address: \"0.0.0.0:8080\" }"
                )
            else { return nil }
            return listener(fields).map { ($0, fields.valuePosition(of: "address")) }
        }
    }

    private func listener(_ fields: Fields) -> ListenerSettings? {
        defer { fields.finish() }
        let address = fields.parsed("address", example: "address: \"0.0.0.0:8080\"", parseListenAddress)
        if !fields.has("address") { fields.reportMissing("address", example: "address: \"0.0.0.0:8080\"") }
        var mode: ListenerSettings.Mode? = .proxy
        if fields.has("check") { mode = fields.choice("check", CheckFamily.self).map { .check($0) } }
        if fields.has("tls") {
            fields.report(
                "tls",
                "TLS on listeners is not supported by this version",
                "remove `tls` and put a TLS proxy before it"
            )
        }
        var client = clientSource(fields)
        if case .check(let family) = mode {
            if !fields.has("client") { client = family.standardClient }
            checkAsked(client, family, fields)
        }
        guard let address, let mode, let client else { return nil }
        return ListenerSettings(address: address, mode: mode, client: client)
    }

    /// Another proxy asks a check listener, and says in HTTP who its client is.
    private func checkAsked(_ client: ClientSource?, _ family: CheckFamily, _ fields: Fields) {
        let remedy: String
        if case .header(let name, _) = family.standardClient {
            remedy = "write `client: \"header:\(name)\"`, or remove `client`"
        } else {
            remedy = "write `client: x-forwarded-for`, or remove `client`"
        }
        switch client {
        case .peer:
            fields.report("client", "with `from: peer` nobody would be trusted to ask this check listener", remedy)
        case .proxyProtocol:
            fields.report(
                "client",
                "the PROXY protocol tells who has connected, which on a check listener is the proxy that asks",
                remedy
            )
        case .xForwardedFor, .forwarded, .header, nil: break
        }
    }

    /// `client:` of a listener: a mapping, or only the word for `from`. Nil if it is wrong.
    private func clientSource(_ listener: Fields) -> ClientSource? {
        guard let value = listener.value("client") else { return .standard }
        let example = "client: { from: x-forwarded-for, trusted: [loopback] }"
        if case .text(let word, _) = value.content, !value.isNothing {
            return source(named: word, trusted: nil, at: value.position)
        }
        guard let fields = listener.fields("client", example: example) else { return nil }
        defer { fields.finish() }
        let trusted = trustedPeers(fields)
        guard let word = fields.text("from", example: "from: x-forwarded-for") else {
            if !fields.has("from") { fields.reportMissing("from", example: "from: x-forwarded-for") }
            return nil
        }
        if word == "peer", fields.has("trusted") {
            fields.report("trusted", "with `from: peer` nobody is asked, so nobody can be trusted", "remove `trusted`")
            return nil
        }
        if fields.has("trusted"), trusted == nil { return nil }
        return source(named: word, trusted: trusted, at: fields.valuePosition(of: "from"))
    }

    private func source(named word: String, trusted: PrefixSet?, at position: Position) -> ClientSource? {
        let trusted = trusted ?? .loopback
        switch word {
        case "peer": return .peer
        case "x-forwarded-for": return .xForwardedFor(trusted: trusted)
        case "forwarded": return .forwarded(trusted: trusted)
        case "proxy-protocol": return .proxyProtocol(trusted: trusted)
        case _ where word.hasPrefix("header:"):
            do {
                let name = try parseHeaderName(String(word.dropFirst(7)))
                let lists = ["x-forwarded-for", "forwarded"]
                guard !lists.contains(name) else {
                    report(
                        Complaint(
                            "the header `\(name)` holds a list, of which one element is the client",
                            "write `from: \(name)`"
                        ),
                        at: position
                    )
                    return nil
                }
                guard !["host", "cookie", "authorization"].contains(name) else {
                    report(
                        Complaint("the header `\(name)` holds no address", "name the one that your proxy sets"),
                        at: position
                    )
                    return nil
                }
                return .header(name: name, trusted: trusted)
            } catch {
                report(error, at: position)
                return nil
            }
        default:
            let words = ["peer", "x-forwarded-for", "forwarded", "proxy-protocol", "header:NAME"]
            let remedy =
                nearest(to: word, among: words).map { "did you mean `\($0)`?" } ?? "write \(alternatives(words))"
            report(Complaint("\(quoted(word)) is not a source of client addresses", remedy), at: position)
            return nil
        }
    }

    /// `trusted:` of a client source. Nil if it is absent or wrong.
    private func trustedPeers(_ fields: Fields) -> PrefixSet? {
        guard fields.has("trusted") else { return nil }
        let elements = fields.list("trusted", limit: 10_000, example: "trusted: [loopback, \"10.0.0.0/8\"]")
        guard let elements else { return nil }
        guard !elements.isEmpty else {
            fields.report("trusted", "`trusted` is empty: no peer could speak for a client", "write `client: peer`")
            return nil
        }
        guard
            let set = prefixes(
                elements,
                place: fields.path("trusted"),
                schema: fields.schema("trusted"),
                keywords: true
            )
        else { return nil }
        guard !set.prefixes.contains(where: { $0.bits == 0 }) else {
            fields.report(
                "trusted",
                "every peer is trusted, so every client can choose its address",
                "name the addresses of your proxies, or write `client: peer`"
            )
            return nil
        }
        return set
    }
}
