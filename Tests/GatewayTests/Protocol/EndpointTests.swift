import Testing

@testable import Gateway

@Suite struct EndpointTests {
    private func endpoint(_ path: String) -> Endpoint? { Endpoint(path: Array(path.utf8)) }

    @Test func ourPathsAreOurs() {
        #expect(endpoint("/.well-known/tollgate/challenge") == .challenge)
        #expect(endpoint("/.well-known/tollgate/redeem") == .redeem)
        #expect(endpoint("/.well-known/tollgate/page/page.css") == .page("page.css"))
        #expect(endpoint("/.well-known/tollgate/page/") == .page(""))
    }

    @Test(arguments: ["", "/", "/x", "/redeem/", "/Challenge", "/check", "/challenge/x", "/page"])
    func whatElseLiesThereIsOursAndUnknown(_ rest: String) {
        #expect(endpoint("/.well-known/tollgate" + rest) == .unknown)
    }

    @Test(arguments: [
        "/", "", "/.well-known", "/.well-known/", "/.well-known/tollgat", "/.well-known/tollgatex",
        "/.well-known/acme-challenge/x",
        "/x/.well-known/tollgate/redeem", "/.Well-Known/tollgate/redeem",
    ]) func theRestIsTheUpstreams(_ path: String) { #expect(endpoint(path) == nil) }

    @Test func pathsReadBack() {
        for endpoint in [Endpoint.challenge, .redeem, .page("worker.js")] {
            #expect(self.endpoint(endpoint.path) == endpoint)
        }
    }
}
