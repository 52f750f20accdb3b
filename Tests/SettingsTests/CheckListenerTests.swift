import Testing

@testable import Settings

private let head = "upstream: \"http://127.0.0.1:3000\"\n"

/// Listeners that answer other proxies' questions.
@Suite struct CheckListenerTests {
    @Test(arguments: CheckFamily.allCases)
    func `A check listener alone needs no upstream`(family: CheckFamily) throws {
        let loaded = try load("listeners: [{ address: \"127.0.0.1:8081\", check: \(family.rawValue) }]\n")
        let configuration = loaded.configuration
        #expect(loaded.warnings.isEmpty)
        #expect(configuration.upstreams.isEmpty)
        #expect(configuration.listeners.map(\.mode) == [.check(family)])
        #expect(configuration.routes.map(\.action) == [.policy(upstream: nil, policy: "default", cost: 1)])
        #expect(configuration.policies.map(\.name) == ["default"])
        let client: ClientSource =
            family == .nginx
            ? .header(name: "x-real-ip", trusted: .loopback) : .xForwardedFor(trusted: .loopback)
        #expect(configuration.listeners.map(\.client) == [client])
    }

    @Test func `Routes of checks name no upstream`() throws {
        let loaded = try load(
            """
            listeners:
              - { address: "127.0.0.1:8081", check: nginx }
              - { address: "unix:/run/tollgate/check.sock", check: caddy, client: { from: forwarded, trusted: [private] } }
            routes:
              - { match: { path: /a }, allow: true }
              - { match: { path: /b }, deny: true }
              - { include: "builtin:feeds", policy: default }
              - { policy: default, cost: 2 }
            """
        )
        #expect(loaded.warnings.isEmpty)
        #expect(
            loaded.configuration.routes.map(\.action) == [
                .allow(upstream: nil), .deny,
                .policy(upstream: nil, policy: "default", cost: 1, charging: .ceiling),
                .policy(upstream: nil, policy: "default", cost: 2),
            ]
        )
        #expect(loaded.configuration.listeners[1].client == .forwarded(trusted: .privateNetworks))
    }

    @Test func `A proxy listener beside a check listener needs an upstream`() throws {
        let listeners =
            "listeners: [{ address: \"127.0.0.1:8081\", check: envoy }, { address: \"127.0.0.1:8080\" }]\n"
        expectOnly(Fault("¶\(listeners)", "no upstream is named", "upstream: "))
        let configuration = try load(head + listeners).configuration
        #expect(configuration.routes.map(\.action) == [.policy(upstream: "default", policy: "default", cost: 1)])
        #expect(configuration.listeners.map(\.mode) == [.check(.envoy), .proxy])
    }

    @Test func `An upstream that nothing is forwarded to is a doubt`() throws {
        let check = "listeners: [{ address: \"127.0.0.1:8081\", check: nginx }]\n"
        try expectWarning(Fault(check + "¶\(head)", "nothing is forwarded to `upstream`", "remove `upstream`"))
        try expectWarning(
            Fault(
                check
                    + "¶upstreams: { a: { servers: [\"a:1\"] }, b: { servers: [\"b:1\"] } }\nroutes: [{ policy: default }]\n",
                "nothing is forwarded to `upstreams`",
                "without `check`"
            )
        )
        // Where it names one all the same, it is the one that is named.
        let named = try load(
            check + "upstreams: { a: { servers: [\"a:1\"] } }\nroutes: [{ upstream: a, policy: default }]\n"
        )
        #expect(named.configuration.routes.map(\.action) == [.policy(upstream: "a", policy: "default", cost: 1)])
    }

    @Test(arguments: [
        Fault(
            "listeners: [{ address: \"127.0.0.1:1\", check: nginx, client: ¶peer }]\n",
            "nobody would be trusted to ask",
            "write `client: \"header:x-real-ip\"`"
        ),
        Fault(
            "listeners: [{ address: \"127.0.0.1:1\", check: caddy, client: ¶{ from: peer } }]\n",
            "nobody would be trusted to ask",
            "write `client: x-forwarded-for`"
        ),
        Fault(
            "listeners: [{ address: \"127.0.0.1:1\", check: haproxy, client: ¶proxy-protocol }]\n",
            "is the proxy that asks",
            "remove `client`"
        ),
        Fault(
            "listeners: [{ address: \"127.0.0.1:1\", check: ¶ngnix }]\n",
            "`ngnix` is not one of its values",
            "did you mean `nginx`?"
        ),
        Fault(
            "listeners: [{ address: \"127.0.0.1:1\", check: ¶true }]\n",
            "`true` is not one of its values",
            "write `nginx`, `caddy`"
        ),
        Fault(
            "listeners: [{ address: \"127.0.0.1:1\", check: ¶[nginx] }]\n",
            "must be text, found a list",
            "check: nginx"
        ),
        Fault(
            "listeners: [{ address: \"127.0.0.1:1\", check: nginx }, { address: ¶\"127.0.0.1:1\", check: caddy }]\n",
            "also listened on by the listener in line 1",
            "another port"
        ),
        Fault(
            "listeners: [{ address: \"127.0.0.1:1\", check: nginx }]\nroutes: [{ upstream: ¶app, policy: default }]\n",
            "every listener answers checks, so nothing is forwarded to `app`",
            "remove `upstream`"
        ),
        Fault(
            "listeners: [{ ¶chekc: nginx, address: \"127.0.0.1:1\" }]\n\(head)",
            "unknown field `chekc`",
            "did you mean `check`?"
        ),
    ])
    func `A check listener is checked`(fault: Fault) { expectOnly(fault) }
}
