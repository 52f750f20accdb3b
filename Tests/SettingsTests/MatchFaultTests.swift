import Testing

@testable import Settings

/// A file whose one route has this match.
private func match(_ text: String) -> String { routesFile("  - { match: { \(text) }, deny: true }") }

/// Faults of what a route matches, and of the lists that it names.
@Suite struct MatchFaultTests {
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
        let text = routesFile(
            "  - { name: a, match: { clients: { file: l.txt } }, deny: true }\n  - { name: b, match: { path: /b, clients: [{ file: ./l.txt }, 192.0.2.1] }, deny: true }"
        )
        let loaded = try load(text, files: ["/etc/l.txt": "10.0.0.0/8", "/etc/./l.txt": "10.0.0.0/8"])
        #expect(loaded.configuration.routes[0].match.clients?.prefixes.map(\.description) == ["10.0.0.0/8"])
        #expect(
            loaded.configuration.routes[1].match.clients?.prefixes.map(\.description) == ["10.0.0.0/8", "192.0.2.1/32"]
        )
    }
}
