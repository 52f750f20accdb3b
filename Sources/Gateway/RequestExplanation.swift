import Settings

/// What would become of a request, told from the configuration alone: `tollgate explain`. The same code routes real
/// requests.
public struct RequestExplanation: Sendable {
    /// One fact a line, in the order in which the gateway finds them out.
    public private(set) var lines: [String] = []
    /// The policy that would decide, if one would.
    public private(set) var policy: PolicySettings?
    /// Whether a route takes the request; false where it is refused before any limit is asked.
    public private(set) var isRouted = false

    /// - Parameter url: absolute, or a path beginning with a slash.
    public init(
        configuration: Configuration,
        method: String,
        url: String,
        headers: [(name: String, value: String)],
        client: IPAddress
    ) {
        var head = RequestHead(method: method, target: url)
        if !headers.contains(where: { $0.name.lowercased() == "host" }), url.hasPrefix("/") {
            head.add(name: "Host", value: "localhost")
        }
        for (name, value) in headers { head.add(name: name, value: value) }
        lines.append("client    \(client)")
        let target: RequestTarget
        do throws(RequestTarget.Problem) {
            target = try RequestTarget(head, isHTTP10: true)
        } catch {
            lines.append("refused   400 malformed: \(Exchange.explanation(of: error))")
            return
        }
        lines.append("host      \(String(decoding: target.host, as: UTF8.self))")
        lines.append("forwarded \(method) \(target.forwarded)")
        if let endpoint = Endpoint(path: target.path.matched) {
            lines.append("endpoint  \(endpoint.path) of the gateway itself")
            isRouted = true
            return
        }
        explainRoute(configuration, head, target, client)
    }

    private mutating func explainRoute(
        _ configuration: Configuration,
        _ head: RequestHead,
        _ target: RequestTarget,
        _ client: IPAddress
    ) {
        let table = RouteTable(routes: configuration.routes)
        switch table.match(.init(head: head, host: target.host, client: client), path: target.path) {
        case .none:
            lines.append("refused   404 no-route: no route matches")
        case .ambiguous:
            lines.append("refused   400 malformed: an encoded slash leads to two different routes")
        case .route(let index):
            let route = configuration.routes[index]
            lines.append("route     \(route.name) (line \(route.line))")
            switch route.action {
            case .deny:
                lines.append("refused   403 denied by the route")
            case .allow(let upstream):
                lines.append("upstream  \(upstream ?? "the proxy that asks")")
                lines.append("policy    none: let by, uncounted")
                isRouted = true
            case .policy(let upstream, let name, let cost, let charging):
                lines.append("upstream  \(upstream ?? "the proxy that asks")")
                let unfree = charging == .ceiling ? ", not charged to the free limits" : ""
                lines.append("policy    \(name), cost \(cost)\(unfree)")
                policy = configuration.policy(named: name)
                isRouted = true
            }
        }
    }
}
