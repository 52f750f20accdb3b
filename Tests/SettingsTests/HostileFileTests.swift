import Testing

@testable import Settings

/// A text that is too long to be a test's name.
struct NamedText: Sendable, CustomTestStringConvertible {
    var text: String
    var testDescription: String { "\(text.utf8.count) bytes that begin with \(quoted(text.prefix(20)))" }
}

private func named(_ texts: [String]) -> [NamedText] { texts.map(NamedText.init) }

/// Files made to hurt: they are refused, or read, and the process goes on. The tests show it by ending.
@Suite struct HostileFileTests {
    @Test(
        arguments: named([
            String(repeating: "[", count: 1_000_000), String(repeating: "{", count: 9_999),
            String(repeating: "{a: ", count: 9_000),
            String(repeating: "- ", count: 500_000), String(repeating: "? ", count: 500_000),
            "a: " + String(repeating: "[", count: 9_000) + String(repeating: "]", count: 9_000),
            String(repeating: "[", count: 900) + String(repeating: "]", count: 900),
            String(repeating: "{? ", count: 800),
            (0..<5_000).map { String(repeating: " ", count: $0 % 1_000) + "a:\n" }.joined(),
        ])
    )
    func `Nesting without end is refused`(file: NamedText) {
        #expect(problems(file.text).count == 1)
    }

    @Test(
        arguments: named([
            // The billion laughs, as values and as keys: the latter would already be compared by the library.
            "a: &a [x, x]\n"
                + (1...40).map {
                    "a\($0): &a\($0) [*a\($0 == 1 ? "" : "\($0 - 1)"), *a\($0 == 1 ? "" : "\($0 - 1)")]\n"
                }
                .joined(),
            "- &a0 [x]\n" + (1...40).map { "- &a\($0) [*a\($0 - 1), *a\($0 - 1)]\n" }.joined() + "- ? *a40\n  : x\n",
            "- &a0 [x]\n" + (1...40).map { "- &a\($0) { ? [*a\($0 - 1), *a\($0 - 1)] : x }\n" }.joined(),
            "a: &a [*a]\n",
            "&a : *a\n", "[&a a, *a]\n", "a: !<&b> &c d\n",
            "- \"x\"&a y\n- *a\n", "{? &a b : *a}\n", "\u{E000}a: &x 1\n",
        ])
    )
    func `Aliases never stand for anything`(file: NamedText) {
        let found = problems(file.text)
        #expect(found.count == 1)
        #expect(!found[0].description.unicodeScalars.contains { (0xE000...0xE0FF).contains($0.value) })
    }

    @Test func `Ampersands and private characters in texts stay what they are`() throws {
        let title = "a&b &c & \u{E000}\u{E001}&"
        let loaded = try load(
            "upstream: \"http://127.0.0.1:3000\"\npolicies: { default: { page: { title: \"\(title)\", contact: 'x &y', text: a & b } } } # &c *d\n"
        )
        let page = loaded.configuration.policies[0].page
        #expect(page.title == title)
        #expect(page.contact == "x &y")
        #expect(page.text == "a & b")
    }

    @Test func `A file with every private character is refused`() {
        let all = String(String.UnicodeScalarView((0xE000...0xE0FF).compactMap(Unicode.Scalar.init)))
        let found = problems("upstream: \"http://127.0.0.1:3000\" # \(all)\n")
        #expect(found.first?.message.contains("private-use") == true)
        #expect(problems("upstream: \"http://127.0.0.1:3000\" # \(all.dropLast())\n").isEmpty)
    }

    @Test func `A large file is refused, the largest is read`() {
        let head = "upstream: \"http://127.0.0.1:3000\"\n"
        let fill = String(repeating: "#234567\n", count: 131_072)
        #expect(problems(head + fill).first?.message.contains("larger than 1 MiB") == true)
        #expect(problems(head + fill.dropFirst(40)).isEmpty)
    }

    @Test(arguments: [
        ("listeners", 65, "{ address: \"127.0.0.1:0\" }", "has 65 elements"),
        ("routes", 1_001, "{ deny: true }", "has 1001 elements"),
    ])
    func `Lists are bounded`(field: String, count: Int, element: String, message: String) {
        let list = Array(repeating: element, count: count).joined(separator: ", ")
        let found = problems("upstream: \"http://127.0.0.1:3000\"\n\(field): [\(list)]\n")
        #expect(found.count == 1)
        #expect(found.first?.message.contains(message) == true)
    }

    @Test func `Mappings of names are bounded`() {
        let policies = (0...256).map { "  p\($0): {}\n" }.joined()
        #expect(
            problems("upstream: \"http://127.0.0.1:3000\"\npolicies:\n  default: {}\n\(policies)").map(\.message) == [
                "`policies` has 258 elements"
            ]
        )
        let upstreams = (0...256).map { "  u\($0): { servers: [\"a:1\"] }\n" }.joined()
        #expect(
            problems("upstreams:\n\(upstreams)routes: [{ deny: true }]\n").map(\.message) == [
                "`upstreams` has 257 elements"
            ]
        )
    }

    @Test func `Networks are bounded over the whole file`() {
        let list = (0..<200_000).map { "\(IPAddress(ipv4: UInt32($0) << 8))\n" }.joined()
        let routes = (0..<6).map {
            "  - { name: r\($0), match: { path: /\($0), clients: { file: l.txt } }, deny: true }\n"
        }.joined()
        let found = problems("upstream: \"http://127.0.0.1:3000\"\nroutes:\n\(routes)", files: ["/etc/l.txt": list])
        #expect(found.map(\.message) == ["the configuration holds more than 1000000 networks"])
    }

    /// A configuration in which every part is used, to mutate.
    private static let corpus = [
        exampleText,
        """
        upstream: http://127.0.0.1:3000
        listeners: [{ address: "unix:/run/t.sock", client: { from: "header:X-Real-IP", trusted: [private, "2001:db8::/32"] } }]
        limits: { headerBytes: 2048, targetBytes: 300, headerTimeout: 1s, shutdownDeadline: 0 }
        policies:
          default: { free: { rate: 0 }, ceiling: [{ key: "client/24,/48", rate: 5/10s, burst: 9 }], work: { difficulty: 20, ttl: 1h30m }, cors: { origins: ["https://a:8"] } }
        """,
        """
        listeners: [{ address: "127.0.0.1:8081", check: envoy }, { address: "127.0.0.1:8082", check: nginx, client: { from: forwarded, trusted: [private] } }]
        admin: { address: "127.0.0.1:9465", token: admin.token }
        routes:
          - { include: "builtin:git", name: forge, match: { host: git.example.com, not: { path: "/x/*" } }, policy: default, cost: 2 }
          - { include: "builtin:oci", policy: default }
          - { policy: default }
        policies: { default: { cors: { origins: "*" } } }
        """,
    ]

    @Test func `No mutation of a configuration ends the process`() throws {
        let seed = printedSeed()
        var random = SeededGenerator(seed: seed)
        let words = [
            "null", "~", "[]", "{}", "&a ", "*a", "!!int ", "-1", "0", "1e9", "99999999999999999999",
            "18446744073709551615", "\"", "'", "|\n", ">-\n", "? ", ": ", "- ", "\n", "\t", "#",
            "---\n", "...\n", "%YAML 1.2\n", "\0", "\u{FEFF}", "\u{85}", "\u{2028}", "é", "😀", "60/min", "0/s", "366d",
            "/0", "::", "..", "%2", "*", "client/1,/1", "header:", "off", "free: ", "routes: ",
            "{ file: bad.txt }", "{ file: . }", String(repeating: "[", count: 40), String(repeating: "a", count: 300),
            "builtin:feeds", "check: caddy", "peer", "allow: true", "unix:/a", "token: admin.token", "ceiling: off",
            "\"\\u0000\"", "\"\\xff\"", "<<: ", "name: a", "4611686018427387904",
        ]
        for text in Self.corpus { _ = try load(text, files: exampleFiles) }
        var held = 0
        var refused = 0
        for iteration in 0..<5_000 {
            var text = Array(Self.corpus.randomElement(using: &random)!.unicodeScalars)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let start = Int.random(in: 0...text.count, using: &random)
                let end = min(text.count, start + Int.random(in: 0...6, using: &random))
                switch Int.random(in: 0..<9, using: &random) {
                case 0: text.removeSubrange(start..<end)
                case 1: text.insert(contentsOf: words.randomElement(using: &random)!.unicodeScalars, at: start)
                case 2: text.replaceSubrange(start..<end, with: words.randomElement(using: &random)!.unicodeScalars)
                case 3: text.insert(contentsOf: text[start..<end], at: Int.random(in: 0...text.count, using: &random))
                case 5, 6, 7:
                    // Another digit, which often leaves a file that holds, with other values.
                    let digits = text.indices.filter { ("0"..."9").contains(text[$0]) }
                    guard let index = digits.randomElement(using: &random) else { continue }
                    text[index] = Unicode.Scalar(UInt8.random(in: 0x30...0x39, using: &random))
                case 4 where start < end: text[start] = Unicode.Scalar(UInt8.random(in: 0...127, using: &random))
                default:
                    // A whole line twice, or elsewhere.
                    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
                    let line = lines.randomElement(using: &random)!
                    text.insert(contentsOf: Array(line) + ["\n"], at: Int.random(in: 0...text.count, using: &random))
                }
            }
            let mutated = String(String.UnicodeScalarView(text))
            do {
                let loaded = try Configuration.parse(
                    text: mutated,
                    file: "/etc/t.yaml",
                    environment: environment(exampleFiles)
                )
                held += 1
                let broken = brokenInvariant(loaded.configuration)
                #expect(broken == nil, "seed \(seed), iteration \(iteration): \(broken ?? "")\n\(mutated)")
            } catch {
                refused += 1
                let lineCount =
                    mutated.unicodeScalars.count { $0 == "\n" || $0 == "\r" || $0 == "\u{85}" || $0 == "\u{2028}" } + 2
                let wellPlaced = error.problems.allSatisfy {
                    !$0.message.isEmpty && !$0.remedy.isEmpty && (0...max(lineCount, 5)).contains($0.line)
                        && !$0.description.contains("\n")
                }
                #expect(
                    !error.problems.isEmpty && error.problems.count <= 201 && wellPlaced,
                    "seed \(seed), iteration \(iteration): \(error)\n\(mutated)"
                )
            }
        }
        print("\(held) held, \(refused) refused")
        // Mutations that are never, or always, faults would test nothing.
        #expect(held > 300 && refused > 1_000, "\(held) held, \(refused) refused")
    }

    /// What the documentation of the types promises and a configuration does not keep.
    private func brokenInvariant(_ configuration: Configuration) -> String? {
        if configuration.listeners.isEmpty || configuration.routes.isEmpty { return "a list is empty" }
        let forwards = configuration.listeners.contains { $0.mode == .proxy }
        if forwards, configuration.upstreams.isEmpty { return "nothing to forward to" }
        for listener in configuration.listeners
        where listener.mode != .proxy && listener.client.trusted.prefixes.isEmpty {
            return "a check listener that nobody may ask"
        }
        if let admin = configuration.admin, case .tcp = admin.address, admin.token == nil { return "no token" }
        func isThere(_ upstream: String?) -> Bool {
            guard let upstream else { return !forwards }
            return configuration.upstream(named: upstream) != nil
        }
        if Set(configuration.routes.map(\.name)).count != configuration.routes.count { return "two routes of one name" }
        if configuration.upstreams.contains(where: \.servers.isEmpty) { return "an upstream without servers" }
        for route in configuration.routes {
            switch route.action {
            case .deny: break
            case .allow(let upstream):
                if !isThere(upstream) { return "an upstream that is not there" }
            case .policy(let upstream, let name, let cost, let charging):
                if !isThere(upstream) { return "an upstream that is not there" }
                guard let policy = configuration.policy(named: name) else { return "a policy that is not there" }
                if charging == .ceiling, policy.ceiling.isEmpty { return "a list without a ceiling" }
                let limits = charging == .ceiling ? policy.ceiling : policy.free + policy.ceiling
                if limits.contains(where: { $0.burst < cost }) { return "a cost above a burst" }
            }
        }
        for policy in configuration.policies {
            if policy.free.isEmpty != policy.freeIsZero { return "no free limits without rate 0" }
            if policy.freeIsZero, policy.work == nil { return "a policy that admits nothing" }
            if policy.free.count + policy.ceiling.count > 16 { return "too many limits" }
            if policy.free.contains(where: { $0.burst <= policy.reserve && policy.reserve > 0 }) {
                return "a reserve above a burst"
            }
            for limit in policy.free + policy.ceiling
            where !limit.fitsReplicatedTime || limit.burst < 1 || limit.interval < 1_000 {
                return "a limit out of bounds"
            }
            for limits in [policy.free, policy.ceiling] where Set(limits.map(\.identity)).count != limits.count {
                return "two limits of one identity"
            }
            if let work = policy.work, !(1...64).contains(work.rounds) || work.difficulty < UInt64(work.rounds) {
                return "work out of bounds"
            }
        }
        return nil
    }
}
