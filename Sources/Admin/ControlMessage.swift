import NIOCore
import NIOHTTP1

/// A request to one of the small servers: what their answers depend on. A value.
struct ControlRequest: Sendable {
    let method: HTTPMethod
    /// Without the query.
    let path: Substring
    /// The values of `Authorization`, as they came.
    let authorization: [String]
}

/// An answer of one of the small servers. A value.
struct ControlAnswer: Sendable {
    var status: HTTPResponseStatus
    var contentType: String
    var text: String
    /// Besides those that frame the message.
    var fields: [(name: String, value: String)] = []

    static func plain(_ text: String, status: HTTPResponseStatus = .ok) -> ControlAnswer {
        ControlAnswer(status: status, contentType: "text/plain; charset=utf-8", text: text)
    }

    static func json(_ text: String, status: HTTPResponseStatus = .ok) -> ControlAnswer {
        ControlAnswer(status: status, contentType: "application/json", text: text)
    }

    /// A problem document (RFC 9457).
    ///
    /// - Parameters:
    ///   - type: behind `urn:tollgate:`.
    ///   - title: words of ours without quotes, and so is `detail`: nothing of them is escaped.
    static func problem(
        _ status: HTTPResponseStatus,
        _ type: StaticString,
        title: StaticString,
        detail: StaticString
    ) -> ControlAnswer {
        let text =
            "{\"type\": \"urn:tollgate:\(type)\", \"title\": \"\(title)\", \"status\": \(status.code), "
            + "\"detail\": \"\(detail)\"}"
        return ControlAnswer(status: status, contentType: "application/problem+json", text: text)
    }
}

/// An answer, now or later.
enum ControlReply: Sendable {
    case now(ControlAnswer)
    /// To complete within some seconds; a failure closes the connection.
    case later(EventLoopFuture<ControlAnswer>)
}

/// What a small server answers with. Called on any loop.
protocol ControlResponder: Sendable {
    func reply(to request: ControlRequest, on eventLoop: any EventLoop) -> ControlReply
}
