import Testing

@testable import Gateway

/// RFC 3986 section 6.2.2 and DESIGN section 3, "Match": one form of a path, matched and forwarded.
@Suite struct NormalizedPathTests {
    static func normalize(_ path: String) throws(NormalizedPath.Problem) -> NormalizedPath {
        try normalize(Array(path.utf8))
    }

    static func normalize(_ path: [UInt8]) throws(NormalizedPath.Problem) -> NormalizedPath {
        let result: Result<NormalizedPath, NormalizedPath.Problem> = path.withUnsafeBytes { bytes in
            Result { () throws(NormalizedPath.Problem) in try NormalizedPath(bytes) }
        }
        return try result.get()
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let path: String
        let forwarded: String
        let matched: String
        var alternative: String?
        init(_ path: String, _ forwarded: String, matched: String? = nil, alternative: String? = nil) {
            self.path = path
            self.forwarded = forwarded
            self.matched = matched ?? forwarded
            self.alternative = alternative
        }
        var testDescription: String { path }
    }

    static let cases: [Case] = [
        Case("/", "/"),
        Case("/index.html", "/index.html"),
        Case("/a/b/c/", "/a/b/c/"),
        Case("/a-b_c~d.e", "/a-b_c~d.e"),
        // Unreserved characters are decoded; the rest keeps its encoding, with upper-case digits.
        Case("/%61%62%63", "/abc"),
        Case("/%7euser", "/~user"),
        Case("/%41%5A%30%39%2d%2e%5f", "/AZ09-._"),
        Case("/a%20b", "/a%20b", matched: "/a b"),
        Case("/caf%c3%a9", "/caf%C3%A9", matched: "/café"),
        Case("/%3fq", "/%3Fq", matched: "/?q"),
        Case("/%23f", "/%23f", matched: "/#f"),
        Case("/a%3bb=1", "/a%3Bb=1", matched: "/a;b=1"),
        Case("/a;b=1,c@d:e!$&'()*+", "/a;b=1,c@d:e!$&'()*+"),
        // Decoded once, never twice.
        Case("/%2561", "/%2561", matched: "/%61"),
        Case("/%25%36%31", "/%2561", matched: "/%61"),
        Case("/%252e%252e/x", "/%252e%252e/x", matched: "/%2e%2e/x"),
        // Dot segments, plain and encoded (RFC 3986 section 5.2.4).
        Case("/a/./b", "/a/b"),
        Case("/./a", "/a"),
        Case("/a/.", "/a/"),
        Case("/.", "/"),
        Case("/a/b/../c", "/a/c"),
        Case("/a/b/..", "/a/"),
        Case("/a/..", "/"),
        Case("/a/../", "/"),
        Case("/a/b/c/./../../g", "/a/g"),
        Case("/mid/content=5/../6", "/mid/6"),
        Case("/a/%2e%2e/b", "/b"),
        Case("/a/.%2E/b", "/b"),
        Case("/a/%2e/b", "/a/b"),
        // What only looks like a dot segment.
        Case("/...", "/..."),
        Case("/a/.../b", "/a/.../b"),
        Case("/..a/b..", "/..a/b.."),
        Case("/.well-known/x", "/.well-known/x"),
        Case("/a/...;/b", "/a/...;/b"),
        Case("/a/x;../b", "/a/x;../b"),
        Case("/a/;/b", "/a/;/b"),
        // Doubled slashes.
        Case("//", "/"),
        Case("//a///b//", "/a/b/"),
        Case("/a//../b", "/b"),
        Case("/a/.//b", "/a/b"),
        // An encoded slash: as data, and as a separator.
        Case("/group%2fproject", "/group%2Fproject", matched: "/group%2Fproject", alternative: "/group/project"),
        Case("/a%2F", "/a%2F", matched: "/a%2F", alternative: "/a/"),
        Case("/%2Fa", "/%2Fa", matched: "/%2Fa", alternative: "/a"),
        Case("/a%2F..%2Fb", "/a%2F..%2Fb", matched: "/a%2F..%2Fb", alternative: "/b"),
        Case("/a%2f%2e%2e/b", "/a%2F../b", matched: "/a%2F../b", alternative: "/b"),
        Case("/a%2F./b", "/a%2F./b", matched: "/a%2F./b", alternative: "/a/b"),
        Case("/x%2Fy%20z", "/x%2Fy%20z", matched: "/x%2Fy z", alternative: "/x/y z"),
        // It went away with its segment.
        Case("/a%2Fb/../c", "/c", matched: "/c", alternative: "/c"),
        // A twice encoded slash is data in every reading.
        Case("/a%252Fb", "/a%252Fb", matched: "/a%2Fb"),
    ]

    @Test(arguments: cases) func isNormalized(_ example: Case) throws {
        let path = try Self.normalize(example.path)
        #expect(text(path.forwarded) == example.forwarded)
        #expect(text(path.matched) == example.matched)
        #expect(path.alternative.map(text) == example.alternative)
    }

    @Test(arguments: [
        ("", NormalizedPath.Problem.notAbsolute), ("a/b", .notAbsolute), ("*", .notAbsolute), ("%2Fa", .notAbsolute),
        ("/%", .badPercentEncoding), ("/%2", .badPercentEncoding), ("/%zz", .badPercentEncoding),
        ("/a%2", .badPercentEncoding), ("/%%41", .badPercentEncoding), ("/%u0041", .badPercentEncoding),
        ("/% 41", .badPercentEncoding), ("/%+1", .badPercentEncoding), ("/%-1", .badPercentEncoding),
        ("/%00", .controlCharacter), ("/a%0d%0aSet-Cookie:x", .controlCharacter), ("/a\tb", .controlCharacter),
        ("/%7F", .controlCharacter), ("/a\u{0}b", .controlCharacter), ("/%1f", .controlCharacter),
        ("/a\\b", .backslash), ("/a%5cb", .backslash), ("/..%5C..%5Cetc", .backslash),
        ("/..", .climbsOutOfRoot), ("/../a", .climbsOutOfRoot), ("/a/../..", .climbsOutOfRoot),
        ("/%2e%2e/a", .climbsOutOfRoot), ("//..", .climbsOutOfRoot), ("/./..", .climbsOutOfRoot),
        ("/a/../../b", .climbsOutOfRoot),
        // In the reading in which the encoded slash separates.
        ("/a%2F..%2F..%2Fb", .climbsOutOfRoot), ("/%2F..", .climbsOutOfRoot), ("/..%2Fa", .climbsOutOfRoot),
        ("/%2e%2e%2fa", .climbsOutOfRoot),
        // Dot segments to servers that take path parameters off.
        ("/a/..;/b", .dotSegmentWithParameter), ("/a/.;x=1/b", .dotSegmentWithParameter),
        ("/a/%2e%2E;/b", .dotSegmentWithParameter), ("/..;", .dotSegmentWithParameter),
        ("/a%2F..;%2Fb", .dotSegmentWithParameter), ("/a%2F..%3bx", .dotSegmentWithParameter),
    ]) func isRefused(_ path: String, _ problem: NormalizedPath.Problem) {
        #expect(throws: problem) { try Self.normalize(path) }
    }

    @Test func everyControlCharacterIsRefusedPlainAndEncoded() {
        for byte in (0..<UInt8(0x20)) + [0x7F] {
            #expect(throws: NormalizedPath.Problem.controlCharacter) { try Self.normalize([0x2F, byte]) }
            let high = ASCII.upperHex[Int(byte >> 4)]
            let low = ASCII.upperHex[Int(byte & 15)]
            #expect(throws: NormalizedPath.Problem.controlCharacter) { try Self.normalize([0x2F, 0x25, high, low]) }
        }
    }

    @Test func everySpellingOfAPathIsOnePath() throws {
        let spellings = [
            "/v1/open/x", "/v1/%6fpen/x", "//v1//open/x", "/v1/./open/x", "/a/../v1/open/x", "/v1/open/y/../x",
        ]
        for spelling in spellings { #expect(try Self.normalize(spelling) == Self.normalize("/v1/open/x")) }
    }
}
