import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import Admin

/// What answers a request to one of the small servers.
@Suite struct RouterTests {
    private static let router = Router(
        routes: [
            .init(.GET, "/v1/things/*") { parameters, _, _ in .now(.plain("got \(parameters[0])")) },
            .init(.DELETE, "/v1/things/*") { parameters, _, _ in .now(.plain("deleted \(parameters[0])")) },
            .init(.GET, "/plain") { _, _, _ in .now(.plain("plain")) },
        ],
        notFound: .plain("nothing", status: .notFound),
        methodNotAllowed: .plain("not so", status: .methodNotAllowed)
    )

    private func answer(_ method: HTTPMethod, _ path: String) -> ControlAnswer? {
        let request = ControlRequest(method: method, path: path[...], authorization: [])
        guard case .now(let answer) = Self.router.reply(to: request, on: EmbeddedEventLoop()) else { return nil }
        return answer
    }

    @Test func aSegmentStandsForItself() {
        #expect(answer(.GET, "/plain")?.text == "plain")
        for path in ["/", "", "/plain/", "//plain", "/plai", "/plain/x", "plain", "/PLAIN"] {
            #expect(answer(.GET, path)?.status == .notFound, "\(path)")
        }
    }

    @Test func aStarStandsForAnyOneSegment() {
        #expect(answer(.GET, "/v1/things/a=b:c")?.text == "got a=b:c")
        #expect(answer(.DELETE, "/v1/things/*")?.text == "deleted *")
        for path in ["/v1/things", "/v1/things/", "/v1/things/a/b", "/v1//a"] {
            #expect(answer(.GET, path)?.status == .notFound, "\(path)")
        }
    }

    @Test func headIsGet() {
        #expect(answer(.HEAD, "/plain")?.text == "plain")
    }

    @Test func aMethodThatAPathDoesNotTakeIsToldWhichItDoes() {
        #expect(answer(.POST, "/plain")?.status == .methodNotAllowed)
        #expect(answer(.POST, "/plain")?.fields.first?.value == "GET, HEAD")
        #expect(answer(.PUT, "/v1/things/1")?.fields.first?.value == "GET, DELETE, HEAD")
        #expect(answer(.POST, "/nothing")?.status == .notFound)
    }
}
