import Testing

@testable import Gateway

/// Browsers keep their passes in cookies; the upstream sees none of them and all of its own.
@Suite struct PassCookiesTests {
    private func passes(_ values: [String], policy: String = "api", isHTTPS: Bool = false) -> [String] {
        PassCookies.passes(head("GET", "/", values.map { ("Cookie", $0) }), policy: policy, isHTTPS: isHTTPS)
    }

    @Test(arguments: [
        (["tollgate_api=P"], ["P"]), (["a=b; tollgate_api=P; c=d"], ["P"]), (["a=b;tollgate_api=P"], ["P"]),
        (["a=b;  tollgate_api=P  ;c"], ["P"]), (["tollgate_api=P", "x=y; tollgate_api=Q"], ["P", "Q"]),
        (["tollgate_api=P=="], ["P=="]), (["tollgate_api="], []), (["tollgate_api"], []), ([""], []), ([";;;"], []),
        (["tollgate_apix=P"], []), (["xtollgate_api=P"], []), (["x=tollgate_api=P"], []), (["TOLLGATE_API=P"], []),
        (["__Host-tollgate_api=P"], []), (["tollgate_site=P"], []), (["tollgate_api =P"], []),
        (["tollgate_api=\"P\""], ["\"P\""]),
    ]) func thePassesOfAPolicyAreFound(_ values: [String], _ expected: [String]) {
        #expect(passes(values) == expected)
    }

    @Test func underHTTPSOnlyTheHostCookieCounts() {
        #expect(passes(["__Host-tollgate_api=P; tollgate_api=Q"], isHTTPS: true) == ["P"])
        #expect(passes(["__Host-tollgate_api=P; tollgate_api=Q"], isHTTPS: false) == ["Q"])
    }

    @Test func candidatesAreBounded() {
        let many = (0..<100).map { "tollgate_api=\($0)" }.joined(separator: "; ")
        #expect(passes([many, many]) == (0..<PassCookies.candidatesMax).map(String.init))
    }

    @Test func setCookieNamesItsAttributes() {
        #expect(
            PassCookies.setCookie(pass: "P", policy: "api", isHTTPS: false, maxAgeSeconds: 600)
                == "tollgate_api=P; Path=/; Max-Age=600; HttpOnly; SameSite=Lax"
        )
        // `__Host-` demands Secure, Path=/ and no Domain (RFC 6265bis section 4.1.3.2).
        #expect(
            PassCookies.setCookie(pass: "P", policy: "api", isHTTPS: true, maxAgeSeconds: 600)
                == "__Host-tollgate_api=P; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure"
        )
    }

    @Test func whatIsSetIsFound() {
        for isHTTPS in [false, true] {
            let cookie = PassCookies.setCookie(pass: "P-_1", policy: "a-b_c", isHTTPS: isHTTPS, maxAgeSeconds: 1)
            #expect(passes(["x=y; " + cookie.prefix { $0 != ";" }], policy: "a-b_c", isHTTPS: isHTTPS) == ["P-_1"])
        }
    }

    @Test(
        arguments: [
            ("a=b", "a=b"), ("a=b; c=d", "a=b; c=d"), ("a=b;c=d;;", "a=b;c=d;;"), ("", ""),
            ("tollgate_api=P", nil), (" tollgate_api=P ;", nil), ("tollgate_", nil), ("tollgate_api", nil),
            ("tollgate_api=P; __Host-tollgate_site=Q", nil),
            ("a=b; tollgate_api=P; c=d", "a=b; c=d"), ("tollgate_api=P;a=\"x y\"", "a=\"x y\""),
            ("a=b; x=tollgate_api; tollgate_x=1", "a=b; x=tollgate_api"), ("xtollgate_api=P", "xtollgate_api=P"),
            ("x=tollgate_1", "x=tollgate_1"), ("TOLLGATE_api=P; a=b", "TOLLGATE_api=P; a=b"),
            ("__Host-session=1; __Host-tollgate_api=P", "__Host-session=1"), ("\ttollgate_a=1; b", "b"),
            ("tollgate_a=1; é=\u{1F980}; b=", "é=\u{1F980}; b="),
        ] as [(String, String?)]
    ) func ourCookiesAreTakenOutAndNoOthers(_ value: String, _ kept: String?) {
        #expect(PassCookies.stripped(value) == kept)
    }

    /// Compared byte by byte: a mark that combines with the prefix's last character makes no other name of it.
    @Test func aCombiningMarkHidesNoCookieOfOurs() {
        #expect(PassCookies.stripped("a=b; tollgate_\u{301}=x") == "a=b")
    }

    private struct Jar {
        var text = ""
        var foreign: [String] = []
    }

    private static func jar(_ generator: inout SeededGenerator) -> Jar {
        var jar = Jar()
        let names = ["a", "sid", "tollgate", "xtollgate_", "__Host-s", "__Host-", "Tollgate_a", "é", "_", "tollgat"]
        let values = ["", "1", "a=b", "\"q r\"", "tollgate_api=P", "__Host-tollgate_x", "%3B", "é", "{}", "x y"]
        for index in 0..<generator.below(10) {
            let isOurs = generator.chance(40)
            let name =
                isOurs
                ? generator.pick(["tollgate_", "__Host-tollgate_"]) + generator.pick(["api", "", "x-y", "1"])
                : generator.pick(names)
            let pair = generator.chance(85) ? name + "=" + generator.pick(values) : name
            if !isOurs { jar.foreign.append(pair) }
            if index > 0 { jar.text += generator.pick(["; ", ";", ";  ", ";\t", "; ;"]) }
            jar.text += pair
        }
        return jar
    }

    /// The upstream never sees a cookie of ours, and sees every other one as it was, in order.
    @Test func fiveThousandJars() {
        var generator = SeededGenerator.printed()
        for _ in 0..<5_000 {
            let jar = Self.jar(&generator)
            let kept = PassCookies.stripped(jar.text) ?? ""
            let pairs = kept.split(separator: ";").map { pair in pair.drop { $0 == " " || $0 == "\t" } }
                .filter { !$0.isEmpty }
            for pair in pairs {
                #expect(!pair.utf8.starts(with: "tollgate_".utf8), "\(jar.text)")
                #expect(!pair.utf8.starts(with: "__Host-tollgate_".utf8), "\(jar.text)")
            }
            #expect(pairs.map(String.init) == jar.foreign.filter { !$0.isEmpty }, "\(jar.text)")
            // What is clean is not touched.
            #expect(PassCookies.stripped(kept) == kept, "\(jar.text)")
        }
    }

    @Test func randomTextNeverCrashesOrLetsOneOfOursThrough() {
        var generator = SeededGenerator.printed()
        for _ in 0..<10_000 {
            let value = text(generator.mutated(Array("a=b; tollgate_api=P; __Host-tollgate_x=\"q;r\"; c".utf8)))
            _ = passes([value])
            for pair in (PassCookies.stripped(value) ?? "").utf8.split(separator: UInt8(ascii: ";")) {
                let pair = pair.drop(while: ASCII.isWhiteSpace)
                #expect(
                    !pair.starts(with: "tollgate_api=".utf8) && !pair.starts(with: "__Host-tollgate_x=".utf8),
                    "\(value)"
                )
            }
        }
    }
}
