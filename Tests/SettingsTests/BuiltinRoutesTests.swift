import Testing

@testable import Settings

private let head =
    "upstreams: { app: { servers: [\"127.0.0.1:3000\"] } }\npolicies: { api: { preset: api } }\nroutes:\n"

/// What the built-in lists let by, and that they are no way around a ceiling.
@Suite struct BuiltinRoutesTests {
    /// Whether the list has a route for such a request.
    private func letsBy(_ list: BuiltinRoutes, _ method: String, _ path: String) -> Bool {
        list.matches(named: "x").contains { _, match in
            let isExcluded = match.not.contains { $0.path!.contains { $0.matches(path) } }
            return match.methods!.contains(method) && match.path!.contains { $0.matches(path) } && !isExcluded
        }
    }

    @Test(arguments: [
        (BuiltinRoutes.wellKnown, "GET", "/robots.txt"), (.wellKnown, "HEAD", "/robots.txt"),
        (.wellKnown, "GET", "/.well-known/acme-challenge/abc_-9"), (.wellKnown, "GET", "/.well-known/security.txt"),
        (.wellKnown, "GET", "/apple-touch-icon-120x120-precomposed.png"), (.wellKnown, "GET", "/sitemap-3.xml"),
        (.feeds, "GET", "/feed"), (.feeds, "GET", "/feed/"), (.feeds, "HEAD", "/index.xml"),
        (.feeds, "GET", "/category/news/feed/"), (.feeds, "GET", "/@user.rss"), (.feeds, "GET", "/a/b/releases.atom"),
        (.git, "GET", "/a/b.git/info/refs"), (.git, "GET", "/a/b/info/refs"),
        (.git, "POST", "/a/b.git/git-upload-pack"),
        (.git, "POST", "/a/b/git-receive-pack"), (.git, "POST", "/a/b.git/info/lfs/objects/batch"),
        (.git, "GET", "/a/b.git/info/lfs/objects/0123"),
        (.oci, "GET", "/v2/"), (.oci, "HEAD", "/v2/a/b/manifests/latest"), (.oci, "GET", "/v2/a/blobs/sha256:0123"),
        (.oci, "GET", "/v2/a/b/tags/list"), (.oci, "GET", "/v2/a/referrers/sha256:0123"),
        (.oci, "POST", "/v2/a/blobs/uploads/"), (.oci, "PATCH", "/v2/a/blobs/uploads/1-2"),
        (.oci, "PUT", "/v2/a/blobs/uploads/1-2"), (.oci, "PUT", "/v2/a/b/manifests/latest"),
    ])
    func `What programs must reach is let by`(list: BuiltinRoutes, method: String, path: String) {
        #expect(letsBy(list, method, path))
    }

    @Test(arguments: [
        (BuiltinRoutes.wellKnown, "POST", "/robots.txt"), (.wellKnown, "GET", "/a/robots.txt"),
        (.wellKnown, "GET", "/.well-known/tollgate"), (.wellKnown, "POST", "/.well-known/tollgate/redeem"),
        (.wellKnown, "GET", "/.well-known/tollgate/challenge"), (.wellKnown, "GET", "/.well-known"),
        (.wellKnown, "GET", "/sitemap-x/search.xml"), (.wellKnown, "GET", "/apple-touch-icon/../a.png"),
        (.wellKnown, "GET", "/"), (.wellKnown, "GET", "/.well-known/x.php/y"),
        (.feeds, "POST", "/feed/"), (.feeds, "GET", "/"), (.feeds, "GET", "/search/x/feed/"),
        (.feeds, "GET", "/search.rss"),
        (.feeds, "GET", "/index.php/feed/"), (.feeds, "GET", "/api/all;.rss"), (.feeds, "GET", "/api/all%3B.rss"),
        (.feeds, "GET", "/api%3Fq=1&x=.atom"), (.feeds, "GET", "/api%23.rss"), (.feeds, "GET", "/api%253Fq=.rss"),
        (.feeds, "GET", "/feeds"), (.feeds, "GET", "/a/feed"), (.feeds, "GET", "/x.rss/y"),
        (.git, "POST", "/a/b.git/info/refs"), (.git, "GET", "/a/b.git/git-upload-pack"), (.git, "GET", "/a/b/commits"),
        (.git, "GET", "/a/b.git/HEAD"), (.git, "PUT", "/a/b.git/info/lfs/objects/0123"),
        (.git, "GET", "/x.cgi/info/refs"),
        (.oci, "GET", "/v2/_catalog"), (.oci, "DELETE", "/v2/a/manifests/latest"), (.oci, "POST", "/v2/"),
        (.oci, "GET", "/v1/a/manifests/latest"), (.oci, "GET", "/v2"), (.oci, "GET", "/v2/a"),
    ])
    func `What is near to it is not`(list: BuiltinRoutes, method: String, path: String) {
        #expect(!letsBy(list, method, path))
    }

    @Test(arguments: BuiltinRoutes.allCases)
    func `A list becomes routes that are charged to the ceiling`(list: BuiltinRoutes) throws {
        let loaded = try load(
            head + "  - { include: \"\(list.reference)\", policy: api, cost: 3 }\n  - { policy: api }\n"
        )
        #expect(loaded.warnings.isEmpty)
        let routes = loaded.configuration.routes.dropLast()
        #expect(routes.map(\.name) == list.matches(named: list.rawValue).map(\.name))
        #expect(routes.first?.name == list.rawValue)
        #expect(routes.map(\.match) == list.matches(named: "").map(\.match))
        #expect(routes.allSatisfy { $0.line == 4 })
        #expect(
            routes.allSatisfy {
                $0.action == .policy(upstream: "app", policy: "api", cost: 3, charging: .ceiling)
            }
        )
    }

    @Test(arguments: BuiltinRoutes.allCases)
    func `A list keeps to its own rules`(list: BuiltinRoutes) {
        #expect(list.parts.first?.suffix == "")
        #expect(Set(list.parts.map(\.suffix)).count == list.parts.count)
        for part in list.parts {
            #expect(part.suffix.utf8.count <= BuiltinRoutes.suffixBytes)
            #expect(part.methods.contains("GET") == part.methods.contains("HEAD"))
            #expect(!part.lines.isEmpty && part.lines.allSatisfy { !$0.paths.isEmpty && $0.reason.hasSuffix(".") })
            // Each stays in its place: nothing ends in a star but what a longer name stands before.
            for path in part.lines.flatMap(\.paths) { #expect(!["*", "/*"].contains(path)) }
        }
        // Each pattern is one that a file could hold.
        let paths = (list.parts.flatMap(\.lines) + list.excludedHere + BuiltinRoutes.excludedEverywhere).flatMap(
            \.paths
        )
        let listed = paths.map { "\"\($0)\"" }.joined(separator: ", ")
        #expect(problems(head + "  - { match: { path: [\(listed)] }, policy: api }\n").isEmpty)
    }

    @Test func `A match beside a list narrows it`() throws {
        let routes = try load(
            head
                + "  - { include: \"builtin:git\", name: forge, match: { host: git.example.com, path: \"/a/*\", not: { clients: 192.0.2.0/24 } }, policy: api }\n  - { policy: api }\n"
        ).configuration.routes
        #expect(routes.map(\.name) == ["forge", "forge-post", "route-2"])
        for (route, part) in zip(routes, BuiltinRoutes.git.matches(named: "")) {
            #expect(route.match.also == [part.match])
            #expect(route.match.host == [Glob("git.example.com")] && route.match.path == [Glob("/a/*")])
            #expect(route.match.not.count == 1 && !route.match.isUnconditional)
        }
        // A part that the methods exclude is left out.
        let fetches = try load(
            head + "  - { include: \"builtin:git\", match: { methods: POST }, policy: api }\n  - { policy: api }\n"
        )
        #expect(fetches.configuration.routes.map(\.name) == ["git-post", "route-2"])
        // A match that says nothing leaves the list as it is, and never makes it wider.
        let wide = try load(head + "  - { include: \"builtin:git\", match: {}, policy: api }\n  - { policy: api }\n")
        #expect(wide.configuration.routes[0].match.path == BuiltinRoutes.git.matches(named: "")[0].match.path)
    }

    @Test func `The same list may be included for two hosts`() throws {
        let routes = try load(
            head
                + "  - { include: \"builtin:oci\", name: a, match: { host: a.example }, policy: api }\n  - { include: \"builtin:oci\", match: { host: b.example }, policy: api }\n  - { policy: api }\n"
        ).configuration.routes
        #expect(routes.map(\.name) == ["a", "a-push", "oci", "oci-push", "route-3"])
    }

    @Test(arguments: [
        Fault(
            routesFile("  - { include: ¶feeds, policy: api }"),
            "`feeds` is not a list",
            "did you mean `builtin:feeds`?"
        ),
        Fault(
            routesFile("  - { include: ¶\"builtin:rss\", policy: api }"),
            "is not a list",
            "write `builtin:well-known`"
        ),
        Fault(
            routesFile("  - { include: ¶\"builtin:well_known\", policy: api }"),
            "is not a list",
            "`builtin:well-known`?"
        ),
        Fault(routesFile("  - { include: ¶routes.yaml, policy: api }"), "is not a list", "`builtin:git`"),
        Fault(routesFile("  - { include: ¶[git], policy: api }"), "must be text", "builtin:"),
        Fault(routesFile("  - ¶{ include: \"builtin:git\" }"), "has no `policy`", "policy: default"),
        Fault(routesFile("  - { include: \"builtin:git\", policy: ¶apy }"), "there is no policy `apy`", "`api`?"),
        Fault(
            routesFile("  - { include: \"builtin:git\", policy: api, upstream: ¶web }"),
            "no upstream `web`",
            "`app`"
        ),
        Fault(routesFile("  - { include: \"builtin:git\", allow: ¶true }"), "never let by uncounted", "`policy: NAME`"),
        Fault(
            routesFile("  - { include: \"builtin:git\", policy: api, allow: ¶true }"),
            "never let by uncounted",
            "`policy: NAME`"
        ),
        Fault(routesFile("  - { include: \"builtin:git\", deny: ¶true }"), "what programs must reach", "of their own"),
        Fault(routesFile("  - { include: \"builtin:git\", policy: api, cost: ¶0 }"), "cost` is `0`", "from 1"),
        Fault(
            routesFile("  - { include: \"builtin:git\", policy: api, cost: ¶101 }"),
            "costs 101 but the policy `api` has a limit whose burst is 100",
            "raise"
        ),
        Fault(
            routesFile("  - { include: \"builtin:git\", policy: api, name: ¶\(String(repeating: "a", count: 60)) }"),
            "is not a name",
            "1 to 59"
        ),
        Fault(
            routesFile("  - { include: \"builtin:git\", policy: api, ¶paths: /a }"),
            "unknown field `paths`",
            "known"
        ),
        Fault(
            routesFile("  - { include: \"builtin:git\", policy: api }\n  - ¶{ include: \"builtin:git\", policy: api }"),
            "the name `git` is that of the route in line 4",
            "a name of its own"
        ),
        Fault(
            routesFile("  - { include: \"builtin:feeds\", match: ¶{ methods: [POST, PUT] }, policy: api }"),
            "none that the list lets by",
            "remove them"
        ),
        Fault(
            head.replacing("preset: api", with: "preset: api, ceiling: off")
                + "  - { include: \"builtin:git\", policy: ¶api }\n  - { policy: api }\n",
            "the policy `api` has no ceiling",
            "give the policy a `ceiling`"
        ),
    ])
    func `An include is checked`(fault: Fault) { expectOnly(fault) }

    @Test func `A list costs the ceiling only, whatever the free limits are`() throws {
        // More than a free burst, than a pass and than the reserve allow.
        let file = "policies: { default: { free: 0, work: { grants: 1 } } }\n"
        let loaded = try load(
            "upstream: \"http://127.0.0.1:3000\"\n\(file)routes: [{ include: \"builtin:oci\", policy: default, cost: 600 }, { policy: default }]\n"
        )
        #expect(loaded.warnings.isEmpty)
    }
}
