import Gateway
import NIOCore
import NIOHTTP1

/// A request to one of the small servers: what their answers depend on. A value.
struct ControlRequest: Sendable {
    let method: HTTPMethod
    /// Without the query.
    let path: Substring
    /// What stands behind the question mark; empty where there is none.
    var query: Substring = ""
    /// The values of `Authorization`, as they came.
    let authorization: [String]
    /// The values of `Content-Type`, as they came.
    var contentType: [String] = []
    /// The values of `If-Match`, as they came.
    var ifMatch: [String] = []
    /// The values of `If-None-Match`, as they came.
    var ifNoneMatch: [String] = []
    /// At most ``ControlHandler/bodyBytesMax``.
    var body: [UInt8] = []
}

/// An answer of one of the small servers. A value.
struct ControlAnswer: Sendable {
    var status: HTTPResponseStatus
    var contentType: String
    var text: String
    /// Besides those that frame the message.
    var fields: [(name: String, value: String)] = []
    /// In place of the text.
    var stream: ControlStream?

    static func plain(_ text: String, status: HTTPResponseStatus = .ok) -> ControlAnswer {
        ControlAnswer(status: status, contentType: "text/plain; charset=utf-8", text: text)
    }

    static func json(_ text: String, status: HTTPResponseStatus = .ok) -> ControlAnswer {
        ControlAnswer(status: status, contentType: "application/json", text: text)
    }

    /// A problem document (RFC 9457).
    ///
    /// - Parameter type: behind `urn:tollgate:`.
    static func problem(_ status: HTTPResponseStatus, _ type: String, title: String, detail: String) -> ControlAnswer {
        var text = JSONText()
        text.begin()
        text.member("type", "urn:tollgate:\(type)")
        text.member("title", title)
        text.member("status", status.code)
        text.member("detail", detail)
        text.end()
        return ControlAnswer(status: status, contentType: "application/problem+json", text: text.text)
    }
}

/// A body that is made while it is sent: long, and of a length that nobody knows before.
struct ControlStream: Sendable {
    /// Makes the body on a thread where it may take its time. `write` returns when the client has taken the piece, and throws
    /// when it is gone, or takes nothing any more. A body that throws ends the connection, so that the client knows.
    var body: @Sendable (_ write: ([UInt8]) throws -> Void) throws -> Void
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
