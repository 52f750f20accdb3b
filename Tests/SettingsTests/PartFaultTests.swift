import Testing

@testable import Settings

private let head = "upstream: \"http://127.0.0.1:3000\"\n"

/// A file whose listeners are these.
private func listeners(_ text: String) -> String { head + "listeners: [\(text)]\n" }
/// A file with the upstream `app` and these servers.
private func servers(_ text: String) -> String { "upstreams:\n  app: { servers: [\(text)] }\n" }
/// Faults of listeners, upstreams and routes.
@Suite struct PartFaultTests {
    @Test(arguments: [
        Fault(head + "listeners: ¶[]\n", "`listeners` is empty", "add a listener"),
        Fault(listeners("¶{ client: peer }"), "`listeners[0]` has no `address`", "address: "),
        Fault(listeners("{ address: ¶\"8080\" }"), "`8080` is not an address to listen on", "127.0.0.1:8080"),
        Fault(listeners("{ address: ¶\":8080\" }"), "does not name an address", "0.0.0.0:8080"),
        Fault(listeners("{ address: ¶\"example.com:80\" }"), "does not name an address", "0.0.0.0:8080"),
        Fault(listeners("{ address: ¶\"::1:8080\" }"), "is not an address to listen on", "[::1]:8080"),
        Fault(listeners("{ address: ¶\"[::1]\" }"), "is not an address to listen on", "[::1]:8080"),
        Fault(listeners("{ address: ¶\"[127.0.0.1]:80\" }"), "does not name an address", "[::1]:8080"),
        Fault(listeners("{ address: ¶\"127.0.0.1:65536\" }"), "`65536` is not a port", "1 to 65535"),
        Fault(listeners("{ address: ¶\"127.0.0.1:080\" }"), "`080` is not a port", "1 to 65535"),
        Fault(listeners("{ address: ¶\"unix:t.sock\" }"), "is not absolute", "unix:/run"),
        Fault(listeners("{ address: ¶\"unix:/\(String(repeating: "a", count: 107))\" }"), "108 bytes long", "shorter"),
        Fault(
            listeners("{ address: \"0.0.0.0:1\" }, { address: ¶\"0.0.0.0:1\" }"),
            "also listened on by the listener in line 2",
            "another port"
        ),
        Fault(
            listeners("{ address: \"0.0.0.0:1\" }, { address: ¶\"127.0.0.1:1\" }"),
            "also listened on",
            "another port"
        ),
        Fault(listeners("{ address: \"unix:/a\" }, { address: ¶\"unix:/a\" }"), "also listened on", "path"),
        Fault(
            listeners("{ address: \"0.0.0.0:1\" }") + "probes: { address: ¶\"0.0.0.0:1\" }\n",
            "also listened on",
            "another port"
        ),
        Fault(head + "probes: ¶{}\n", "`probes` has no `address`", "9464"),
        Fault(listeners("{ address: \"0.0.0.0:1\", check: ¶apache }"), "`apache` is not one", "`nginx`"),
    ])
    func `A listener's address is checked`(fault: Fault) { expectOnly(fault) }

    @Test(arguments: [
        Fault(
            listeners("{ address: \"0.0.0.0:1\", client: ¶x-forwarded-fro }"),
            "is not a source of client addresses",
            "did you mean `x-forwarded-for`?"
        ),
        Fault(
            listeners("{ address: \"0.0.0.0:1\", client: { from: ¶dns } }"),
            "`dns` is not a source",
            "`peer`, `x-forwarded-for`"
        ),
        Fault(listeners("{ address: \"0.0.0.0:1\", client: ¶{ trusted: [loopback] } }"), "has no `from`", "from: "),
        Fault(listeners("{ address: \"0.0.0.0:1\", client: ¶[peer] }"), "must be a mapping, found a list", "from: "),
        Fault(
            listeners("{ address: \"0.0.0.0:1\", client: { from: peer, trusted: ¶[loopback] } }"),
            "nobody can be trusted",
            "remove `trusted`"
        ),
        Fault(
            listeners("{ address: \"0.0.0.0:1\", client: { from: forwarded, trusted: ¶[] } }"),
            "`trusted` is empty",
            "client: peer"
        ),
        Fault(
            listeners("{ address: \"0.0.0.0:1\", client: { from: forwarded, trusted: ¶[\"0.0.0.0/0\"] } }"),
            "every peer is trusted",
            "client: peer"
        ),
        Fault(
            listeners("{ address: \"0.0.0.0:1\", client: { from: forwarded, trusted: ¶[loopback, \"::/0\"] } }"),
            "every peer is trusted",
            "client: peer"
        ),
        Fault(
            listeners("{ address: \"0.0.0.0:1\", client: { from: forwarded, trusted: [¶10.0.0.1/8] } }"),
            "bits set after its length",
            "write `10.0.0.0/8` for the network"
        ),
        Fault(
            listeners("{ address: \"0.0.0.0:1\", client: { from: forwarded, trusted: [¶10.0.0.0/64] } }"),
            "is not one of its family",
            "0 to 32"
        ),
        Fault(
            listeners("{ address: \"0.0.0.0:1\", client: { from: forwarded, trusted: [¶proxy.example] } }"),
            "is not a network",
            "`loopback` or `private`"
        ),
        Fault(
            listeners("{ address: \"0.0.0.0:1\", client: { from: forwarded, trusted: [¶{ file: a }] } }"),
            "must be a list of networks, found a mapping",
            "loopback"
        ),
        Fault(
            listeners("{ address: \"0.0.0.0:1\", client: ¶\"header:X Real\" }"),
            "is not a header's name",
            "letters, digits"
        ),
        Fault(
            listeners("{ address: \"0.0.0.0:1\", client: ¶\"header:\" }"),
            "is not a header's name",
            "letters, digits"
        ),
        Fault(
            listeners("{ address: \"0.0.0.0:1\", client: ¶\"header:Connection\" }"),
            "belongs to one connection",
            "another header"
        ),
        Fault(
            listeners("{ address: \"0.0.0.0:1\", client: ¶\"header:X-Forwarded-For\" }"),
            "holds a list",
            "from: x-forwarded-for"
        ),
        Fault(listeners("{ address: \"0.0.0.0:1\", client: ¶\"header:Cookie\" }"), "holds no address", "your proxy"),
    ])
    func `A listener's source of addresses is checked`(fault: Fault) { expectOnly(fault) }

    @Test(arguments: [
        Fault("¶log: {}\n", "no upstream is named", "upstream: "),
        Fault("upstream: ¶\"http://127.0.0.1:3000\"\nupstreams: {}\n", "exclude each other", "move it"),
        Fault("upstreams: ¶{}\n", "`upstreams` is empty", "add one"),
        Fault("upstreams:\n  ¶a b: { servers: [\"a:1\"] }\n", "`a b` is not a name", "letters"),
        Fault("upstreams:\n  app: ¶{}\n", "`upstreams.app` has no `servers`", "servers: "),
        Fault("upstreams:\n  app: { servers: ¶[] }\n", "`upstreams.app.servers` is empty", "add an element"),
        Fault("upstreams:\n  app: { servers: ¶[\"a:1\", \"A:1\"] }\n", "names a server twice", "keep one"),
        Fault(
            "upstreams:\n  app: { servers: [\"a:1\"], connectTimeout: ¶1h }\n",
            "`1h` is out of bounds",
            "from 10ms to 1m"
        ),
        Fault(servers("¶a"), "`a` has no port", "127.0.0.1:3000"),
        Fault(servers("¶\"a:0\""), "`0` is not a port", "1 to 65535"),
        Fault(servers("¶\"a:b\""), "`b` is not a port", "1 to 65535"),
        Fault(servers("¶\"::1:80\""), "is not a host and a port", "[::1]:3000"),
        Fault(servers("¶\"256.1.1.1:80\""), "neither an address nor a name", "127.0.0.1:3000"),
        Fault(servers("¶\"1.2.3:80\""), "neither an address nor a name", "127.0.0.1:3000"),
        Fault(servers("¶\"-a:80\""), "neither an address nor a name", "app.internal"),
        Fault(servers("¶\"a..b:80\""), "neither an address nor a name", "app.internal"),
        Fault(servers("¶\"\(String(repeating: "a", count: 64)):80\""), "neither an address nor a name", "app.internal"),
        Fault(servers("¶\"http://a/base\""), "has a path", "host and port only"),
        Fault(servers("¶\"ftp://a\""), "is not an http URL", "http://"),
        Fault(servers("¶\"http://u:p@a\""), "holds credentials", "remove everything up to the `@`"),
        Fault(servers("¶\"unix:app.sock\""), "is not absolute", "unix:/"),
        Fault("upstreams:\n  ¶app: { servers: [\"127.0.0.1:8080\"] }\n", "is Tollgate's own listener", "another port"),
        Fault("upstreams:\n  ¶app: { servers: [\"localhost:8080\"] }\n", "is Tollgate's own listener", "another port"),
        Fault(
            "¶upstreams: { a: { servers: [\"a:1\"] }, b: { servers: [\"b:1\"] } }\n",
            "2 upstreams but no `routes`",
            "add `routes`"
        ),
        Fault(head + "¶policies: { api: {} }\n", "policies but no `routes`", "name the policy `default`"),
    ])
    func `An upstream is checked`(fault: Fault) { expectOnly(fault) }

    @Test(arguments: [
        Fault(head + "routes: ¶[]\n", "`routes` is empty", "add a route"),
        Fault(routesFile("  - ¶{ upstream: app }"), "`routes[0]` has no action", "allow: true"),
        Fault(routesFile("  - ¶{}"), "`routes[0]` has no action", "deny: true"),
        Fault(routesFile("  - { allow: true, deny: ¶true }"), "two actions, `allow` and `deny`", "keep one"),
        Fault(routesFile("  - { deny: true, policy: ¶api }"), "two actions, `deny` and `policy`", "keep one"),
        Fault(routesFile("  - { allow: ¶false }"), "is false, which says nothing", "remove it"),
        Fault(
            routesFile("  - { match: { path: /a }, policy: ¶apl }"),
            "there is no policy `apl`",
            "did you mean `api`?"
        ),
        Fault(
            routesFile("  - { match: { path: /a }, policy: ¶API }"),
            "there is no policy `API`",
            "did you mean `api`?"
        ),
        Fault(
            routesFile("  - { match: { path: /a }, policy: ¶quite-another }"),
            "there is no policy",
            "define it in `policies`"
        ),
        Fault(
            routesFile("  - { match: { path: /a }, policy: api, upstream: ¶web }"),
            "there is no upstream `web`",
            "use one of `app`"
        ),
        Fault(
            routesFile("  - { match: { path: /a }, deny: true, upstream: ¶app }"),
            "`upstream` has no meaning beside `deny`",
            "remove it"
        ),
        Fault(
            routesFile("  - { match: { path: /a }, deny: true, cost: ¶2 }"),
            "`cost` has no meaning beside `deny`",
            "remove it"
        ),
        Fault(
            routesFile("  - { match: { path: /a }, allow: true, cost: ¶2 }"),
            "`cost` has no meaning beside `allow`",
            "remove it"
        ),
        Fault(routesFile("  - { match: { path: /a }, policy: api, cost: ¶0 }"), "cost` is `0`", "from 1 to 1000000"),
        Fault(
            routesFile("  - { match: { path: /a }, policy: api, cost: ¶21 }"),
            "costs 21 but the policy `api` has a limit whose burst is 20",
            "raise that limit's `burst` to 21"
        ),
        Fault(
            routesFile("  - { name: ¶last, match: { path: /a }, policy: api }").replacing("¶", with: "").replacing(
                "{ name: last, policy",
                with: "{ name: ¶last, policy"
            ),
            "is that of the route in line 4",
            "a name of its own"
        ),
        Fault(routesFile("  - { name: ¶\"a/b\", deny: true }"), "is not a name", "letters"),
        Fault(
            "upstreams: { a: { servers: [\"a:1\"] }, b: { servers: [\"b:1\"] } }\nroutes:\n  - ¶{ policy: default }\n",
            "has no `upstream`",
            "upstream: a"
        ),
    ])
    func `A route is checked`(fault: Fault) { expectOnly(fault) }

    @Test func `A pass too small for a request is refused`() {
        expectOnly(
            Fault(
                head + "policies: { default: { work: { grants: 3 } } }\nroutes: [{ policy: default, cost: ¶4 }]\n",
                "a pass of the policy `default` is good for 3",
                "grants"
            )
        )
    }

    @Test(arguments: [
        Fault(
            routesFile("  - { name: all, match: { path: \"/*\" }, policy: api }").replacing(
                "- { name: last",
                with: "- ¶{ name: last"
            ),
            "`last` is never reached: `all` in line 4 matches every request",
            "move it up"
        ),
        Fault(
            routesFile(
                "  - { name: a, match: { path: /a }, policy: api }\n  - ¶{ name: b, match: { path: /a }, deny: true }"
            ),
            "`b` is never reached: `a` in line 4 matches the same ones",
            "move it up"
        ),
        Fault(
            "upstreams:\n  app: { servers: [\"a:1\"] }\n  ¶old: { servers: [\"b:1\"] }\nroutes: [{ upstream: app, policy: default }]\n",
            "no route uses the upstream `old`",
            "remove it"
        ),
        Fault(
            head + "policies:\n  ¶api: {}\nroutes: [{ policy: default }]\n",
            "no route uses the policy `api`",
            "remove it"
        ),
        Fault(
            head + "routes: [{ policy: default, cost: ¶100 }]\n",
            "must leave the policy's reserve of 50, which a burst of 120 never has",
            "lower `cost`"
        ),
    ])
    func `What is allowed but doubtful is a warning`(doubt: Fault) throws { try expectWarning(doubt) }
}
