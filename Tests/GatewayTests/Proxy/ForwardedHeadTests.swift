import NIOHTTP1
import Settings
import Testing

@testable import Gateway

/// What a proxy takes out, and what it adds: RFC 9110 sections 7.6.1 and 7.6.3.
@Suite struct ForwardedHeadTests {
    private static let identity = ClientIdentity(
        address: ip("203.0.113.5"),
        isPeerTrusted: true,
        isHTTPS: true,
        forwardedFor: "203.0.113.5, 10.0.0.1"
    )

    private func request(
        _ fields: [(String, String)],
        target: String = "/a/../b?q",
        host: String = "example.com",
        clientHeader: String? = nil,
        forwardedHost: String? = nil,
        version: HTTPVersion = .http1_1,
        method: HTTPMethod = .GET
    ) throws -> HTTPRequestHead {
        let facts = ForwardedHead.Facts(
            identity: Self.identity,
            requestID: "the-id",
            target: try RequestTarget(head("GET", target, [("Host", host)]), isHTTP10: false),
            clientHeader: clientHeader,
            forwardedHost: forwardedHost
        )
        let headers = HTTPHeaders([("Host", host)] + fields)
        return ForwardedHead.request(
            HTTPRequestHead(version: version, method: method, uri: target, headers: headers),
            facts
        )
    }

    private func response(
        _ status: HTTPResponseStatus,
        _ fields: [(String, String)],
        isHead: Bool = false,
        version: HTTPVersion = .http1_1,
        added: AddedFields = AddedFields()
    ) -> (head: HTTPResponseHead, framing: ForwardedHead.Framing) {
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: HTTPHeaders(fields))
        let (result, framing) = ForwardedHead.response(
            head,
            isHead: isHead,
            clientVersion: version,
            requestID: "the-id",
            added: added
        )
        return (result, framing)
    }

    // MARK: Requests

    @Test func theUpstreamIsToldWhoAsksForWhat() throws {
        let head = try request([("Accept", "x"), ("X-Own", "1"), ("x-own", "2")])
        #expect(head.uri == "/b?q" && head.version == .http1_1 && head.method == .GET)
        #expect(head.headers["host"] == ["example.com"])
        #expect(head.headers["x-forwarded-for"] == ["203.0.113.5, 10.0.0.1"])
        #expect(head.headers["x-forwarded-proto"] == ["https"])
        #expect(head.headers["x-forwarded-host"] == ["example.com"])
        #expect(head.headers["x-request-id"] == ["the-id"])
        #expect(head.headers["via"] == ["1.1 tollgate"])
        #expect(head.headers["x-own"] == ["1", "2"] && head.headers["accept"] == ["x"])
    }

    @Test func aTrustedPeersHostIsPassedOn() throws {
        #expect(try request([], forwardedHost: "outer.example").headers["x-forwarded-host"] == ["outer.example"])
    }

    @Test func viaIsContinued() throws {
        let head = try request([("Via", "1.0 a"), ("via", "1.1 b")], version: .http1_0)
        #expect(head.headers["via"] == ["1.0 a, 1.1 b, 1.0 tollgate"])
    }

    /// Everything with which a client could say that it is somebody else, or that the request is another.
    static let lies = [
        "X-Forwarded-For", "x-forwarded-for", "X-FORWARDED-PROTO", "X-Forwarded-Host", "X-Forwarded-Port",
        "X-Forwarded-Server", "X-Forwarded-Prefix", "X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-Scheme",
        "X-Forwarded-Ssl", "Forwarded", "X-Real-IP", "X-Client-IP", "Client-IP", "True-Client-IP", "CF-Connecting-IP",
        "X-Cluster-Client-IP", "X-Original-URI", "X-Original-URL", "X-Original-Method", "X-Rewrite-URL", "X-Request-Id",
        "PoW-Pass", "PoW-Solution", "PoW-Idempotency-Key", "Proxy-Authorization", "Proxy-Connection", "Keep-Alive",
        "TE",
        "Trailer", "Upgrade", "HTTP2-Settings",
    ]

    @Test(arguments: lies) func noLieIsPassedOn(_ name: String) throws {
        let headers = try request([(name, "lie"), ("Connection", "close")]).headers
        #expect(!headers.contains { $0.value.contains("lie") }, "\(headers)")
        #expect(!headers.contains(name: "connection"))
    }

    /// A CGI or WSGI upstream reads `X_Forwarded_For` and `X-Forwarded-For` as one variable.
    @Test(arguments: ["X_Forwarded_For", "X_Real_IP", "X_Forwarded-Proto", "x_request_id", "PoW_Pass", "Client_IP"])
    func anUnderscoreMakesNoOtherFieldOfALie(_ name: String) throws {
        let headers = try request([(name, "lie")]).headers
        #expect(!headers.contains { $0.value == "lie" })
    }

    @Test func everyNameThatConnectionHoldsCounts() throws {
        let names = (0..<100).map { "x-hop-\($0)" }
        let headers = try request(names.map { ($0, "1") } + [("Connection", names.joined(separator: ","))]).headers
        #expect(!headers.contains { $0.name.hasPrefix("x-hop-") })
    }

    @Test func theListenersOwnSourceIsNotPassedOn() throws {
        let headers = try request([("X-Edge-Client", "6.6.6.6")], clientHeader: "x-edge-client").headers
        #expect(!headers.contains(name: "x-edge-client"))
        #expect(try request([("X-Edge-Client", "6.6.6.6")]).headers["x-edge-client"] == ["6.6.6.6"])
    }

    @Test func whatConnectionNamesIsOfOneHop() throws {
        let head = try request([
            ("Connection", "close, X-Hop ,x-other"), ("connection", "X-Third"), ("X-Hop", "1"), ("X-Other", "2"),
            ("x-third", "3"), ("X-Kept", "4"),
        ])
        for name in ["connection", "x-hop", "x-other", "x-third", "close"] {
            #expect(!head.headers.contains(name: name))
        }
        #expect(head.headers["x-kept"] == ["4"])
    }

    /// Named by `Connection`, our own fields, the host and the framing still arrive.
    @Test func nobodyCanHaveOurFieldsRemoved() throws {
        let names = "host, content-length, x-forwarded-for, x-forwarded-proto, x-forwarded-host, x-request-id, via"
        let head = try request([("Connection", names), ("Content-Length", "5"), ("Via", "1.1 a")], method: .POST)
        #expect(head.headers["host"] == ["example.com"] && head.headers["content-length"] == ["5"])
        #expect(head.headers["x-forwarded-for"] == ["203.0.113.5, 10.0.0.1"])
        #expect(head.headers["x-request-id"] == ["the-id"] && head.headers["x-forwarded-proto"] == ["https"])
        #expect(head.headers["via"].last?.hasSuffix("1.1 tollgate") == true)
        let chunked = try request(
            [("Connection", "transfer-encoding"), ("Transfer-Encoding", "chunked")],
            method: .POST
        )
        #expect(chunked.headers["transfer-encoding"] == ["chunked"])
    }

    @Test func framingIsALengthOrChunksOrNeither() throws {
        #expect(
            try request([]).headers.filter {
                $0.name.lowercased() == "content-length" || $0.name.lowercased() == "transfer-encoding"
            }.isEmpty
        )
        let length = try request([("content-length", "7")]).headers
        #expect(length["content-length"] == ["7"] && !length.contains(name: "transfer-encoding"))
        let chunked = try request([("Transfer-Encoding", "chunked")]).headers
        #expect(chunked["transfer-encoding"] == ["chunked"] && !chunked.contains(name: "content-length"))
        // Should both ever arrive here, only one leaves (RFC 9112 section 6.1).
        let both = try request([("Content-Length", "7"), ("Transfer-Encoding", "chunked")]).headers
        #expect(both["transfer-encoding"] == ["chunked"] && !both.contains(name: "content-length"))
    }

    @Test func theHostIsWhatWasMatched() throws {
        let head = try request([], target: "http://Inner.example:81/x", host: "outer.example")
        #expect(head.headers["host"] == ["Inner.example:81"] && head.uri == "/x")
    }

    @Test func ourCookiesStayHere() throws {
        let head = try request([
            ("Cookie", "a=b; tollgate_api=P"), ("Cookie", "__Host-tollgate_api=Q"), ("Cookie", "c=d"),
        ])
        #expect(head.headers["cookie"] == ["a=b", "c=d"])
    }

    // MARK: Responses

    @Test func responsesLoseWhatIsOfOneHop() {
        let (head, framing) = response(
            .ok,
            [
                ("Content-Length", "3"), ("Connection", "close, X-Hop"), ("X-Hop", "1"), ("Keep-Alive", "x"),
                ("Proxy-Authenticate", "x"), ("Upgrade", "h2c"), ("X-Request-Id", "theirs"), ("Via", "1.1 inner"),
                ("Set-Cookie", "a=b"), ("Set-Cookie", "c=d"), ("X-Kept", "y"),
            ]
        )
        #expect(framing == .length && head.headers["content-length"] == ["3"])
        for name in ["connection", "x-hop", "keep-alive", "proxy-authenticate", "upgrade"] {
            #expect(!head.headers.contains(name: name))
        }
        #expect(head.headers["x-request-id"] == ["the-id"])
        #expect(head.headers["via"] == ["1.1 inner", "1.1 tollgate"])
        #expect(head.headers["set-cookie"] == ["a=b", "c=d"] && head.headers["x-kept"] == ["y"])
    }

    @Test func addedFieldsReplaceTheUpstreamsButCookiesAreAdded() {
        let (head, _) = response(
            .ok,
            [
                ("ratelimit", "theirs"), ("RATELIMIT-policy", "their own"), ("Cache-Control", "public"),
                ("Set-Cookie", "a=b"),
            ],
            added: AddedFields(
                rateLimit: AddedFields.RateLimit(policy: "our own", state: "ours"),
                others: [("cache-control", "private, no-store"), ("Set-Cookie", "tollgate_api=P")]
            )
        )
        #expect(head.headers["ratelimit"] == ["ours"] && head.headers["ratelimit-policy"] == ["our own"])
        #expect(head.headers["cache-control"] == ["private, no-store"])
        #expect(head.headers["set-cookie"] == ["a=b", "tollgate_api=P"])
    }

    @Test func theEndOfABodyIsMarkedAsTheClientCanReadIt() {
        #expect(response(.ok, [("content-length", "0")]).framing == .length)
        #expect(response(.ok, [("Transfer-Encoding", "chunked")]).framing == .chunked)
        #expect(response(.ok, []).framing == .chunked)
        #expect(response(.ok, []).head.headers["transfer-encoding"] == ["chunked"])
        let old = response(.ok, [("Transfer-Encoding", "chunked")], version: .http1_0)
        #expect(old.framing == .close && !old.head.headers.contains(name: "transfer-encoding"))
    }

    @Test(arguments: [204, 304, 100, 103]) func someHaveNoBody(_ code: Int) {
        let (head, framing) = response(.init(statusCode: code), [("Transfer-Encoding", "chunked")])
        #expect(framing == .none && !head.headers.contains(name: "transfer-encoding"))
        // A length may stand in 304 only, where it tells the size of what was not sent (RFC 9110 section 8.6).
        let length = response(.init(statusCode: code), [("Content-Length", "9")])
        #expect(length.framing == .none && length.head.headers["content-length"] == (code == 304 ? ["9"] : []))
        #expect(length.head.headers.contains(name: "x-request-id") == (code >= 200))
    }

    @Test func headKeepsTheLengthAndHasNoBody() {
        let (head, framing) = response(.ok, [("Content-Length", "9")], isHead: true)
        #expect(framing == .none && head.headers["content-length"] == ["9"])
        #expect(response(.ok, [], isHead: true).framing == .none)
        #expect(!response(.ok, [], isHead: true).head.headers.contains(name: "transfer-encoding"))
    }

    /// A length beside a transfer coding is not the length of the body (RFC 9112 section 6.3).
    @Test func aLengthBesideChunksDoesNotCount() {
        let (head, framing) = response(.ok, [("Content-Length", "3"), ("Transfer-Encoding", "chunked")])
        #expect(framing == .chunked && !head.headers.contains(name: "content-length"))
    }

    // MARK: Trailers

    @Test func trailersHoldNoFramingRoutingOrCookies() {
        let kept = ForwardedHead.trailers(
            HTTPHeaders([
                ("Grpc-Status", "0"), ("Content-Length", "9"), ("Transfer-Encoding", "chunked"), ("Host", "x"),
                ("X-Forwarded-For", "6.6.6.6"), ("Set-Cookie", "a=b"), ("Connection", "close"), ("PoW-Pass", "P"),
            ])
        )
        #expect(kept.map { Array($0).map(\.name) } == ["Grpc-Status"])
        #expect(ForwardedHead.trailers(nil) == nil)
        #expect(ForwardedHead.trailers(HTTPHeaders([("Host", "x")])) == nil)
    }

    // MARK: Any fields

    @Test func whateverAClientSendsOurFieldsStandOnceAndNothingOfOneHopLeaves() throws {
        var generator = SeededGenerator.printed()
        let names =
            Self.lies + ["Connection", "Cookie", "Via", "Accept", "X-A", "x-b", "Content-Type", "Expect", "HOST"]
        let values = [
            "lie", "close", "x-a, host, via, cookie", "tollgate_a=lie; b=c", "keep-alive,x-forwarded-for", "",
        ]
        for _ in 0..<3_000 {
            let fields = (0..<generator.below(20)).map { _ in (generator.pick(names), generator.pick(values)) }
            let headers = try request(fields.filter { $0.0 != "HOST" }).headers
            for name in ["host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id"] {
                #expect(headers[name].count == 1, "\(fields)")
            }
            for name in [
                "connection", "te", "upgrade", "keep-alive", "pow-pass", "pow-solution", "x-real-ip", "forwarded",
            ] {
                #expect(!headers.contains(name: name), "\(fields)")
            }
            #expect(!headers["cookie"].contains { $0.contains("tollgate_") }, "\(fields)")
            #expect(headers["via"].last?.hasSuffix("1.1 tollgate") == true)
        }
    }
}
