// `include:` of a route: a built-in list in its place.

extension Reading {
    /// The routes that an `include` stands for; none if it is wrong.
    ///
    /// They are charged to their policy's ceiling and nothing else, so there must be one. Whatever else stands in
    /// `match` must hold besides.
    func includedRoutes(_ fields: Fields, _ names: Names) -> [RouteDraft] {
        let problemsBefore = problems.count
        let list = fields.parsed("include", example: "include: \"builtin:well-known\"", Self.list)
        let name = fields.parsed("name", example: "name: feeds") { text throws(Complaint) in
            try parseName(text, limit: 64 - BuiltinRoutes.suffixBytes)
        }
        let match = routeMatch(fields)
        let upstream = fields.text("upstream", example: "upstream: app")
        let policy = fields.text("policy", example: "policy: default")
        let cost = fields.integer("cost", in: UInt32(1)...1_000_000)
        if fields.has("allow") {
            fields.report(
                "allow",
                "a built-in list is never let by uncounted, for anybody can send what it matches: `allow` cannot stand beside `include`",
                "write `policy: NAME`, whose ceiling then bounds it"
            )
        }
        if fields.has("deny") {
            fields.report(
                "deny",
                "a built-in list is what programs must reach: `deny` cannot stand beside `include`",
                "name the paths to refuse in a route of their own"
            )
        }
        if !fields.has("policy"), !fields.has("allow"), !fields.has("deny") {
            fields.reportMissing("policy", example: "policy: default")
        }
        if let policy { checkDefined(policy: policy, names, fields) }
        let target = target(fields, upstream, names)
        guard problems.count == problemsBefore, let list, let match, let policy, let target else { return [] }
        // A part whose methods the file's own exclude would never match.
        let parts = list.matches(named: name ?? list.rawValue).filter { part in
            match.methods.map { !Set($0).isDisjoint(with: part.match.methods ?? $0) } ?? true
        }
        if parts.isEmpty {
            fields.report(
                "match",
                "the methods beside `include` are none that the list lets by, so nothing would match",
                "remove them, or the route"
            )
        }
        return parts.map { part in
            var narrowed = part.match
            if match != RouteMatch() {
                narrowed = match
                narrowed.also = [part.match]
            }
            let action = RouteAction.policy(
                upstream: target.upstream,
                policy: policy,
                cost: cost ?? 1,
                charging: .ceiling
            )
            let settings = RouteSettings(
                name: part.name,
                line: fields.position.line,
                match: narrowed,
                action: action
            )
            return (settings, fields)
        }
    }

    private static func list(_ text: String) throws(Complaint) -> BuiltinRoutes {
        let known = BuiltinRoutes.allCases
        if let list = known.first(where: { $0.reference == text }) { return list }
        let words = known.map(\.reference)
        let word = text.hasPrefix("builtin:") ? String(text.dropFirst(8)) : text
        let meant = nearest(to: word, among: known.map(\.rawValue)).map { "builtin:\($0)" }
        throw Complaint(
            "\(quoted(text)) is not a list that can be included",
            meant.map { "did you mean `\($0)`?" } ?? "write \(alternatives(words))"
        )
    }
}
