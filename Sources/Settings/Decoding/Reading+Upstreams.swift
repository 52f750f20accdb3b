extension Reading {
    /// `upstreams:`, or the short `upstream: URL`. Also names whose definitions are wrong are in `names`, so that a
    /// fault is not reported again by everyone who uses them.
    ///
    /// Where nothing is forwarded, the file need not name any.
    func upstreams(
        _ root: Fields,
        forwards: Bool
    ) -> (settings: [(settings: UpstreamSettings, position: Position)], names: [String]) {
        if !forwards, let name = ["upstreams", "upstream"].first(where: root.has) {
            warn(
                Complaint(
                    "every listener answers checks, so nothing is forwarded to `\(name)`",
                    "remove `\(name)`, or add a listener without `check`"
                ),
                at: root.position(of: name)
            )
        }
        if root.has("upstream") {
            let name = "default"
            if root.has("upstreams") {
                root.report(
                    "upstream",
                    "`upstream` and `upstreams` exclude each other",
                    "move it into `upstreams`, and remove it here"
                )
                _ = root.fields("upstreams", example: "upstreams: { app: { servers: [\"127.0.0.1:3000\"] } }")
                return ([], [name])
            }
            let server = root.parsed("upstream", example: "upstream: \"http://127.0.0.1:3000\"", parseServer)
            let settings = server.map {
                (UpstreamSettings(name: name, servers: [$0]), root.valuePosition(of: "upstream"))
            }
            return ([settings].compactMap(\.self), [name])
        }
        let example = "upstreams: { app: { servers: [\"127.0.0.1:3000\"] } }"
        guard root.has("upstreams") else {
            guard forwards else { return ([], []) }
            report(
                Complaint(
                    "no upstream is named, so there is nothing to forward requests to",
                    "add `upstream: \"http://127.0.0.1:3000\"`"
                ),
                at: root.position
            )
            return ([], [])
        }
        guard let all = root.fields("upstreams", chosenNames: true, example: example) else { return ([], []) }
        let names = all.names
        if names.isEmpty { root.report("upstreams", "`upstreams` is empty", "add one, as in `\(example)`") }
        guard names.count <= 256 else {
            root.report("upstreams", "`upstreams` has \(names.count) elements", "use at most 256")
            return ([], names)
        }
        let settings = names.compactMap { name in
            upstream(name, all).map { ($0, all.position(of: name)) }
        }
        return (settings, names)
    }

    private func upstream(_ name: String, _ all: Fields) -> UpstreamSettings? {
        do {
            _ = try parseName(name)
        } catch {
            report(error, at: all.position(of: name))
        }
        guard let fields = all.fields(name, example: "\(name): { servers: [\"127.0.0.1:3000\"] }") else { return nil }
        defer { fields.finish() }
        let example = "servers: [\"127.0.0.1:3000\"]"
        if !fields.has("servers") { fields.reportMissing("servers", example: example) }
        let servers = fields.parsedList("servers", limit: 64, orSingle: true, example: example, parseServer) ?? []
        if Set(servers).count < servers.count {
            fields.report("servers", "\(quoted(fields.path("servers"))) names a server twice", "keep one of them")
        }
        var settings = UpstreamSettings(name: name, servers: servers)
        let second: UInt64 = 1_000_000_000
        let least = second / 100
        fields.duration("connectTimeout", in: least...60 * second).map { settings.connectTimeoutNanoseconds = $0 }
        fields.duration("responseTimeout", in: least...3_600 * second).map { settings.responseTimeoutNanoseconds = $0 }
        fields.duration("idleTimeout", in: least...86_400 * second).map { settings.idleTimeoutNanoseconds = $0 }
        fields.duration("keepAliveTimeout", in: 0...3_600 * second).map { settings.keepAliveTimeoutNanoseconds = $0 }
        fields.integer("maxConnections", in: 1...65_536).map { settings.maxConnections = $0 }
        if fields.has("tls") {
            fields.report("tls", "TLS to upstreams is not supported by this version", "remove `tls`")
        }
        return servers.isEmpty ? nil : settings
    }
}
