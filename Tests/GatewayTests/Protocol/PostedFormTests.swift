import Testing

@testable import Gateway

/// Which forms are posted again, and what they hold.
@Suite struct PostedFormTests {
    @Test(arguments: [
        ([("Sec-Fetch-Site", "same-origin")], true),
        ([("Sec-Fetch-Site", "same-origin"), ("Origin", "https://evil.example")], true),
        ([("Sec-Fetch-Site", "same-site"), ("Origin", "https://example.com")], false),
        ([("Sec-Fetch-Site", "cross-site"), ("Origin", "https://example.com")], false),
        ([("Sec-Fetch-Site", "none")], false),
        ([("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "same-origin")], false),
        ([("Origin", "https://example.com")], true),
        ([("Origin", "HTTPS://EXAMPLE.COM")], true),
        ([("Origin", "https://example.com"), ("Origin", "https://example.com")], false),
        ([("Origin", "http://example.com")], false),
        ([("Origin", "https://example.com:444")], false),
        ([("Origin", "null")], false),
        ([], false),
    ])
    func whoPostedIsToldByTheBrowser(_ fields: [(String, String)], expected: Bool) {
        #expect(PostedForm.isSameOrigin(head("POST", "/", fields), origin: "https://example.com") == expected)
    }

    @Test(arguments: [
        ("Example.com", true, "https://example.com"), ("example.com:443", true, "https://example.com"),
        ("example.com:80", true, "https://example.com:80"), ("example.com:80", false, "http://example.com"),
        ("[::1]:8080", false, "http://[::1]:8080"),
    ])
    func originsAreWrittenAsBrowsersDo(_ authority: String, isHTTPS: Bool, expected: String) {
        #expect(PostedForm.origin(authority: authority, isHTTPS: isHTTPS) == expected)
    }

    @Test func fieldsKeepTheirOrderAndTheirNames() throws {
        let fields = try #require(PostedForm.fields(Array("b=1&a=%26+%C3%A9%0D%0A&b=2&&empty=&bare".utf8)))
        #expect(fields.map(\.name) == ["b", "a", "b", "empty", "bare"])
        #expect(fields.map(\.value) == ["1", "& é\r\n", "2", "", ""])
        #expect(PostedForm.fields([]) == [])
    }

    @Test(arguments: ["=", "=x", "a=b&=c", "a=%", "a=%4", "a=%zz", "%C3=x", "a=%FF", "a=%00", "a=\u{0}"])
    func whatCannotBePostedAgainAsItWasIsNot(_ text: String) {
        #expect(PostedForm.fields(Array(text.utf8)) == nil)
    }

    @Test func thereIsABoundOnFields() {
        let most = [String](repeating: "a=1", count: PostedForm.fieldsMax).joined(separator: "&")
        #expect(PostedForm.fields(Array(most.utf8))?.count == PostedForm.fieldsMax)
        #expect(PostedForm.fields(Array((most + "&a=1").utf8)) == nil)
    }

    @Test(arguments: [
        ("application/x-www-form-urlencoded", true), ("Application/X-WWW-Form-Urlencoded ; charset=UTF-8", true),
        ("multipart/form-data; boundary=x", false), ("text/plain", false), ("", false),
    ])
    func onlyURLEncodedFormsAreRead(_ type: String, expected: Bool) {
        #expect(PostedForm.isURLEncoded(head("POST", "/", [("Content-Type", type)])) == expected)
    }
}

/// What a page shows of a form stays in memory until its client has read it.
@Suite struct ShownFormTests {
    @Test(arguments: [
        ("a", 65_536, true), ("é", 65_536, true), ("&", 21_845, true), ("&", 21_846, false), ("\"", 65_536, false),
    ])
    func whatGrowsTooMuchIsNotShown(_ character: String, _ count: Int, _ fits: Bool) {
        let field = FormReplay.Field(name: "", value: String(repeating: character, count: count))
        #expect(PostedForm.fitsPage([field]) == fits)
    }

    @Test func namesAndAllFieldsCount() {
        let field = FormReplay.Field(name: String(repeating: "<", count: 11_000), value: "")
        #expect(PostedForm.fitsPage([field]))
        #expect(!PostedForm.fitsPage([field, field]))
    }
}

/// Anubis GHSA-jhjj-2g64-px7c, GHSA-cf57-c578-7jvv: the redirect after a challenge led to foreign hosts and scripts.
@Suite struct ReturnPathTests {
    @Test(arguments: ["/", "/a", "/a/b?c=d&e=//f", "/%2F/x", "/a#b", "/?q=%E2%82%AC", "/a?dir=C:\\x"])
    func pathsOfThisOriginAreTaken(_ path: String) {
        #expect(ReturnPath.safe(path) == path)
    }

    @Test(arguments: [
        "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example",
        "javascript:alert(1)", "evil.example", "", "/a\\..\\b", "/a\\b?c", "/a\r\nSet-Cookie: x=1", "/a b",
        "/\t/evil.example",
        "/é", "/\u{7F}", " /a", "?a", "#a", ".", "/" + String(repeating: "a", count: 4_096),
    ])
    func everythingElseLeadsToTheRoot(_ path: String) {
        #expect(ReturnPath.safe(path) == "/")
    }

    @Test func noPathLeadsToTheRoot() {
        #expect(ReturnPath.safe(nil) == "/")
    }
}
