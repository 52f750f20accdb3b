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
        token: String = "Atoken"
    ) -> String {
        var policy = PolicySettings(name: "api", preset: .api)
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
        let plain = skeleton(page(title: "t", text: "t", contact: "t"))
        #expect(plain.count > 30)
        #expect(skeleton(page(title: text, contact: "t")) == plain)
        #expect(skeleton(page(text: text, contact: "t")) == plain)
        #expect(skeleton(page(contact: text)) == plain)
        #expect(skeleton(page(contact: "t", id: text)) == plain)
        let request = PageRequest(method: text, acceptLanguage: text, returnPath: text)
        #expect(skeleton(page(contact: "t", request: request)) == plain)
        #expect(skeleton(page(title: text, text: text, contact: text, id: text, request: request)) == plain)
    }

    @Test(arguments: hostile) func nothingThatWasPostedBreaksOut(_ text: String) {
        func posted(_ name: String, _ value: String, to path: String = "/") -> [String] {
            let field = FormReplay.Field(name: name, value: value)
            return skeleton(
                page(request: PageRequest(method: "POST", returnPath: path, form: .replay(fields: [field])))
            )
        }
        #expect(posted("n", "v").contains("input type= name= value="))
        #expect(posted(text, text, to: "/" + text) == posted("n", "v"))
        #expect(posted("_charset_", text) == posted("_charset_", "v"))
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
        // As `CPage.h` lists them.
        let documented: Set<String> = [
            "lang", "dir", "title", "text", "contact", "logo", "request_id", "policy", "base", "files", "return_path",
            "state", "challenge", "script_words", "challenge_text", "token", "rounds", "expires", "form", "replay",
            "fields", "lost", "answer_path", "fetch", "status", "retry_after", "retry", "technical",
        ]
        #expect(try PageTemplate(text, words: ChallengePage.words(.english)).names == documented)
        let html = page(
            title: "TITLE",
            text: "TEXT",
            contact: "CONTACT",
            id: "REQUEST",
            request: PageRequest(method: "GET", returnPath: "/RETURN"),
            token: "TOKEN"
        )
        #expect(!html.contains("{{") && !html.contains("}}"))
        for value in [
            "TITLE", "TEXT", "CONTACT", "REQUEST", "\"/RETURN\"", "TOKEN", "data-policy=\"api\"", Endpoint.base,
        ] {
            #expect(html.contains(value), "\(value)")
        }
    }

    @Test func thePageHasWordsOfItsOwn() {
        #expect(page().contains("<title>One moment, please</title>"))
        #expect(page(title: "A & B").contains("<title>A &amp; B</title>"))
    }

    @Test func everyFileThatThePageNamesIsThere() {
        let page = ChallengePage()
        let html = self.page()
        let named = html.components(separatedBy: Endpoint.base + "page/").dropFirst()
            .map { String($0.prefix { $0 != "\"" && $0 != "'" && $0 != "<" }) }
        #expect(named.contains { $0.hasSuffix("/page.js") })
        // Scripts put names behind the folder, which the page names too.
        for name in named where !name.hasSuffix("/") {
            #expect(page.file(name)?.file.bytes.isEmpty == false, "\(name)")
        }
        #expect(page.file("solver.wasm")?.file.bytes.starts(with: [0x00, 0x61, 0x73, 0x6D]) == true)
        #expect(page.file("page.html") == nil && page.file("") == nil && page.file("../page.css") == nil)
    }

    @Test func nothingOfThePageIsFromElsewhere() {
        let html = page()
        for foreign in ["http://", "https://", "src=\"//", "href=\"//"] { #expect(!html.contains(foreign)) }
        // And the policy would not let it: neither inline scripts nor handlers.
        #expect(!ChallengePage.contentSecurityPolicy(replays: false).contains("unsafe-inline"))
        #expect(ChallengePage.contentSecurityPolicy(replays: true).hasPrefix("default-src 'none'"))
        #expect(!skeleton(html).contains { $0.contains(" on") || $0.contains("style=") })
    }

    @Test(arguments: RefusalKind.allCases) func everyRefusalHasAPage(_ kind: RefusalKind) {
        let refusal = Refusal(kind, "<b>why</b> & \"how\"", retryAfterSeconds: 90)
        let html = String(
            decoding: ChallengePage().message(refusal, requestID: "<i>", request: PageRequest(method: "GET")),
            as: UTF8.self
        )
        let words = ChallengePage.words(.english)
        #expect(html.contains("<title>\(HTMLText.escaped(words.title(of: kind)))</title>"))
        #expect(html.contains(HTMLText.escaped(words.text(of: kind))))
        #expect(html.contains("Please try again in 90 seconds."))
        // The detail is a technician's, and stands where the kind does not say it all.
        let selfEvident: [RefusalKind] = [
            .workRequired, .overLimit, .otherClient, .expired, .alreadySpent, .noQuorum, .denied,
        ]
        #expect(
            html.contains("&lt;b&gt;why&lt;/b&gt; &amp; &quot;how&quot;") == !selfEvident.contains(kind)
        )
        #expect(html.contains("&lt;i&gt;") && !html.contains("<i>") && !html.contains("<b>"))
        #expect(html.contains("\(kind.status)"))
    }

    @Test(
        arguments: [
            (1, "1 second."), (119, "119 seconds."), (120, "2 minutes."), (121, "3 minutes."), (7_199, "120 minutes."),
            (7_200, "2 hours."), (7_201, "3 hours."),
        ] as [(UInt64, String)]
    ) func waitsAreToldInWords(_ seconds: UInt64, _ words: String) {
        let html = String(
            decoding: ChallengePage().message(
                Refusal(.overLimit, "d", retryAfterSeconds: seconds),
                requestID: "i",
                request: PageRequest(method: "GET")
            ),
            as: UTF8.self
        )
        #expect(html.contains("Please try again in \(words)"))
    }

    @Test func theLongestWaitOfAnyLimitIsTold() {
        let longest = Durations.secondsRoundedUp(1 << 62)
        let html = ChallengePage().message(
            Refusal(.overLimit, "d", retryAfterSeconds: longest),
            requestID: "i",
            request: PageRequest(method: "GET")
        )
        #expect(String(decoding: html, as: UTF8.self).contains("Please try again in 53376 days."))
    }
}
