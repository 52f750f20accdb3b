extension Reading {
    /// A route, and its fields for the checks that need the whole file.
    typealias RouteDraft = (settings: RouteSettings, fields: Fields)

    /// What routes may refer to, with those whose definitions are wrong.
    struct Names {
        var upstreams: [String]
        var policies: [String]
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
        let drafts = values.enumerated().compactMap { index, value in
            let example = "{ name: all, match: { path: \"/*\" }, policy: default }"
            return Fields(value, place: "routes[\(index)]", reading: self, example: example).flatMap {
                route($0, index, names)
            }
        }
        var seen: [String: Int] = [:]
        for draft in drafts {
            if let line = seen[draft.settings.name] {
                draft.fields.report(
                    "name",
                    "the name \(quoted(draft.settings.name)) is that of the route in line \(line)",
                    "give each route a name of its own"
                )
            } else {
                seen[draft.settings.name] = draft.settings.line
            }
        }
        return drafts
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
        guard let upstream = names.upstreams.first else { return nil }
        var match = RouteMatch()
        match.path = [Glob("/*")]
        let action = RouteAction.policy(upstream: upstream, policy: "default", cost: 1)
        return (RouteSettings(name: "all", line: root.position.line, match: match, action: action), root)
    }

    private func route(_ fields: Fields, _ index: Int, _ names: Names) -> RouteDraft? {
        let problemsBefore = problems.count
        defer { fields.finish() }
        let name = fields.parsed("name", example: "name: api") { text throws(Complaint) in try parseName(text) }
        let match =
            fields.has("match")
            ? fields.fields("match", example: "match: { path: \"/v1/*\" }").flatMap { self.match($0) } : RouteMatch()
        if fields.has("include") {
            _ = fields.text("include", example: "include: \"builtin:well-known\"")
            fields.report(
                "include",
                "included routes are not available yet in this version",
                "write the routes out, and remove `include`"
            )
            _ = [
                fields.has("upstream"), fields.has("policy"), fields.has("allow"), fields.has("deny"),
                fields.has("cost"),
            ]
            return nil
        }
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
        if let policy, policy != "default", !names.policies.contains(policy) {
            reportUndefined("policy", policy, among: names.policies + ["default"], fields)
        }
        guard let target = self.upstream(fields, upstream, names) else { return nil }
        if kind == "allow" { return .allow(upstream: target) }
        return policy.map { .policy(upstream: target, policy: $0, cost: cost ?? 1) }
    }

    /// The route's upstream; the only one there is if it names none.
    private func upstream(_ fields: Fields, _ named: String?, _ names: Names) -> String? {
        if let named {
            if !names.upstreams.contains(named) { reportUndefined("upstream", named, among: names.upstreams, fields) }
            return named
        }
        // Names something that is no text, which was reported.
        guard !fields.has("upstream") else { return nil }
        if names.upstreams.count == 1 { return names.upstreams[0] }
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
