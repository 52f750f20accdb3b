import Settings
import Testing

@testable import Gateway

/// The request that another proxy describes: DESIGN section 5, "Check".
@Suite struct DescribedRequestTests {
    static func described(
        _ family: CheckFamily,
        target: String = "/.well-known/tollgate/check",
        method: String = "GET",
        _ fields: [(String, String)]
    ) throws -> RequestHead {
        var head = head(method, target, [("Host", "gate.internal")] + fields)
        try DescribedRequest.describe(&head, family: family)
        return head
    }

    @Test func nginxNamesMethodAndTarget() throws {
        let head = try Self.described(
            .nginx,
            [("X-Original-Method", "POST"), ("X-Original-URI", "/a%2Fb?x=1"), ("Cookie", "a=b")]
        )
        #expect(head.string(head.method) == "POST")
        #expect(head.string(head.target) == "/a%2Fb?x=1")
        #expect(head.first("host").map { head.string($0) } == "gate.internal")
        #expect(head.first("cookie").map { head.string($0) } == "a=b")
    }

    @Test func nginxIgnoresWhatOtherFamiliesSay() throws {
        let head = try Self.described(
            .nginx,
            [
                ("X-Original-Method", "GET"), ("X-Original-URI", "/true"), ("X-Forwarded-Uri", "/false"),
                ("X-Forwarded-Method", "PUT"), ("X-Forwarded-Host", "false.example"),
            ]
        )
        #expect(head.string(head.target) == "/true")
        #expect(head.string(head.method) == "GET")
        #expect(head.first("host").map { head.string($0) } == "gate.internal")
    }

    @Test(arguments: [CheckFamily.caddy, .traefik, .haproxy])
    func othersForwardThem(_ family: CheckFamily) throws {
        let head = try Self.described(
            family,
            [
                ("X-Forwarded-Method", "DELETE"), ("X-Forwarded-Uri", "/x"), ("X-Forwarded-Host", "example.com:8443"),
                ("X-Original-URI", "/false"),
            ]
        )
        #expect(head.string(head.method) == "DELETE")
        #expect(head.string(head.target) == "/x")
        #expect(head.all("host").map { head.string($0) } == ["example.com:8443"])
    }

    @Test func withoutAForwardedHostTheHostFieldCounts() throws {
        let head = try Self.described(.caddy, [("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/")])
        #expect(head.all("host").map { head.string($0) } == ["gate.internal"])
    }

    @Test func envoyAsksBehindAPrefix() throws {
        let head = try Self.described(
            .envoy,
            target: "/.well-known/tollgate/check/../redeem?x",
            method: "PATCH",
            [("X-Forwarded-Uri", "/false"), ("X-Original-URI", "/false")]
        )
        #expect(head.string(head.target) == "/../redeem?x")
        #expect(head.string(head.method) == "PATCH")
    }

    @Test(arguments: [
        ([("X-Original-URI", "/")], "X-Original-Method", true),
        ([("X-Original-Method", "GET")], "X-Original-URI", true),
        ([("X-Original-Method", "GET"), ("X-Original-URI", "")], "X-Original-URI", true),
        ([("X-Original-Method", "GET"), ("X-Original-URI", "/"), ("X-Original-URI", "/b")], "X-Original-URI", false),
        (
            [("X-Original-Method", "GET"), ("x-original-method", "PUT"), ("X-Original-URI", "/")], "X-Original-Method",
            false
        ),
    ])
    func aProxyThatSaysTooLittleOrTooMuchIsToldWhat(_ fields: [(String, String)], header: String, isMissing: Bool) {
        #expect(throws: DescribedRequest.Problem(header: header, isMissing: isMissing)) {
            try Self.described(.nginx, fields)
        }
    }

    @Test func twoForwardedHostsAreRefused() {
        #expect(throws: DescribedRequest.Problem(header: "X-Forwarded-Host", isMissing: false)) {
            try Self.described(
                .traefik,
                [
                    ("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/"), ("X-Forwarded-Host", "a.example"),
                    ("X-Forwarded-Host", "b.example"),
                ]
            )
        }
    }
}

/// The paths by which proxies ask, taken as they are written and in no other spelling.
@Suite struct CheckEndpointTests {
    static func endpoint(_ target: String, _ family: CheckFamily) -> CheckEndpoint? {
        Array(target.utf8).withUnsafeBytes { CheckEndpoint(target: $0, family: family) }
    }

    @Test func pathsNameThem() {
        #expect(Self.endpoint("/.well-known/tollgate/check", .nginx) == .check)
        #expect(Self.endpoint("/.well-known/tollgate/check?x", .caddy) == .check)
        #expect(Self.endpoint("/.well-known/tollgate/refusal", .nginx) == .refusal)
        #expect(Self.endpoint("/.well-known/tollgate/check/", .envoy) == .check)
        #expect(Self.endpoint("/.well-known/tollgate/check/a/b?c", .envoy) == .check)
    }

    @Test(arguments: [
        "/.well-known/tollgate/check/x", "/.well-known/tollgate/checks", "/.well-known/tollgate/%63heck",
        "//.well-known/tollgate/check", "/.well-known/tollgate/./check", "/.well-known/tollgate/Check",
        "/.well-known/tollgate/challenge", "/", "",
    ])
    func nothingElseDoes(_ target: String) {
        #expect(Self.endpoint(target, .nginx) == nil)
    }

    @Test(arguments: [
        "/.well-known/tollgate/check", "/.well-known/tollgate/check?x", "/.well-known/tollgate/checkout",
        "/.well-known/tollgate/refusal", "/.well-known/tollgate/redeem",
    ])
    func envoyAsksForAPath(_ target: String) {
        #expect(Self.endpoint(target, .envoy) == nil)
    }
}
