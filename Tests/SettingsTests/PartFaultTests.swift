import Testing

@testable import Settings

private let head = "upstream: \"http://127.0.0.1:3000\"\n"

/// A file whose listeners are these.
private func listeners(_ text: String) -> String { head + "listeners: [\(text)]\n" }
/// A file with the upstream `app` and these servers.
private func servers(_ text: String) -> String { "upstreams:\n  app: { servers: [\(text)] }\n" }
/// A file with these routes, an upstream and the policies `api` and `default`.
private func routes(_ text: String) -> String {
    "upstreams: { app: { servers: [\"127.0.0.1:3000\"] } }\npolicies: { api: { preset: api } }\nroutes:\n\(text)\n  - { name: last, policy: api }\n"
}
/// A file whose one route has this match.
private func match(_ text: String) -> String { routes("  - { match: { \(text) }, deny: true }") }

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
        Fault(routes("  - ¶{ upstream: app }"), "`routes[0]` has no action", "allow: true"),
        Fault(routes("  - ¶{}"), "`routes[0]` has no action", "deny: true"),
        Fault(routes("  - { allow: true, deny: ¶true }"), "two actions, `allow` and `deny`", "keep one"),
        Fault(routes("  - { deny: true, policy: ¶api }"), "two actions, `deny` and `policy`", "keep one"),
        Fault(routes("  - { allow: ¶false }"), "is false, which says nothing", "remove it"),
        Fault(routes("  - { match: { path: /a }, policy: ¶apl }"), "there is no policy `apl`", "did you mean `api`?"),
        Fault(routes("  - { match: { path: /a }, policy: ¶API }"), "there is no policy `API`", "did you mean `api`?"),
        Fault(
            routes("  - { match: { path: /a }, policy: ¶quite-another }"),
            "there is no policy",
            "define it in `policies`"
        ),
        Fault(
            routes("  - { match: { path: /a }, policy: api, upstream: ¶web }"),
            "there is no upstream `web`",
            "use one of `app`"
        ),
        Fault(
            routes("  - { match: { path: /a }, deny: true, upstream: ¶app }"),
            "`upstream` has no meaning beside `deny`",
            "remove it"
        ),
        Fault(
            routes("  - { match: { path: /a }, deny: true, cost: ¶2 }"),
            "`cost` has no meaning beside `deny`",
            "remove it"
        ),
        Fault(
            routes("  - { match: { path: /a }, allow: true, cost: ¶2 }"),
            "`cost` has no meaning beside `allow`",
            "remove it"
        ),
        Fault(routes("  - { match: { path: /a }, policy: api, cost: ¶0 }"), "cost` is `0`", "from 1 to 1000000"),
        Fault(
            routes("  - { match: { path: /a }, policy: api, cost: ¶21 }"),
            "costs 21 but the policy `api` has a limit whose burst is 20",
            "raise that limit's `burst` to 21"
        ),
        Fault(
            routes("  - { name: ¶last, match: { path: /a }, policy: api }").replacing("¶", with: "").replacing(
                "{ name: last, policy",
                with: "{ name: ¶last, policy"
            ),
            "is that of the route in line 4",
            "a name of its own"
        ),
        Fault(routes("  - { name: ¶\"a/b\", deny: true }"), "is not a name", "letters"),
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
        Fault(match("host: ¶\"a.example:80\""), "has a port", "remove the port"),
        Fault(match("host: ¶\"http://a\""), "has a port", "remove the port"),
        Fault(match("host: ¶\"a/b\""), "is not a host", "api.example.com"),
        Fault(match("host: ¶\"bücher.example\""), "is not a host", "xn--"),
        Fault(match("host: ¶\"\""), "empty or too long", "api.example.com"),
        Fault(match("host: ¶\"[1.2.3.4]\""), "is not a host", "api.example.com"),
        Fault(match("host: ¶[]"), "`routes[0].match.host` is empty", "remove the field"),
        Fault(match("path: ¶v1/*"), "paths begin with a slash", "write `/v1/*`"),
        Fault(match("path: ¶\"/a?b=c\""), "without query", "remove what follows"),
        Fault(match("path: ¶/a//b"), "doubled slashes are merged", "write one"),
        Fault(match("path: ¶/a/../b"), "dot segments are removed", "that is left"),
        Fault(match("path: ¶/a/./b"), "dot segments are removed", "that is left"),
        Fault(match("path: ¶\"/a b\""), "percent-encoded ASCII", "percent-encode"),
        Fault(match("path: ¶/é"), "percent-encoded ASCII", "percent-encode"),
        Fault(match("path: ¶/%41"), "is decoded before", "write `A` for `%41`"),
        Fault(match("path: ¶/%zz"), "two hexadecimal digits", "%25"),
        Fault(match("path: ¶/a%2"), "two hexadecimal digits", "%25"),
        Fault(match("path: ¶/a%5cb"), "an encoded NUL or backslash is refused before", "remove it"),
        Fault(match("path: ¶'/a\\b'"), "a backslash is no part of a path", "a slash"),
        Fault(match("path: ¶/\(String(repeating: "a", count: 1_024))"), "longer than 1024", "/v1/*"),
        Fault(match("path: [/a, ¶b]"), "paths begin with a slash", "write `/b`"),
        Fault(match("path: [/a, ¶[/b]]"), "must be a list of texts, found a list", "path: "),
        Fault(match("methods: [¶get]"), "compared exactly", "write `GET`"),
        Fault(match("methods: [¶\"G T\"]"), "is not a method", "`GET`"),
        Fault(match("headers: ¶{}"), "has 0 fields", "1 to 32"),
        Fault(match("headers: { ¶\"X Y\": a }"), "is not a header's name", "letters"),
        Fault(match("headers: { ¶Transfer-Encoding: a }"), "belongs to one connection", "another header"),
        Fault(match("headers: { X-A: a, ¶x-a: b }"), "`x-a` stands more than once", "list of its patterns"),
        Fault(match("headers: { ¶X-A: }"), "must be a list, found nothing", "give it a value"),
        Fault(match("clients: ¶[]"), "`routes[0].match.clients` is empty", "add a network"),
        Fault(match("clients: [¶192.0.2.1/24]"), "bits set after its length", "192.0.2.0/24"),
        Fault(
            match("clients: [¶{ fil: bad.txt }]").replacing("¶{ fil", with: "{ ¶fil"),
            "unknown field `fil`",
            "did you mean `file`?"
        ),
        Fault(match("clients: [¶{ file: missing.txt }]"), "the file `/etc/missing.txt` does not exist", "create it"),
        Fault(match("path: /a, not: ¶{}"), "holds for every request", "add a condition"),
        Fault(match("path: /a, not: ¶{ path: \"*\" }"), "holds for every request", "add a condition"),
        Fault(match("path: /a, not: { path: /b, not: ¶{ path: /c } }"), "`not` inside `not`", "outer"),
        Fault(match("path: /a, not: { path: ¶b }"), "`routes[0].match.not.path`", "write `/b`"),
        Fault(match("path: /a, ¶paths: /b"), "unknown field `paths`", "known here"),
    ])
    func `A match is checked`(fault: Fault) {
        var fault = fault
        // Where a mapping without the field is faulty, that is said as well.
        if fault.message.contains("unknown field `fil`") {
            let (text, line, _) = fault.parts
            #expect(problems(text).map(\.line) == [line, line])
            fault.text = match("clients: [{ file: b.txt, ¶fil: b.txt }]")
            fault.remedy = "known here: `file`"
            expectOnly(fault, files: ["/etc/b.txt": "192.0.2.1"])
            return
        }
        expectOnly(fault)
    }

    @Test func `A list's faults carry the list's own lines`() {
        let list = "192.0.2.0/24\n# comment\n\n 192.0.2.1/24\nfoo # bar\n::1/200\n"
        let found = problems(match("clients: [{ file: bad.txt }]"), files: ["/etc/bad.txt": list])
        #expect(found.map(\.file) == ["/etc/bad.txt", "/etc/bad.txt", "/etc/bad.txt"])
        #expect(found.map(\.line) == [4, 5, 6])
        #expect(found.map(\.column) == [2, 1, 1])
        #expect(found.map { $0.message.contains("bits set") } == [true, false, false])
    }

    @Test func `A list that is no list is reported briefly`() {
        let found = problems(
            match("clients: [{ file: bad.txt }]"),
            files: ["/etc/bad.txt": String(repeating: "\u{1}junk\n", count: 1_000)]
        )
        #expect(found.count == 21)
        #expect(found.first?.message.contains("980 further lines") == true)
    }

    @Test func `A list is read once and may be used often`() throws {
        let text = routes(
            "  - { name: a, match: { clients: { file: l.txt } }, deny: true }\n  - { name: b, match: { path: /b, clients: [{ file: ./l.txt }, 192.0.2.1] }, deny: true }"
        )
        let loaded = try load(text, files: ["/etc/l.txt": "10.0.0.0/8", "/etc/./l.txt": "10.0.0.0/8"])
        #expect(loaded.configuration.routes[0].match.clients?.prefixes.map(\.description) == ["10.0.0.0/8"])
        #expect(
            loaded.configuration.routes[1].match.clients?.prefixes.map(\.description) == ["10.0.0.0/8", "192.0.2.1/32"]
        )
    }

    @Test(arguments: [
        Fault(
            routes("  - { name: all, match: { path: \"/*\" }, policy: api }").replacing(
                "- { name: last",
                with: "- ¶{ name: last"
            ),
            "`last` is never reached: `all` in line 4 matches every request",
            "move it up"
        ),
        Fault(
            routes(
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
