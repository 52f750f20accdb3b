import CPage
import Foundation
import Settings
import Testing

@testable import Gateway

/// The page holds texts of operators and clients; none of them is ever read as anything but text.
@Suite struct ChallengePageTests {
    private static let hostile = [
        "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'><svg/onload=1>", "</title><script>",
        "{{challenge}}",
        "{{base}}", "}}{{", "&lt;script&gt;", "</script><!--", "<!--<script>", "]]>", "a\u{0}b", "\u{338}<\u{338}",
        "é\u{1F980}",
        "`${1}`", "javascript:alert(1)", "\" onmouseover=\"x", "\r\n\r\n<b>",
    ]

    private func page(
        title: String? = nil,
        text: String? = nil,
        contact: String? = nil,
        id: String = "id",
        request: PageRequest = PageRequest(method: "GET"),
        token: String = "Atoken",
        logo: PageLogo? = nil
    ) -> String {
        var policy = PolicySettings(name: "api", preset: .api)
        policy.page.logo = logo
        policy.page.title = title
        policy.page.text = text
        policy.page.contact = contact
        let challenge = IssuedChallenge(token: token, rounds: 16, target: 1, expiresInSeconds: 300, grants: 100)
        return String(
            decoding: ChallengePage().challenge(
                challenge,
                policy: policy,
                requestID: id,
                request: request
            ),
            as: UTF8.self
        )
    }

    private func message(
        _ refusal: Refusal,
        policy: PolicySettings? = nil,
        id: String = "id",
        request: PageRequest = PageRequest(method: "GET")
    ) -> String {
        String(
            decoding: ChallengePage().message(refusal, policy: policy, requestID: id, request: request),
            as: UTF8.self
        )
    }

    private func form(_ fields: [(String, String)], returnPath: String = "/") -> PageRequest {
        let fields = fields.map { FormReplay.Field(name: $0.0, value: $0.1) }
        return PageRequest(method: "POST", returnPath: returnPath, form: .replay(fields: fields))
    }

    /// A document's tags, without what stands between them: the names, and the names of their attributes.
    private func skeleton(_ html: String) -> [String] {
        var tags: [String] = []
        var rest = html.utf8[...]
        while let open = rest.firstIndex(of: UInt8(ascii: "<")) {
            var tag = ""
            var quote: UInt8?
            var index = rest.index(after: open)
            while index < rest.endIndex {
                let byte = rest[index]
                index = rest.index(after: index)
                if let inside = quote {
                    if byte == inside { quote = nil }
                } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                    quote = byte
                } else if byte == UInt8(ascii: ">") {
                    break
                } else {
                    tag.unicodeScalars.append(Unicode.Scalar(byte))
                }
            }
            tags.append(tag)
            rest = rest[index...]
        }
        return tags
    }

    @Test(arguments: hostile) func noTextBreaksOut(_ text: String) {
        func shown(
            title: String = "t",
            text: String = "t",
            contact: String = "t",
            id: String = "t",
            request: PageRequest = PageRequest(method: "GET")
        ) -> [String] {
            skeleton(page(title: title, text: text, contact: contact, id: id, request: request))
        }
        let plain = shown()
        #expect(plain.count > 30)
        #expect(shown(title: text) == plain)
        #expect(shown(text: text) == plain)
        #expect(shown(contact: text) == plain)
        #expect(shown(id: text) == plain)
        let request = PageRequest(method: text, acceptLanguage: text, returnPath: "/" + text)
        #expect(shown(request: request) == plain)
        #expect(shown(title: text, text: text, contact: text, id: text, request: request) == plain)
        let posted = shown(request: form([("t", "t")]))
        #expect(posted.count > plain.count)
        #expect(shown(request: form([(text, text)], returnPath: "/" + text)) == posted)
        #expect(shown(request: form([("_charset_", text)])) == shown(request: form([("_charset_", "t")])))
    }

    @Test(arguments: hostile.filter { !$0.unicodeScalars.contains("\u{338}") })
    func theChallengeStaysInItsScript(_ token: String) throws {
        let html = page(token: token)
        let begin = try #require(html.range(of: "<script type=\"application/json\" id=\"challenge\">"))
        let end = try #require(html.range(of: "</script>", range: begin.upperBound..<html.endIndex))
        let json = String(html[begin.upperBound..<end.lowerBound])
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(object["challenge"] as? String == token)
        #expect(skeleton(html) == skeleton(page()))
    }

    /// Compared byte by byte: a mark that combines with the sign makes no other character of it.
    @Test func everyLessThanSignInTheScriptIsEscaped() {
        #expect(!skeletonOfScript(page(token: "<\u{338}")).utf8.contains(UInt8(ascii: "<")))
    }

    private func skeletonOfScript(_ html: String) -> String {
        html.components(separatedBy: "id=\"challenge\">").last?.components(separatedBy: "</script>").first ?? ""
    }

    @Test func everyPlaceholderIsFilled() throws {
        var count = 0
        let files = UnsafeBufferPointer(start: try #require(tollgate_page_files(&count)), count: count)
        let template = try #require(files.first { String(cString: $0.name) == "page.html" })
        let text = String(decoding: UnsafeBufferPointer(start: template.bytes, count: template.length), as: UTF8.self)
        // As CPage.h lists them.
        let values: Set = [
            "lang", "dir", "title", "text", "own_title", "own_text", "contact", "logo", "request_id", "policy", "base",
            "files", "return_path",
            "state", "challenge", "script_words", "challenge_text", "token", "rounds", "expires", "form", "replay",
            "fields", "lost", "answer_path", "fetch", "status", "retry_after", "retry", "technical",
        ]
        for language in PageLanguage.allCases {
            #expect(try PageTemplate(text, words: ChallengePage.words(language)).names == values)
        }
        let html = page(title: "TITLE", text: "TEXT", contact: "CONTACT", id: "REQUEST", token: "TOKEN")
        #expect(!html.contains("{{") && !html.contains("}}\""))
        for value in ["TITLE", "TEXT", "CONTACT", "REQUEST", "TOKEN", "data-policy=\"api\"", Endpoint.base] {
            #expect(html.contains(value), "\(value)")
        }
    }

    @Test func thePageHasWordsOfItsOwn() {
        #expect(page().contains("<title>One moment, please</title>"))
        #expect(page(title: "A & B").contains("<title>A &amp; B</title>"))
    }

    @Test func theOperatorsPictureIsShown() {
        let logo = PageLogo(path: "logo.svg", contentType: "image/svg+xml", bytes: [])
        #expect(page(logo: logo).contains("<img class=\"logo\" src=\"\(Endpoint.base)page/logo/api\" alt=\"\">"))
        #expect(!page().contains("<img"))
        #expect(ChallengePage.policyOfLogo("logo/api") == "api")
        #expect(ChallengePage.policyOfLogo("page.css") == nil)
        // Whatever an SVG holds, opened by itself it runs nothing.
        let policy = ChallengePage.logoContentSecurityPolicy
        #expect(policy.contains("default-src 'none'") && policy.contains("sandbox") && !policy.contains("script"))
    }

    @Test func everyFileThatThePageNamesIsThere() {
        let page = ChallengePage()
        let html = self.page()
        let named = html.components(separatedBy: Endpoint.base + "page/").dropFirst()
            .map { String($0.prefix { $0 != "\"" && $0 != "'" && $0 != "<" }) }
            .filter { !$0.hasSuffix("/") }
        #expect(named.count > 8)
        for name in named {
            #expect(page.file(name)?.file.bytes.isEmpty == false, "\(name)")
            #expect(page.file(name)?.mayBeKept == true, "\(name)")
        }
        for name in ["solver.wasm", "scalar.wasm"] {
            #expect(page.file(name)?.file.bytes.starts(with: [0x00, 0x61, 0x73, 0x6D]) == true)
        }
    }

    @Test func filesOfOtherVersionsAreServedButNotKept() {
        let page = ChallengePage()
        #expect(page.file("page.css")?.mayBeKept == false)
        #expect(page.file("0123456789abcdef/page.css")?.mayBeKept == false)
        #expect(page.file("0/page.css")?.file.bytes == page.file("page.css")?.file.bytes)
    }

    @Test(
        arguments: [
            "", "/", "page.html", "words/en.json", "../page.css", "0/", "/page.css", "x/page.css", "0/0/page.css",
            "0/page.html",
            "0/words/en.json", "00000000000000000/page.css", "page.css/", "logo/",
        ]
    ) func nothingElseIsServed(_ name: String) { #expect(ChallengePage().file(name) == nil) }

    @Test func nothingOfThePageIsFromElsewhere() {
        for html in [page(), page(request: form([("a", "b")])), message(Refusal(.denied, "d"))] {
            for foreign in ["http://", "https://", "src=\"//", "href=\"//"] { #expect(!html.contains(foreign)) }
            #expect(!skeleton(html).contains { $0.contains(" on") || $0.contains("style=") })
        }
        // And the policy would not let it: neither inline scripts nor handlers.
        let policy = ChallengePage.contentSecurityPolicy(replays: false)
        #expect(!policy.contains("unsafe-inline"))
        #expect(policy.hasPrefix("default-src 'none'") && policy.contains("frame-ancestors 'self'"))
        // The site's answer to a form may lead anywhere.
        #expect(policy.contains("form-action 'self'"))
        #expect(!ChallengePage.contentSecurityPolicy(replays: true).contains("form-action"))
    }

    // MARK: What was asked for

    @Test(
        arguments: [
            ("/a/b?c=d&e=%22", "/a/b?c=d&amp;e=%22"), ("//evil.example/x", "/"), ("/\\evil.example", "/"),
            ("javascript:alert(1)", "/"), ("https://evil.example/", "/"), ("", "/"), ("/a\r\nb", "/"),
            ("/\t/evil.example", "/"),
            ("/\"><b>", "/&quot;&gt;&lt;b&gt;"),
        ]
    ) func nothingLeadsToAnotherOrigin(_ path: String, _ shown: String) {
        let html = page(request: PageRequest(method: "GET", returnPath: path))
        #expect(html.contains("name=\"return\" value=\"\(shown)\""))
        #expect(html.contains("id=\"onward\" href=\"\(shown)\""))
        let posted = page(request: form([("a", "b")], returnPath: path))
        #expect(posted.contains("<form id=\"replay\" method=\"post\" action=\"\(shown)\""))
        let refused = message(Refusal(.overLimit, "d"), request: PageRequest(method: "GET", returnPath: path))
        #expect(refused.contains("<a class=\"button\" href=\"\(shown)\">"))
    }

    @Test func aFormIsKeptInItsOrder() {
        let html = page(request: form([("b", "1"), ("a", "\r\n\"<&'"), ("b", "2"), ("_charset_", "\nx")]))
        #expect(html.contains("data-form=\"replay\""))
        #expect(
            html.contains(
                """
                <input type="hidden" name="b" value="1">
                <input type="hidden" name="a" value="&#13;&#10;&quot;&lt;&amp;&#39;">
                <input type="hidden" name="b" value="2">
                <textarea hidden name="_charset_">
                &#10;x</textarea>

                """
            )
        )
        // The answer opens beside it.
        #expect(html.contains("target=\"_blank\"") && html.contains("name=\"return\" value=\"/\""))
    }

    @Test(arguments: FormReplay.Reason.allCases) func aLostFormIsToldOf(_ reason: FormReplay.Reason) {
        let html = page(request: PageRequest(method: "POST", form: .lost(reason)))
        #expect(html.contains("data-form=\"lost\"") && html.contains("id=\"lost\""))
        #expect(!html.contains("id=\"replay\"") && !html.contains("target="))
        #expect(!page().contains("id=\"lost\""))
    }

    // MARK: Languages

    @Test(arguments: PageLanguage.allCases) func thePageSpeaks(_ language: PageLanguage) {
        let words = ChallengePage.words(language)
        let html = page(request: PageRequest(method: "GET", acceptLanguage: language.tag))
        #expect(html.contains("<html lang=\"\(language.tag)\" dir=\"\(language.direction)\">"))
        #expect(html.contains("<title>\(HTMLText.escaped(words["title"]))</title>"))
        #expect(html.contains(HTMLText.escaped(words["text"])))
        // The operator's words win.
        let own = page(title: "T", text: "U", request: PageRequest(method: "GET", acceptLanguage: language.tag))
        #expect(own.contains("<title>T</title>") && own.contains("dir=\"auto\">U</p>"))
        #expect(!own.contains(HTMLText.escaped(words["text"])))
    }

    @Test func theScriptsHaveTheirWords() throws {
        for language in PageLanguage.allCases {
            let html = page(request: PageRequest(method: "GET", acceptLanguage: language.tag))
            let begin = try #require(html.range(of: "<script type=\"application/json\" id=\"words\">"))
            let end = try #require(html.range(of: "</script>", range: begin.upperBound..<html.endIndex))
            let json = Data(html[begin.upperBound..<end.lowerBound].utf8)
            let object = try #require(try JSONSerialization.jsonObject(with: json) as? [String: String])
            #expect(object["script.solving"] == ChallengePage.words(language)["script.solving"])
            for kind in RefusalKind.allCases { #expect(object[kind.rawValue + ".text"] != nil) }
        }
    }

    // MARK: Other refusals

    @Test(arguments: RefusalKind.allCases, PageLanguage.allCases)
    func everyRefusalHasAPage(_ kind: RefusalKind, _ language: PageLanguage) {
        let words = ChallengePage.words(language)
        let refusal = Refusal(kind, "<b>why</b> & \"how\"", retryAfterSeconds: 90)
        let html = message(refusal, id: "<i>", request: PageRequest(method: "GET", acceptLanguage: language.tag))
        #expect(html.contains("<title>\(HTMLText.escaped(words.title(of: kind)))</title>"))
        #expect(html.contains(HTMLText.escaped(words.text(of: kind))))
        #expect(html.contains(HTMLText.escaped(words.duration(90))))
        #expect(html.contains("&lt;i&gt;") && !html.contains("<i>") && !html.contains("<b>"))
        #expect(html.contains("\(kind.status) · "))
        #expect(!html.contains("<script") && !html.contains("{"))
    }

    @Test func whatTheKindDoesNotSayIsTold() {
        let refusal = Refusal(.malformed, "<b>The request has no Host field.")
        #expect(
            message(refusal).contains("<span lang=\"en\" dir=\"ltr\">&lt;b&gt;The request has no Host field.</span>")
        )
        #expect(!message(Refusal(.overLimit, "The ceiling is reached.")).contains("ceiling"))
    }

    @Test func anotherTryIsOfferedWhereItMayHelp() {
        let post = PageRequest(method: "POST", returnPath: "/a")
        #expect(message(Refusal(.overLimit, "d")).contains("class=\"button\""))
        #expect(!message(Refusal(.overLimit, "d"), request: post).contains("class=\"button\""))
        #expect(message(Refusal(.wrongSolution, "d"), request: post).contains("class=\"button\" href=\"/a\""))
        #expect(!message(Refusal(.denied, "d")).contains("class=\"button\""))
    }

    @Test func thePolicysContactAndPictureAreShown() {
        var policy = PolicySettings(name: "api", preset: .api)
        policy.page.contact = "help@<example>.com"
        policy.page.logo = PageLogo(path: "l.png", contentType: "image/png", bytes: [])
        let html = message(Refusal(.overLimit, "d"), policy: policy)
        #expect(html.contains("help@&lt;example&gt;.com") && html.contains("page/logo/api"))
    }

    @Test func theLongestWaitOfAnyLimitIsTold() {
        let longest = Durations.secondsRoundedUp(1 << 62)
        #expect(
            message(Refusal(.overLimit, "d", retryAfterSeconds: longest)).contains("Please try again in 53376 days.")
        )
    }
}
