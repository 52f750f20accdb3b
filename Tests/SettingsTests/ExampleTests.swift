import Testing

@testable import Settings

/// The configuration of the design document, without what this version refuses.
let exampleText = """
    node:
      name: a
      data: /var/lib/tollgate
    listeners:
      - address: "0.0.0.0:8080"
        client: { from: x-forwarded-for, trusted: [loopback] }
      - { address: "127.0.0.1:8081", check: nginx }
    admin: { address: "unix:/run/tollgate/admin.sock" }
    probes: { address: "127.0.0.1:9464" }
    upstreams:
      app: { servers: ["127.0.0.1:3000"] }
    routes:                                                        # the first match wins
      - { name: robots, match: { path: "/robots.txt" }, upstream: app, allow: true }
      - { name: banned, match: { clients: ["192.0.2.0/24", { file: bad.txt }] }, deny: true }
      - { include: "builtin:well-known", upstream: app, policy: api }
      - { name: api, match: { host: api.example.com, path: "/v1/*", methods: [GET, POST], headers: { User-Agent: "*" }, not: { path: "/v1/open/*" } },
          upstream: app, policy: api, cost: 1 }
    policies:
      api:
        preset: api
        clientPrefix: { ipv4: 32, ipv6: 64 }
        reserve: 0
        maxKeys: 1000000
        free:
          - { rate: 60/min, burst: 20 }
          - { key: "client/24,/48", rate: 600/min }
          - { key: "header:X-Api-Key", rate: 100/min }
          - { key: all, rate: 50000/min }
        work:
          difficulty: 16000000
          rounds: 16
          grants: 100
          ttl: 10m
          challengeTtl: 5m
          bind: client
        ceiling: { rate: 1000/min }
        consistency: escrow
        onQuorumLoss: work
        enforce: true
        cors: { origins: ["https://app.example.com"] }
        page: { title: "One moment", text: "Terms &conditions apply", contact: "mail@example.com", logo: logo.svg, status: 429 }
    log: { level: info, format: json, access: stdout, addresses: prefix }
    """
let exampleFiles = [
    "/etc/bad.txt": "# bad\n198.51.100.0/24\n\n2001:db8::/32  # worse\r\n", "/etc/logo.svg": "<svg/>",
    "/etc/admin.token": "0123456789abcdef\n",
]

@Suite struct ExampleTests {
    @Test func `The example of the design says what it means`() throws {
        let loaded = try load(exampleText, files: exampleFiles)
        let configuration = loaded.configuration
        #expect(configuration.node == NodeSettings(name: "a", data: "/var/lib/tollgate"))
        #expect(
            configuration.listeners == [
                ListenerSettings(
                    address: .tcp(host: IPAddress(ipv4: 0), port: 8_080),
                    mode: .proxy,
                    client: .xForwardedFor(trusted: .loopback)
                ),
                ListenerSettings(
                    address: .tcp(host: IPAddress(ipv4: 0x7F00_0001), port: 8_081),
                    mode: .check(.nginx),
                    client: .header(name: "x-real-ip", trusted: .loopback)
                ),
            ]
        )
        #expect(
            configuration.admin == AdminSettings(address: .unix(path: "/run/tollgate/admin.sock"), token: nil)
        )
        #expect(configuration.probes == .tcp(host: IPAddress(ipv4: 0x7F00_0001), port: 9_464))
        #expect(
            configuration.upstreams == [
                UpstreamSettings(name: "app", servers: [.address(IPAddress(ipv4: 0x7F00_0001), port: 3_000)])
            ]
        )
        #expect(configuration.log == LogSettings())
        #expect(configuration.limits == HTTPLimits())
        #expect(loaded.files == ["/etc/t.yaml", "/etc/logo.svg", "/etc/bad.txt"])

        let routes = configuration.routes
        #expect(routes.map(\.name) == ["robots", "banned", "well-known", "api"])
        #expect(routes.map(\.line) == [13, 14, 15, 16])
        #expect(
            routes.map(\.action) == [
                .allow(upstream: "app"), .deny,
                .policy(upstream: "app", policy: "api", cost: 1, charging: .ceiling),
                .policy(upstream: "app", policy: "api", cost: 1),
            ]
        )
        #expect(routes[0].match.path == [Glob("/robots.txt")])
        let banned = try #require(routes[1].match.clients)
        #expect(banned.prefixes.map(\.description) == ["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32"])
        let api = routes[3].match
        #expect(api.host == [Glob("api.example.com")])
        #expect(api.path == [Glob("/v1/*")])
        #expect(api.methods == ["GET", "POST", "HEAD"])
        #expect(api.headers == [HeaderMatch(name: "user-agent", values: [Glob("*")])])
        #expect(api.not.map(\.path) == [[Glob("/v1/open/*")]])
        #expect(!api.isUnconditional)
    }

    @Test func `The example's policy says what it means`() throws {
        let loaded = try load(exampleText, files: exampleFiles)
        let policy = try #require(loaded.configuration.policy(named: "api"))
        #expect(policy.preset == .api)
        #expect(policy.clientPrefix == ClientPrefix(ipv4: 32, ipv6: 64))
        #expect(policy.reserve == 0 && policy.maxKeys == 1_000_000 && !policy.freeIsZero && policy.enforce)
        #expect(
            policy.free.map(\.key) == [
                .client, .clientPrefix(ClientPrefix(ipv4: 24, ipv6: 48)), .header("x-api-key"), .all,
            ]
        )
        #expect(policy.free.map(\.identity) == ["client", "client/24,/48", "header:x-api-key", "all"])
        #expect(policy.free.map(\.burst) == [20, 10, 1, 833])
        #expect(policy.free.map(\.interval) == [1_000_000_000, 100_000_000, 600_000_000, 1_200_000])
        #expect(policy.free.map(\.rateText) == ["60/min", "600/min", "100/min", "50000/min"])
        #expect(policy.free.map(\.count) == [60, 600, 100, 50_000])
        #expect(policy.free.allSatisfy { $0.windowNanoseconds == 60_000_000_000 })
        #expect(
            policy.work
                == WorkSettings(
                    difficulty: 16_000_000,
                    rounds: 16,
                    grants: 100,
                    ttlSeconds: 600,
                    challengeTtlSeconds: 300,
                    bind: .client
                )
        )
        #expect(policy.ceiling.map(\.key) == [.client])
        #expect(policy.ceiling.map(\.interval) == [60_000_000])
        #expect(policy.ceiling.map(\.burst) == [16])
        #expect(policy.consistency == .escrow && policy.onQuorumLoss == .work)
        #expect(policy.cors == ["https://app.example.com"])
        #expect(
            policy.page.title == "One moment" && policy.page.contact == "mail@example.com" && policy.page.status == 429
        )
        // An ampersand in a text is text, not an anchor.
        #expect(policy.page.text == "Terms &conditions apply")
        #expect(
            policy.page.logo
                == PageLogo(path: "/etc/logo.svg", contentType: "image/svg+xml", bytes: Array("<svg/>".utf8))
        )
        // The ceiling's burst, which the example leaves to its default, is below the free one.
        #expect(loaded.warnings.map(\.line) == [36])
        #expect(loaded.warnings.first?.message.contains("the ceiling's burst of 16 is below the free 20") == true)
    }

    @Test func `An upstream alone is a configuration`() throws {
        let loaded = try Configuration.fromUpstream(url: "http://127.0.0.1:3000", environment: environment())
        let configuration = loaded.configuration
        #expect(loaded.warnings.isEmpty)
        #expect(loaded.files.isEmpty)
        #expect(configuration.node == NodeSettings(name: "host-1", data: "/var/lib/tollgate"))
        #expect(
            configuration.listeners == [
                ListenerSettings(address: .tcp(host: IPAddress(ipv4: 0), port: 8_080), mode: .proxy, client: .standard)
            ]
        )
        #expect(configuration.probes == nil)
        #expect(
            configuration.upstream(named: "default")?.servers == [.address(IPAddress(ipv4: 0x7F00_0001), port: 3_000)]
        )
        #expect(configuration.routes.map(\.action) == [.policy(upstream: "default", policy: "default", cost: 1)])
        #expect(configuration.routes.first?.match.isUnconditional == true)
        #expect(configuration.policies == [PolicySettings(name: "default", preset: .site)])

        let fromFile = try load("upstream: \"http://127.0.0.1:3000\"\n").configuration
        #expect(fromFile == configuration)
    }

    @Test(arguments: [
        ("127.0.0.1:3000", "127.0.0.1:3000"), ("http://app", "app:80"),
        ("http://App.Internal:8080/", "app.internal:8080"), ("http://[::1]:9", "[::1]:9"),
        ("HTTP://my_app:1", "my_app:1"), ("unix:/run/app.sock", "unix:/run/app.sock"),
    ])
    func `A server is read`(text: String, shown: String) throws {
        let configuration = try Configuration.fromUpstream(url: text, environment: environment()).configuration
        #expect(configuration.upstreams[0].servers.map(\.description) == [shown])
    }

    @Test func `Every field can be set`() throws {
        let configuration = try load(
            """
            listeners:
              - { address: "[::1]:8080", client: peer }
              - { address: "unix:/run/t.sock", client: { from: forwarded, trusted: [private, 192.0.2.7] } }
              - { address: "localhost:0", client: { from: proxy-protocol, trusted: [2001:db8::/32] } }
              - { address: "127.0.0.1:0", client: { from: "header:X-Real-IP" } }
            upstreams:
              app: { servers: [a.example, "b.example:1"], connectTimeout: 1s, responseTimeout: 2s, idleTimeout: 3s, keepAliveTimeout: 4s, maxConnections: 5 }
            limits: { headerBytes: 2048, headerCount: 11, targetBytes: 300, bodyBytes: 12, headerTimeout: 1s, bodyIdleTimeout: 2s, writeIdleTimeout: 3s,
              keepAliveTimeout: 4s, maxConnections: 5, shutdownDeadline: 6s }
            log: { level: debug, format: text, access: off, addresses: none }
            """.replacing("a.example,", with: "\"a.example:80\",")
        ).configuration
        #expect(
            configuration.listeners.map(\.address.description) == [
                "[::1]:8080", "unix:/run/t.sock", "127.0.0.1:0", "127.0.0.1:0",
            ]
        )
        let trusted = PrefixSet(PrefixSet.privateNetworks.prefixes + [try #require(IPPrefix("192.0.2.7"))])
        #expect(
            configuration.listeners.map(\.client) == [
                .peer, .forwarded(trusted: trusted),
                .proxyProtocol(trusted: PrefixSet([try #require(IPPrefix("2001:db8::/32"))])),
                .header(name: "x-real-ip", trusted: .loopback),
            ]
        )
        var upstream = UpstreamSettings(
            name: "app",
            servers: [.name("a.example", port: 80), .name("b.example", port: 1)]
        )
        upstream.connectTimeoutNanoseconds = 1_000_000_000
        upstream.responseTimeoutNanoseconds = 2_000_000_000
        upstream.idleTimeoutNanoseconds = 3_000_000_000
        upstream.keepAliveTimeoutNanoseconds = 4_000_000_000
        upstream.maxConnections = 5
        #expect(configuration.upstreams == [upstream])
        var limits = HTTPLimits()
        (limits.headerBytes, limits.headerCount, limits.targetBytes, limits.bodyBytes, limits.maxConnections) = (
            2_048, 11, 300, 12, 5
        )
        (limits.headerTimeoutNanoseconds, limits.bodyIdleTimeoutNanoseconds) = (1_000_000_000, 2_000_000_000)
        (limits.writeIdleTimeoutNanoseconds, limits.keepAliveTimeoutNanoseconds) = (3_000_000_000, 4_000_000_000)
        limits.shutdownDeadlineNanoseconds = 6_000_000_000
        #expect(configuration.limits == limits)
        #expect(configuration.log == LogSettings(level: .debug, format: .text, access: .off, addresses: .none))
    }

    @Test func `The hash is that of what was read`() throws {
        func hash(_ text: String, _ list: String) throws -> String {
            let route = "routes: [{ match: { clients: [{ file: bad.txt }] }, deny: true }]\n"
            return try load("upstream: \"http://127.0.0.1:3000\"\n\(route)\(text)", files: ["/etc/bad.txt": list])
                .configuration.hash
        }
        let hash1 = try hash("", "192.0.2.1")
        #expect(hash1.count == 32)
        #expect(try hash("", "192.0.2.1") == hash1)
        #expect(try hash("# comment", "192.0.2.1") != hash1)
        #expect(try hash("", "192.0.2.2") != hash1)
    }

    @Test func `A host's name becomes a node's name`() throws {
        func name(_ host: String) throws -> String {
            try Configuration.fromUpstream(url: "http://127.0.0.1:1", environment: environment(hostName: host))
                .configuration.node.name
        }
        #expect(try name("web-1.example.com") == "web-1.example.com")
        #expect(try name("") == "node")
        #expect(try name("bad host\n\"é") == "bad-host---")
        #expect(try name(String(repeating: "a", count: 200)).count == 63)
    }
}
