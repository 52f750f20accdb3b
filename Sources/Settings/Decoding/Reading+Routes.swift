extension Reading {
    /// A route, and its fields for the checks that need the whole file.
    typealias RouteDraft = (settings: RouteSettings, fields: Fields)

    /// What routes may refer to, with those whose definitions are wrong.
    struct Names {
        var upstreams: [String]
        var policies: [String]
        /// False where every listener answers checks: routes then need no upstream.
        var forwards = true
    }

    /// What a route forwards to; nil for nothing, as another proxy forwards.
    struct Target {
        var upstream: String?
    }

    /// `routes:`; one for everything if there is no such field.
    func routes(_ root: Fields, names: Names) -> [RouteDraft] {
        guard root.has("routes") else { return [standardRoute(root, names)].compactMap(\.self) }
        guard
            let values = root.list(
                "routes",
                limit: 1_000,
                example: "routes: [{ match: { path: \"/*\" }, policy: default }]"
            )
        else { return [] }
        guard !values.isEmpty else {
            root.report(
                "routes",
                "`routes` is empty, so every request would be answered by 404",
                "add a route, or remove the field"
            )
            return []
        }
        let drafts = values.enumerated().flatMap { index, value in
            let example = "{ name: all, match: { path: \"/*\" }, policy: default }"
            let place = "routes[\(index)]"
            guard let fields = Fields(value, place: place, schema: "routes[]", reading: self, example: example) else {
                return [RouteDraft]()
            }
            defer { fields.finish() }
            return fields.has("include")
                ? includedRoutes(fields, names) : [route(fields, index, names)].compactMap(\.self)
        }
        checkNames(drafts)
        return drafts
    }

    private func checkNames(_ drafts: [RouteDraft]) {
        var seen: [String: Int] = [:]
        var reported: Fields?
        for draft in drafts {
            guard let line = seen.updateValue(draft.settings.line, forKey: draft.settings.name) else { continue }
            // The routes of an included list are named together.
            guard reported !== draft.fields else { continue }
            reported = draft.fields
            draft.fields.report(
                "name",
                "the name \(quoted(draft.settings.name)) is that of the route in line \(line)",
                "give each route a name of its own"
            )
        }
    }

    private func standardRoute(_ root: Fields, _ names: Names) -> RouteDraft? {
        if names.upstreams.count > 1 {
            report(
                Complaint(
                    "there are \(names.upstreams.count) upstreams but no `routes` that choose between them",
                    "add `routes`"
                ),
                at: root.position(of: "upstreams")
            )
            return nil
        }
        if !names.policies.isEmpty, !names.policies.contains("default") {
            report(
                Complaint(
                    "there are policies but no `routes` that use them",
                    "add `routes`, or name the policy `default`"
                ),
                at: root.position(of: "policies")
            )
            return nil
        }
        let upstream = names.upstreams.first
        guard upstream != nil || !names.forwards else { return nil }
        var match = RouteMatch()
        match.path = [Glob("/*")]
        let action = RouteAction.policy(upstream: upstream, policy: "default", cost: 1)
        return (RouteSettings(name: "all", line: root.position.line, match: match, action: action), root)
    }

    private func route(_ fields: Fields, _ index: Int, _ names: Names) -> RouteDraft? {
        let problemsBefore = problems.count
        let name = fields.parsed("name", example: "name: api") { text throws(Complaint) in try parseName(text) }
        let match = routeMatch(fields)
        let action = action(fields, names)
        guard problems.count == problemsBefore, let match, let action else { return nil }
        let settings = RouteSettings(
            name: name ?? "route-\(index + 1)",
            line: fields.position.line,
            match: match,
            action: action
        )
        return (settings, fields)
    }

    /// `match:` of a route; every request if there is no such field. Nil if it is wrong.
    func routeMatch(_ fields: Fields) -> RouteMatch? {
        guard fields.has("match") else { return RouteMatch() }
        return fields.fields("match", example: "match: { path: \"/v1/*\" }").flatMap { match($0) }
    }

    /// What a route does: exactly one of `allow`, `deny` and `policy`. Nil if that is wrong.
    private func action(_ fields: Fields, _ names: Names) -> RouteAction? {
        let upstream = fields.text("upstream", example: "upstream: app")
        let policy = fields.text("policy", example: "policy: default")
        let cost = fields.integer("cost", in: UInt32(1)...1_000_000)
        for name in ["allow", "deny"] where fields.flag(name) == false {
            fields.report(
                name,
                "\(quoted(fields.path(name))) is false, which says nothing",
                "remove it, and name a `policy`"
            )
            return nil
        }
        let actions = ["allow", "deny", "policy"].filter { fields.has($0) }
        guard let kind = actions.first else {
            report(
                Complaint("\(quoted(fields.place)) has no action", "add `policy: NAME`, `allow: true` or `deny: true`"),
                at: fields.position
            )
            return nil
        }
        guard actions.count == 1 else {
            fields.report(
                actions[1],
                "\(quoted(fields.place)) has two actions, `\(kind)` and `\(actions[1])`",
                "keep one of them"
            )
            return nil
        }
        if fields.has("cost"), kind != "policy" {
            fields.report("cost", "`cost` has no meaning beside `\(kind)`, which counts nothing", "remove it")
        }
        if kind == "deny" {
            if fields.has("upstream") {
                fields.report(
                    "upstream",
                    "`upstream` has no meaning beside `deny`, which forwards nothing",
                    "remove it"
                )
            }
            return .deny
        }
        if let policy { checkDefined(policy: policy, names, fields) }
        guard let target = target(fields, upstream, names) else { return nil }
        if kind == "allow" { return .allow(upstream: target.upstream) }
        return policy.map { .policy(upstream: target.upstream, policy: $0, cost: cost ?? 1) }
    }

    /// Reports a policy that is not there.
    func checkDefined(policy: String, _ names: Names, _ fields: Fields) {
        guard policy != "default", !names.policies.contains(policy) else { return }
        reportUndefined("policy", policy, among: names.policies + ["default"], fields)
    }

    /// The route's upstream; the only one there is if it names none. Nil if that is wrong.
    func target(_ fields: Fields, _ named: String?, _ names: Names) -> Target? {
        if let named {
            if !names.forwards, names.upstreams.isEmpty {
                fields.report(
                    "upstream",
                    "every listener answers checks, so nothing is forwarded to \(quoted(named))",
                    "remove `upstream`"
                )
            } else if !names.upstreams.contains(named) {
                reportUndefined("upstream", named, among: names.upstreams, fields)
            }
            return Target(upstream: named)
        }
        // Names something that is no text, which was reported.
        guard !fields.has("upstream") else { return nil }
        guard names.forwards else { return Target() }
        if names.upstreams.count == 1 { return Target(upstream: names.upstreams[0]) }
        // Without any, the file's fault has been reported.
        if !names.upstreams.isEmpty { fields.reportMissing("upstream", example: "upstream: \(names.upstreams[0])") }
        return nil
    }

    private func reportUndefined(_ kind: String, _ name: String, among known: [String], _ fields: Fields) {
        let list = known.prefix(8).map { quoted($0) }.joined(separator: ", ")
        let plural = kind == "policy" ? "policies" : "upstreams"
        let remedy =
            nearest(to: name, among: known).map { "did you mean `\($0)`?" } ?? "define it in `\(plural)`"
            + (list.isEmpty ? "" : ", or use one of \(list)")
        fields.report(kind, "there is no \(kind) \(quoted(name))", remedy)
    }
}
