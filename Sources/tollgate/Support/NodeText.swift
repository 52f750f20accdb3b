import Settings

/// Where a node would listen and what it would write down, in words, for `validate`.
enum NodeText {
    static func lines(_ configuration: Configuration) -> [String] {
        var lines = configuration.listeners.map { "listener \($0.address): \(text($0))" }
        lines.append("probes: " + (configuration.probes.map { "\($0): /healthz, /readyz, /metrics" } ?? "none"))
        lines.append("admin: " + (configuration.admin.map(text) ?? "none; `tollgate explain REQUEST-ID` needs it"))
        lines.append("log: \(text(configuration.log))")
        return lines
    }

    private static func text(_ listener: ListenerSettings) -> String {
        let purpose =
            switch listener.mode {
            case .proxy: "proxies"
            case .check(let family): "answers the checks of \(family.rawValue)"
            }
        return "\(purpose), clients by \(text(listener.client))"
    }

    private static func text(_ client: ClientSource) -> String {
        switch client {
        case .peer: "their own address"
        case .xForwardedFor(let trusted): "X-Forwarded-For from \(text(trusted))"
        case .forwarded(let trusted): "Forwarded from \(text(trusted))"
        case .proxyProtocol(let trusted): "the PROXY protocol from \(text(trusted))"
        case .header(let name, let trusted): "\(name) from \(text(trusted))"
        }
    }

    private static func text(_ trusted: PrefixSet) -> String {
        if trusted == .loopback { return "loopback" }
        let shown = trusted.prefixes.prefix(4).map(\.description)
        let rest = trusted.prefixes.count - shown.count
        return shown.isEmpty ? "nobody" : shown.joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    }

    private static func text(_ admin: AdminSettings) -> String {
        switch admin.address {
        case .unix: "\(admin.address), for the node's own user and root"
        case .tcp: "\(admin.address), with a token"
        }
    }

    private static func text(_ log: LogSettings) -> String {
        let own = "\(log.level.rawValue) and above on stderr, as \(log.format.rawValue)"
        if log.access == .off { return own + "; no access log" }
        let addresses =
            switch log.addresses {
            case .prefix: "clients by their /24 or /48"
            case .full: "clients by their whole address"
            case .hashed: "clients by a keyed hash"
            case .none: "without clients"
            }
        return own + "; access on \(log.access.rawValue), \(addresses)"
    }
}
