import Testing

@testable import Gateway

/// What scripts of other origins are let read.
@Suite struct CrossOriginTests {
    static let origins = ["https://app.example.com", "http://localhost:3000"]

    static func fields(_ origin: String?, _ origins: [String] = origins) -> [String: String] {
        Dictionary(
            CrossOrigin.answerFields(origin: origin, origins: origins).map { ($0.name, $0.value) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    @Test func aListedOriginMayReadOurFields() {
        let fields = Self.fields("https://app.example.com")
        #expect(fields["Access-Control-Allow-Origin"] == "https://app.example.com")
        #expect(fields["Vary"] == "Origin")
        for name in ["PoW-Challenge", "PoW-Pass", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"] {
            #expect(fields["Access-Control-Expose-Headers"]?.contains(name) == true)
        }
    }

    @Test(arguments: [
        "https://evil.example", "https://app.example.com.evil.example", "https://app.example.com:443", "null", "*",
        "HTTPS://APP.EXAMPLE.COM", "",
    ])
    func othersMayReadNothing(_ origin: String) {
        #expect(Self.fields(origin) == ["Vary": "Origin"])
    }

    @Test(arguments: ["https://any.example", "null", "*"])
    func everyOriginIsAnsweredWithoutCredentials(_ origin: String) {
        let fields = Self.fields(origin, ["*"])
        #expect(fields["Access-Control-Allow-Origin"] == "*")
        #expect(fields["Access-Control-Allow-Credentials"] == nil)
        #expect(fields["Vary"] == "Origin")
        #expect(fields["Access-Control-Expose-Headers"]?.contains("PoW-Pass") == true)
    }

    @Test func aListedOriginKeepsItsCredentialsBesideEveryOrigin() {
        // Where no policy is known, the origins of all are taken together.
        #expect(Self.fields(Self.origins[0], Self.origins + ["*"])["Access-Control-Allow-Origin"] == Self.origins[0])
        #expect(Self.fields("https://any.example", Self.origins + ["*"])["Access-Control-Allow-Origin"] == "*")
    }

    @Test func aPolicyWithoutOriginsSaysNothing() {
        #expect(Self.fields("https://app.example.com", []).isEmpty)
        #expect(Self.fields(nil) == ["Vary": "Origin"])
    }

    @Test func ourNamesJoinTheUpstreams() {
        #expect(CrossOrigin.list(["ETag", "", "X-A, X-B"], adding: "PoW-Pass") == "ETag, X-A, X-B, PoW-Pass")
        #expect(CrossOrigin.list([], adding: "PoW-Pass") == "PoW-Pass")
    }
}
