import Testing

@testable import Settings

/// Faults of the file as a whole: its bytes, its YAML, its fields and their types.
@Suite struct FileFaultTests {
    @Test(arguments: [
        Fault("¶", "the file is empty", "upstream"),
        Fault("¶# only a comment\n\n", "the file is empty", "upstream"),
        Fault("¶hello", "the file must be a mapping, found text", "upstream: "),
        Fault("¶- a\n- b\n", "the file must be a mapping, found a list", "upstream: "),
        Fault("upstream: \"http://127.0.0.1:3000\"\nlog: { level: info\n¶", "not valid YAML", "brackets"),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\n¶upstream: x\n".replacing("\"\n¶", with: "\"\n").replacing(
                "upstream: \"",
                with: "¶upstream: \""
            ),
            "`upstream` stands more than once",
            "keep one"
        ),
        Fault("upstream: \"http://127.0.0.1:3000\"\n¶\tlog: {}\n", "not valid YAML", "indentation"),
        Fault("upstream: \"http://127.0.0.1:3000\"\nnode: { name: ¶\u{7} }\n", "control character U+7", "remove it"),
        Fault("upstream: \"http://127.0.0.1:3000\"\n¶---\nlog: {}\n", "more than one document", "---"),
        Fault("upstream: ¶&a \"http://127.0.0.1:3000\"\n", "anchors", "write the value out"),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\nnode: &a { name¶: b }\n",
            "not valid YAML",
            "anchors (`&name`) are not supported"
        ),
        Fault("upstream: \"http://127.0.0.1:3000\"\nnode: { name: ¶*a }\n", "alias", "quotes"),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\nroutes: [{ match: { host: *¶.example.com }, deny: true }]\n",
            "alias",
            "quotes"
        ),
        Fault("upstream: ¶!!int \"http://127.0.0.1:3000\"\n", "tags", "without"),
        Fault("upstream: \"http://127.0.0.1:3000\"\nnode: ¶!custom { name: a }\n", "tags", "without"),
        Fault("upstream: \"http://127.0.0.1:3000\"\nnode: ¶!!binary { name: a }\n", "tags", "without"),
        Fault("upstream: \"http://127.0.0.1:3000\"\n? ¶[a, b]\n: c\n", "must be text, found a list", "name: value"),
        Fault("upstream: \"http://127.0.0.1:3000\"\n¶<<: { log: {} }\n", "unknown field `<<`", "known here"),
    ])
    func `What is not a configuration is refused`(fault: Fault) { expectOnly(fault) }

    @Test(arguments: [
        Fault(
            "¶upstraem: \"http://127.0.0.1:3000\"\nupstream: \"http://127.0.0.1:3000\"\n",
            "unknown field `upstraem`",
            "did you mean `upstreams`?"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\n¶polices: {}\n",
            "unknown field `polices`",
            "did you mean `policies`?"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\nlog:\n  ¶Level: info\n",
            "unknown field `Level` in `log`",
            "did you mean `level`?"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\npolicies:\n  default:\n    work:\n      ¶challenge_ttl: 5m\n",
            "unknown field `challenge_ttl` in `policies.default.work`",
            "did you mean `challengeTtl`?"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\nlog: { ¶colour: red }\n",
            "unknown field `colour` in `log`",
            "known here: `level`, `format`, `access`, `addresses`"
        ),
    ])
    func `An unknown field is named, with what was probably meant`(fault: Fault) { expectOnly(fault) }

    @Test(arguments: [
        Fault("upstream: ¶[\"http://127.0.0.1:3000\"]\n", "`upstream` must be text, found a list", "upstream: "),
        Fault("¶upstream: \n", "`upstream` must be text, found nothing", "remove it"),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\nlisteners: ¶{ address: \"0.0.0.0:1\" }\n",
            "`listeners` must be a list, found a mapping",
            "listeners: ["
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\nlisteners: [¶\"0.0.0.0:1\"]\n",
            "`listeners[0]` must be a mapping, found text",
            "address"
        ),
        Fault("upstream: \"http://127.0.0.1:3000\"\nlog: ¶info\n", "`log` must be a mapping, found text", "level"),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\nlog: { level: ¶chatty }\n",
            "`log.level`: `chatty` is not one",
            "`trace`, `debug`, `info`"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\nlog: { level: ¶warn }\n",
            "`log.level`: `warn` is not one",
            "write `trace`"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\nlog: { level: ¶wraning }\n",
            "`log.level`: `wraning` is not one",
            "did you mean `warning`?"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\npolicies: { default: { enforce: ¶yes } }\n",
            "`policies.default.enforce` must be true or false, found `yes`",
            "write `true`"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\npolicies: { default: { enforce: ¶[] } }\n",
            "must be true or false, found a list",
            "enforce: true"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\npolicies: { default: { maxKeys: ¶many } }\n",
            "must be a whole number, found `many`",
            "digits"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\npolicies: { default: { maxKeys: ¶1e6 } }\n",
            "must be a whole number, found `1e6`",
            "digits"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\npolicies: { default: { maxKeys: ¶\"5\" } }\n",
            "must be a whole number, found `5`",
            "remove the quotes"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\npolicies: { default: { maxKeys: ¶{} } }\n",
            "must be a number, found a mapping",
            "maxKeys"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\npolicies: { default: { maxKeys: ¶0 } }\n",
            "`policies.default.maxKeys` is `0`",
            "from 1 to 4194304"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\npolicies: { default: { maxKeys: ¶99999999999999999999 } }\n",
            "is `99999999999999999999`",
            "from 1 to 4194304"
        ),
        Fault("upstream: \"http://127.0.0.1:3000\"\npolicies: { default: { maxKeys: ¶-1 } }\n", "is `-1`", "from 1 to"),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\nlimits: { headerTimeout: ¶30 }\n",
            "`30` has no unit of time",
            "`30s`"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\nlimits: { headerTimeout: ¶soon }\n",
            "`soon` is not a duration",
            "`90s`"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\nlimits: { headerTimeout: ¶1h }\n",
            "`1h` is out of bounds",
            "from 1s to 10m"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\nlimits: { headerBytes: ¶100 }\n",
            "`limits.headerBytes` is `100`",
            "from 1024"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\nlimits: { headerBytes: 2048, targetBytes: ¶4096 }\n",
            "4096 bytes does not fit into a head of 2048",
            "headerBytes"
        ),
    ])
    func `A wrong type or a bad value is named, with a right one`(fault: Fault) { expectOnly(fault) }

    @Test(arguments: [
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\nnode: { ¶sealKey: k }\n",
            "what is on disk",
            "remove `sealKey`"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\nlisteners: [{ address: \"0.0.0.0:1\", tls: ¶{ key: k } }]\n",
            "TLS on listeners is not supported",
            "remove `tls`"
        ),
        Fault("upstream: ¶\"https://127.0.0.1:3000\"\n", "TLS to upstreams is not supported", "http://"),
        Fault(
            "upstreams: { a: { servers: [\"a:1\"], tls: ¶{} } }\n",
            "TLS to upstreams is not supported",
            "remove `tls`"
        ),
    ])
    func `What a later version will have is refused in so many words`(fault: Fault) { expectOnly(fault) }

    @Test(arguments: [
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\nnode: { name: ¶\"a b\" }\n",
            "`a b` is not a name",
            "letters, digits"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\nnode: { name: ¶\(String(repeating: "a", count: 64)) }\n",
            "is not a name",
            "1 to 63"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\nnode: { data: ¶var/lib }\n",
            "`var/lib` is not an absolute path",
            "/var/lib"
        ),
    ])
    func `A node's fields are checked`(fault: Fault) { expectOnly(fault) }

    @Test func `All faults are reported at once, in the order of their places`() {
        let found = problems(
            """
            nodes: {}
            upstreams:
              app: { servers: ["127.0.0.1"] }
            listeners: [{ address: nowhere }]
            routes:
              - { name: a, policy: missing, upstream: app }
              - { name: b, upstream: app }
            policies:
              x: { free: many, maxKeys: 0, work: { rounds: 65 } }
            """
        )
        #expect(found.map(\.line) == [1, 3, 4, 6, 7, 9, 9, 9])
        #expect(found.map(\.column) == found.map(\.column).sorted() || found.count == 8)
        #expect(ConfigurationErrors(problems: found, warnings: []).description.split(separator: "\n").count == 8)
    }

    @Test func `A message is one line in the usual form`() {
        let found = problems("upstream: \"http://127.0.0.1:3000\"\nlog: { level: \"a\\nb\\e[2J`\\u2028\" }\n")
        #expect(
            found.first?.description.hasPrefix(
                "/etc/t.yaml:2:15: `log.level`: `a?b?[2J??` is not one of its values; write "
            ) == true
        )
    }

    @Test func `Problems beyond two hundred are counted`() {
        let text = "upstream: \"http://127.0.0.1:3000\"\n" + (0..<500).map { "x\($0): 1\n" }.joined()
        let found = problems(text)
        #expect(found.count == 201)
        #expect(found.last?.message == "300 further problems are not shown")
    }

    @Test func `Nothing that may be secret is quoted`() {
        let secret = "hunter2"
        for text in [
            "upstream: \"http://user:\(secret)@127.0.0.1:3000\"\n",
            "upstreams: { a: { servers: [\"https://user:\(secret)@a\"] } }\n",
            "upstream: \"http://127.0.0.1:3000\"\nroutes: [{ match: { headers: { X-Secret: [{ a: \(secret) }] } }, deny: true }]\n",
            "upstream: \"http://127.0.0.1:3000\"\nroutes: [{ match: { headers: { X-Secret: \"\(secret)\(String(repeating: "a", count: 2_000))\" } }, deny: true }]\n",
            "upstream: \"http://127.0.0.1:3000\"\nroutes: [{ match: { headers: { \"X Secret\": \(secret) } }, deny: true }]\n",
            "upstream: \"http://127.0.0.1:3000\"\npasswort: \(secret)\n",
            "upstream: \"http://127.0.0.1:3000/?token=\(secret)\"\n",
            "upstream: \"http://127.0.0.1:3000\"\npolicies: { default: { cors: { origins: \"https://u:\(secret)@a\" } } }\n",
            "upstream: \"http://127.0.0.1:3000\"\nroutes: [{ match: { host: \"u:\(secret)@a\" }, deny: true }]\n",
            "upstream: \"http://127.0.0.1:3000\"\nprobes: { address: \"u:\(secret)@127.0.0.1:1\" }\n",
        ] {
            let found = problems(text)
            #expect(!found.isEmpty, "\(text)")
            #expect(!found.contains { $0.description.contains(secret) }, "\(found)")
        }
    }
}
