import Settings
import Testing

@testable import Gateway

/// DESIGN section 3, "Match".
@Suite struct RouteTableTests {
    private static let table: RouteTable = {
        do {
            return RouteTable(
                routes: try configuration(
                    """
                    upstreams: { app: { servers: ["127.0.0.1:3000"] } }
                    policies: { api: { preset: api }, site: { preset: site } }
                    routes:
                      - { name: robots, match: { path: "/robots.txt" }, upstream: app, allow: true }
                      - { name: banned, match: { clients: ["192.0.2.0/24", "2001:db8::/32"] }, deny: true }
                      - { name: api, match: { host: api.example.com, path: "/v1/*", methods: [GET, POST],
                          headers: { User-Agent: "*bot*" }, not: { path: "/v1/open/*" } }, upstream: app, policy: api }
                      - { name: several, match: { host: ["a.example", "*.a.example"], path: ["/x", "/y/*"] },
                          upstream: app, policy: api }
                      - { name: keyed, match: { headers: { X-Key: "*", X-Kind: "k*" } }, upstream: app, policy: api }
                      - { name: forge, match: { path: "/group/*/secret" }, deny: true }
                      - { name: slash, match: { path: "/data%2F*" }, upstream: app, allow: true }
                      - { name: notTwice, match: { path: "/n/*", not: [{ path: "/n/a" }, { methods: [DELETE] }] },
                          upstream: app, policy: site }
                    """
                ).routes
            )
        } catch {
            preconditionFailure("the test's configuration is faulty: \(error)")
        }
    }()

    /// The name of the route, "none", "ambiguous", or the problem.
    private func route(
        _ path: String,
        _ method: String = "GET",
        host: String = "example.com",
        fields: [(String, String)] = [],
        client: String = "203.0.113.1"
    ) throws -> String {
        let head = head(method, path, [("Host", host)] + fields)
        let target = try RequestTarget(head, isHTTP10: false)
        switch Self.table.match(.init(head: head, host: target.host, client: ip(client)), path: target.path) {
        case .route(let index): return Self.table.routes[index].name
        case .none: return "none"
        case .ambiguous: return "ambiguous"
        }
    }

    @Test func theFirstThatMatchesWins() throws {
        #expect(try route("/robots.txt", client: "192.0.2.9") == "robots")
        #expect(try route("/other", client: "192.0.2.9") == "banned")
        #expect(try route("/other", client: "2001:db8:ffff::1") == "banned")
        #expect(try route("/other", client: "192.0.3.0") == "none")
        // An IPv4-mapped address is the IPv4 address.
        #expect(try route("/other", client: "::ffff:192.0.2.1") == "banned")
    }

    @Test func everyConditionMustHold() throws {
        let agent = [("User-Agent", "a bot/1")]
        #expect(try route("/v1/x", host: "api.example.com", fields: agent) == "api")
        #expect(try route("/v1/x", host: "API.example.com.:80", fields: agent) == "api")
        #expect(try route("/v1/x", host: "api.example.com.evil.example", fields: agent) == "none")
        #expect(try route("/v1/x", host: "api.example.com") == "none")
        #expect(try route("/v1/x", host: "api.example.com", fields: [("User-Agent", "curl")]) == "none")
        #expect(try route("/v1", host: "api.example.com", fields: agent) == "none")
        #expect(try route("/v1/x", "DELETE", host: "api.example.com", fields: agent) == "none")
    }

    @Test func getIncludesHeadAndMethodsAreExact() throws {
        let agent = [("User-Agent", "bot")]
        #expect(try route("/v1/x", "HEAD", host: "api.example.com", fields: agent) == "api")
        #expect(try route("/v1/x", "POST", host: "api.example.com", fields: agent) == "api")
        #expect(try route("/v1/x", "get", host: "api.example.com", fields: agent) == "none")
    }

    @Test func notTakesOut() throws {
        let agent = [("User-Agent", "bot")]
        #expect(try route("/v1/open/x", host: "api.example.com", fields: agent) == "none")
        #expect(try route("/n/b") == "notTwice")
        #expect(try route("/n/a") == "none")
        #expect(try route("/n/b", "DELETE") == "none")
    }

    @Test func noSpellingOfThePathWalksAroundARule() throws {
        let agent = [("User-Agent", "bot")]
        let spellings = [
            "/v1/open/x", "//v1/open/x", "/v1//open/x", "/v1/%6Fpen/x", "/v1/./open/x", "/v1/y/../open/x",
            "/a/../v1/open/x", "/v1/%6f%70en/%78", "/v1/%2e/open/x", "/v1/y/%2E./open/x",
        ]
        for path in spellings { #expect(try route(path, host: "api.example.com", fields: agent) == "none", "\(path)") }
        // The rule's own word stays exact: another case is another path.
        #expect(try route("/v1/OPEN/x", host: "api.example.com", fields: agent) == "api")
    }

    @Test func oneOfSeveralPatternsSuffices() throws {
        #expect(try route("/x", host: "a.example") == "several")
        #expect(try route("/y/z", host: "b.a.example") == "several")
        #expect(try route("/y", host: "b.a.example") == "none")
        #expect(try route("/x", host: "xa.example") == "none")
    }

    @Test func allHeadersAndAnyValue() throws {
        #expect(try route("/", fields: [("X-Key", "1"), ("X-Kind", "a"), ("x-kind", "kx")]) == "keyed")
        #expect(try route("/", fields: [("X-Key", ""), ("X-Kind", "k")]) == "keyed")
        #expect(try route("/", fields: [("X-Key", "1")]) == "none")
        #expect(try route("/", fields: [("X-Kind", "k")]) == "none")
    }

    @Test func anEncodedSlashMustLeadToOneRoute() throws {
        // Both readings: none.
        #expect(try route("/pkg/@scope%2Fname") == "none")
        // As a separator it leads to `forge`, as data nowhere; the other way round for `slash`.
        #expect(try route("/group%2Fa/secret") == "ambiguous")
        #expect(try route("/group/a%2Fsecret") == "ambiguous")
        #expect(try route("/group/a%2Fb/secret") == "forge")
        #expect(try route("/data%2Fx") == "ambiguous")
        #expect(try route("/data%2Fx", client: "192.0.2.1") == "banned")
        #expect(throws: RequestTarget.Problem.self) { try route("/x%2F..%2F..%2Fsecret") }
    }

    @Test(arguments: [
        ("git.example.com", "/open/a.git/info/refs", "GET", "git"),
        ("git.example.com", "/open/a.git/info/refs", "HEAD", "git"),
        ("git.example.com", "/open/a.git/git-upload-pack", "POST", "git-post"),
        // What the file says beside the list must hold too, and the list's own exclusions as well.
        ("example.com", "/open/a.git/info/refs", "GET", "rest"), ("git.example.com", "/a.git/info/refs", "GET", "rest"),
        ("git.example.com", "/open/secret.git/info/refs", "GET", "rest"),
        ("git.example.com", "/open/x.php/info/refs", "GET", "rest"),
        ("git.example.com", "/open/a.git/info/refs", "POST", "rest"),
    ])
    func anIncludedListIsNarrowedByItsMatch(host: String, path: String, method: String, name: String) throws {
        let routes = try configuration(
            """
            upstreams: { app: { servers: ["127.0.0.1:3000"] } }
            routes:
              - { include: "builtin:git", match: { host: git.example.com, path: "/open/*", not: { path: "*secret*" } }, policy: default }
              - { name: rest, policy: default }
            """
        ).routes
        let head = head(method, path, [("Host", host)])
        let target = try RequestTarget(head, isHTTP10: false)
        let match = RouteTable(routes: routes).match(
            .init(head: head, host: target.host, client: ip("203.0.113.1")),
            path: target.path
        )
        guard case .route(let index) = match else {
            Issue.record("\(match)")
            return
        }
        #expect(routes[index].name == name)
    }
}
