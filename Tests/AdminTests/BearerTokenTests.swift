import NIOEmbedded
import NIOHTTP1
import Testing

@testable import Admin

/// Who may ask the admin interface over TCP.
@Suite struct BearerTokenTests {
    private static let secret = "0123456789abcdef"

    @Test(arguments: ["Bearer 0123456789abcdef", "bearer 0123456789abcdef", "BEARER 0123456789abcdef"])
    func theTokenOpens(_ field: String) {
        #expect(BearerToken(Self.secret).isShown(by: [field]))
    }

    @Test(
        arguments: [
            "", "Bearer", "Bearer ", "0123456789abcdef", "Basic 0123456789abcdef", "Bearer 0123456789abcdeF",
            "Bearer 0123456789abcde", "Bearer 0123456789abcdef0", "Bearer  0123456789abcdef",
            "Bearer 0123456789abcdef ", "Bearer 0123456789abcdef\u{0}", "Bearer\t0123456789abcdef",
            "Bear\u{130}r 0123456789abcdef", "Bearer \u{FFFD}",
        ]
    )
    func nothingElseDoes(_ field: String) {
        #expect(!BearerToken(Self.secret).isShown(by: [field]))
    }

    @Test func oneFieldAndNoMore() {
        let field = "Bearer " + Self.secret
        #expect(!BearerToken(Self.secret).isShown(by: []))
        #expect(!BearerToken(Self.secret).isShown(by: [field, field]))
    }

    @Test func withoutItNothingIsTold() throws {
        let responder = AdminResponder(token: BearerToken(Self.secret)) { _ in "{}" }
        func status(_ path: Substring, _ authorization: [String]) -> HTTPResponseStatus? {
            let request = ControlRequest(method: .GET, path: path, authorization: authorization)
            guard case .now(let answer) = responder.reply(to: request, on: EmbeddedEventLoop()) else { return nil }
            return answer.status
        }
        for path in ["/v1/refusals/a", "/v1/nothing", "/"] {
            #expect(status(path[...], []) == .unauthorized)
            #expect(status(path[...], ["Bearer wrong"]) == .unauthorized)
        }
        #expect(status("/v1/refusals/a", ["Bearer " + Self.secret]) == .ok)
        #expect(status("/v1/nothing", ["Bearer " + Self.secret]) == .notFound)
    }
}
