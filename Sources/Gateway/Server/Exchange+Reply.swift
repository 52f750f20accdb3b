import NIOCore
import NIOHTTP1

/// Responses of the gateway's own.
extension Exchange {
    /// Answers with a refusal: a page where a browser navigates, a problem document otherwise.
    func reply(_ refusal: Refusal) {
        var fields = refusal.fields()
        if isNavigation, case .request = origin {
            let page = state.page
            let body: [UInt8]
            var status = refusal.status
            if refusal.kind == .workRequired, let challenge = refusal.challenge, let policy {
                body = page.challenge(
                    challenge,
                    policy: policy.settings,
                    requestID: requestID,
                    request: pageRequest
                )
                if status == 429 { status = policy.settings.page.status }
            } else {
                body = page.message(refusal, requestID: requestID, request: pageRequest)
            }
            fields.append(("Content-Security-Policy", ChallengePage.contentSecurityPolicy))
            fields.append(("X-Content-Type-Options", "nosniff"))
            fields.append(("Referrer-Policy", "same-origin"))
            fields.append(("Vary", "Accept, Sec-Fetch-Dest"))
            reply(status: status, contentType: "text/html; charset=utf-8", body: body, fields: fields)
        } else {
            let problem = refusal.problem(requestID: requestID)
            reply(
                status: refusal.status,
                contentType: "application/problem+json",
                body: Array(problem.utf8),
                fields: fields
            )
        }
    }

    /// What the page must know of this navigation.
    private var pageRequest: PageRequest {
        PageRequest(
            method: head.string(head.method),
            acceptLanguage: head.first("accept-language").map { head.string($0) } ?? ""
        )
    }

    /// Writes a whole response and ends the exchange.
    func reply(status: Int, contentType: String, body: [UInt8], fields: [(name: String, value: String)]) {
        guard !isFinished, !responseBegun else { return }
        phase = .finished
        responseBegun = true
        heldBody = []
        var headers = HTTPHeaders()
        headers.add(name: "Content-Type", value: contentType)
        headers.add(name: "Content-Length", value: String(body.count))
        headers.add(name: "Date", value: loop.date())
        headers.add(name: "X-Request-Id", value: requestID)
        for (name, value) in fields { headers.add(name: name, value: value) }
        for (name, value) in addedFields { headers.add(name: name, value: value) }
        decideKeepAlive()
        addConnection(&headers)
        front.write(.head(HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)))
        if !head.equals(head.method, "HEAD") {
            front.write(.body(.byteBuffer(ByteBuffer(bytes: body))))
        }
        front.endResponse(nil, keepAlive: keepAlive)
    }

    /// Decides, when the head of the response is written, whether the connection goes on.
    func decideKeepAlive() {
        if !front.mayKeepAlive { keepAlive = false }
        guard keepAlive, !requestEnded, case .request(let requestHead) = origin else { return }
        // A body that waits for a 100 which never came may be sent or not: nobody could tell it from the next request.
        if head.first("expect") != nil, !continueSent {
            keepAlive = false
        } else if isFinished {
            // What the client still means to send is read and thrown away, unless its length is unknown or great.
            let isChunked = requestHead.headers.contains(name: "transfer-encoding")
            let length = requestHead.headers.first(name: "content-length").map { Int($0) ?? Int.max } ?? 0
            if isChunked || length > FrontHandler.discardedBytesMax { keepAlive = false }
        }
    }

    func addConnection(_ headers: inout HTTPHeaders) {
        guard case .request(let requestHead) = origin else {
            headers.add(name: "Connection", value: "close")
            return
        }
        if !keepAlive {
            headers.add(name: "Connection", value: "close")
        } else if requestHead.version.minor == 0 {
            headers.add(name: "Connection", value: "keep-alive")
        }
    }
}
