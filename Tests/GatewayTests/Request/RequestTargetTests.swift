import Testing

@testable import Gateway

/// RFC 9112 section 3.2: the forms of a request-target, and the Host field.
@Suite struct RequestTargetTests {
    static func target(_ target: String, host: String? = "example.com", isHTTP10: Bool = false)
        throws(RequestTarget.Problem) -> RequestTarget
    {
        try RequestTarget(head("GET", target, host.map { [("Host", $0)] } ?? []), isHTTP10: isHTTP10)
    }

    @Test func originFormIsPathAndQuery() throws {
        let target = try Self.target("/a/../b?x=/../y&z", host: "Example.COM:8080")
        #expect(target.authority == "Example.COM:8080")
        #expect(text(target.host) == "example.com")
        #expect(text(target.path.forwarded) == "/b")
        // A query is data: dots and slashes in it stay as they came.
        #expect(text(target.query) == "?x=/../y&z")
        #expect(target.forwarded == "/b?x=/../y&z")
    }

    @Test(arguments: [
        ("/?", "/?"), ("/a?b?c", "/a?b?c"), ("/a?%zz\"<>", "/a?%zz\"<>"), ("/a%3Fb?c", "/a%3Fb?c"),
        ("//a", "/a"), ("/a?é", "/a?é"),
    ]) func queriesArePassedOnAsTheyCame(_ sent: String, _ forwarded: String) throws {
        #expect(try Self.target(sent).forwarded == forwarded)
    }

    /// What a client wrote into its request line must not choose a route that its proxy did not.
    @Test func aDescribedTargetNamesNoOtherHost() throws {
        func described(_ target: String) throws(RequestTarget.Problem) -> RequestTarget {
            try RequestTarget(
                head("GET", target, [("Host", "example.com:8080")]),
                isHTTP10: false,
                isDescribed: true
            )
        }
        #expect(throws: RequestTarget.Problem.badTarget) { try described("http://other.example/a") }
        #expect(text(try described("http://Example.com/a").host) == "example.com")
        #expect(try described("/a").authority == "example.com:8080")
    }

    @Test(arguments: [
        ("http://other.example/a?b", "other.example", "other.example", "/a?b"),
        ("HTTP://Other.example:81/a", "Other.example:81", "other.example", "/a"),
        ("https://other.example", "other.example", "other.example", "/"),
        ("http://other.example?q", "other.example", "other.example", "/?q"),
        ("http://[2001:DB8::1]:80/", "[2001:DB8::1]:80", "[2001:db8::1]", "/"),
        ("http://h//a/./b", "h", "h", "/a/b"),
    ]) func absoluteFormReplacesTheHost(_ sent: String, _ authority: String, _ host: String, _ forwarded: String) throws
    {
        let target = try Self.target(sent, host: "example.com")
        #expect(target.authority == authority)
        #expect(text(target.host) == host)
        #expect(target.forwarded == forwarded)
    }

    @Test(arguments: [
        "", "*", "a", "example.com:443", "ftp://x/", "http:/x", "http://", "http:///a", "https://?q", "/a#b", "/#",
        "/a?b#c", "http://h/#", "/a?b\u{7F}", "/a?b c", "/a?\u{1}", "\\", "?x", "javascript:alert(1)",
    ]) func otherTargetsAreRefused(_ sent: String) {
        #expect(throws: RequestTarget.Problem.badTarget) { try Self.target(sent) }
    }

    @Test func pathsAreChecked() {
        #expect(throws: RequestTarget.Problem.badPath(.climbsOutOfRoot)) { try Self.target("/..") }
        #expect(throws: RequestTarget.Problem.badPath(.controlCharacter)) { try Self.target("http://h/%00") }
        #expect(throws: RequestTarget.Problem.badPath(.backslash)) { try Self.target("/\\evil.example") }
    }

    @Test(
        arguments: [
            "", " ", "a b", "a,b", "user@host", "a/b", "a?b", "a#b", ".", "..", ".a", "a..", "a..b", "h:1:2",
            "h:123456", "h:-1", "h:+1",
            "h:8a",
            "h: 80", "[::1", "[]", "[::1]x", "[::1]:x", "[zz]", "::1", "a%2eb", "a\\b", "a\"b", "<script>",
            "h\u{0}", "ex\u{E9}mple", "[::1%25eth0]",
        ]
    ) func badHostsAreRefused(_ host: String) {
        #expect(throws: RequestTarget.Problem.badHost) { try Self.target("/", host: host) }
    }

    @Test(arguments: [
        ("example.com.", "example.com"), ("EXAMPLE.com:1", "example.com"), ("a_b.c-d~e", "a_b.c-d~e"),
        ("127.0.0.1:65535", "127.0.0.1"), ("[::1]", "[::1]"), ("[::FFFF:1.2.3.4]:80", "[::ffff:1.2.3.4]"),
        ("host:", "host"),
    ]) func hostsAreMatchedWithoutCaseAndPort(_ sent: String, _ host: String) throws {
        #expect(try text(Self.target("/", host: sent).host) == host)
        #expect(try Self.target("/", host: sent).authority == sent)
    }

    @Test func anOverlongHostIsRefused() {
        let longest = String(repeating: "a", count: 260)
        #expect(throws: Never.self) { try Self.target("/", host: longest) }
        #expect(throws: RequestTarget.Problem.badHost) { try Self.target("/", host: longest + "a") }
    }

    @Test func hostMustBeThereOnce() throws {
        #expect(throws: RequestTarget.Problem.missingHost) { try Self.target("/", host: nil) }
        let twice = head("GET", "/", [("Host", "a"), ("Host", "a")])
        #expect(throws: RequestTarget.Problem.severalHosts) { try RequestTarget(twice, isHTTP10: false) }
        #expect(throws: RequestTarget.Problem.severalHosts) { try RequestTarget(twice, isHTTP10: true) }
        let absolute = head("GET", "http://h/", [("Host", "a"), ("host", "b")])
        #expect(throws: RequestTarget.Problem.severalHosts) { try RequestTarget(absolute, isHTTP10: false) }
    }

    @Test func oldClientsMayLeaveOutTheHost() throws {
        let target = try Self.target("/a", host: nil, isHTTP10: true)
        #expect(target.authority.isEmpty && target.host.isEmpty)
        #expect(target.forwarded == "/a")
    }

    /// RFC 9112 section 3.2: 400 for any HTTP/1.1 request without a Host field or with an invalid one, whatever its form.
    @Test func absoluteFormDoesNotExcuseTheHostField() {
        #expect(throws: RequestTarget.Problem.missingHost) { try Self.target("http://h/", host: nil) }
        #expect(throws: RequestTarget.Problem.badHost) { try Self.target("http://h/", host: "a b") }
    }

    @Test func mutatedTargetsAndHostsNeverEscape() {
        var generator = SeededGenerator.printed()
        let targets = ["/a/b?c=d", "http://example.com/a?b", "/x%2Fy?z", "https://[::1]:8080/"].map { Array($0.utf8) }
        let hosts = ["example.com:8080", "[2001:db8::1]:443", "a"].map { Array($0.utf8) }
        for _ in 0..<10_000 {
            let sent = text(generator.mutated(generator.pick(targets)))
            let host = text(generator.mutated(generator.pick(hosts)))
            guard let target = try? Self.target(sent, host: host) else { continue }
            // Nothing that could split a request line or a header, or be read as another target.
            #expect(target.forwarded.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "\(sent)")
            let forwarded = Array(target.forwarded.utf8)
            #expect(forwarded.first == 0x2F && !forwarded.contains(0x23), "\(sent)")
            #expect(target.authority.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x2F && $0 != 0x40 }, "\(host)")
            #expect(target.host.allSatisfy { ASCII.lowercased($0) == $0 }, "\(host)")
        }
    }
}
