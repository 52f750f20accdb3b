import NIOCore
import NIOHTTP1

/// Responses of the gateway's own.
extension Exchange {
    /// Answers with a refusal: a page where a browser navigates, a problem document otherwise.
    func reply(_ refusal: Refusal) {
        observe(refusal)
        if purpose == .check(.nginx) {
            answerNginx(refusal)
        } else if head.isNavigation, case .request = origin {
            if refusal.kind == .workRequired, refusal.challenge != nil, policy != nil {
                replyChallengePage(refusal)
            } else {
                let page = state.page.message(
                    refusal,
                    policy: policy?.settings,
                    requestID: requestID,
                    request: pageRequest(form: .none)
                )
                reply(page: page, status: refusal.status, refusal, form: .none)
            }
        } else {
            let problem = refusal.problem(requestID: requestID)
            reply(
                status: refusal.status,
                contentType: "application/problem+json",
                body: Array(problem.utf8),
                fields: refusal.fields() + crossOriginFields(policy?.settings)
            )
        }
    }

    // MARK: The page

    /// The page with a challenge. A form that a page of this origin has posted is read first, to be posted again.
    private func replyChallengePage(_ refusal: Refusal) {
        if head.isGetOrHead { return replyPage(refusal, form: .none) }
        if let reason = reasonNotToReplay { return replyPage(refusal, form: .lost(reason)) }
        collect(.form(refusal))
    }

    /// Why what a navigation has sent is not posted again; nil where it is.
    private var reasonNotToReplay: FormReplay.Reason? {
        let authority = trustedHost ?? target!.authority
        let origin = PostedForm.origin(authority: authority, isHTTPS: identity!.isHTTPS)
        guard PostedForm.isSameOrigin(head, origin: origin) else { return .otherOrigin }
        guard head.equals(head.method, "POST"), PostedForm.isURLEncoded(head) else { return .otherType }
        if let length = announcedBodyBytes {
            if length > PostedForm.bytesMax { return .tooLarge }
            if length == 0, purpose != .proxy { return .notSeen }
        }
        if case .check = purpose { return .notSeen }
        return nil
    }

    /// Writes the page with the refusal's challenge.
    func replyPage(_ refusal: Refusal, form: FormReplay) {
        guard let challenge = refusal.challenge, let settings = policy?.settings else {
            preconditionFailure("a page is asked for without its challenge")
        }
        let page = state.page.challenge(
            challenge,
            policy: settings,
            requestID: requestID,
            request: pageRequest(form: form)
        )
        reply(page: page, status: refusal.status == 429 ? settings.page.status : refusal.status, refusal, form: form)
    }

    private func reply(page: [UInt8], status: Int, _ refusal: Refusal, form: FormReplay) {
        var fields = refusal.fields()
        let replays = if case .replay = form { true } else { false }
        fields.append(("Content-Security-Policy", ChallengePage.contentSecurityPolicy(replays: replays)))
        fields.append(("X-Content-Type-Options", "nosniff"))
        fields.append(("X-Frame-Options", "SAMEORIGIN"))
        fields.append(("Cross-Origin-Resource-Policy", "same-origin"))
        fields.append(("Referrer-Policy", "same-origin"))
        fields.append(("Vary", "Accept, Accept-Language, Sec-Fetch-Dest"))
        reply(status: status, contentType: "text/html; charset=utf-8", body: page, fields: fields)
    }

    /// What the page must know of this navigation.
    private func pageRequest(form: FormReplay) -> PageRequest {
        PageRequest(
            method: head.string(head.method),
            acceptLanguage: head.first("accept-language").map { head.string($0) } ?? "",
            // The normalized target: it has no second slash that would make it the name of a host.
            returnPath: returnPath ?? (route == nil ? "/" : target?.forwarded ?? "/"),
            form: form
        )
    }

    /// Writes a whole response and ends the exchange.
    ///
    /// - Parameter contentType: nil where there is no content.
    func reply(status: Int, contentType: String?, body: [UInt8], fields: [(name: String, value: String)]) {
        guard !isFinished, !responseBegun else { return }
        phase = .finished
        responseBegun = true
        heldBody = []
        observeReply(status: status, bytes: isHead ? 0 : body.count)
        var headers = HTTPHeaders()
        if let contentType { headers.add(name: "Content-Type", value: contentType) }
        // RFC 9110 section 8.6: a 204 has no length.
        if status != 204 { headers.add(name: "Content-Length", value: String(body.count)) }
        headers.add(name: "Date", value: loop.date())
        headers.add(name: "X-Request-Id", value: requestID)
        for (name, value) in fields { headers.add(name: name, value: value) }
        var added: [(String, String)] = []
        addedFields.append(to: &added)
        headers.add(contentsOf: added)
        decideKeepAlive()
        addConnection(&headers)
        front.write(.head(HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)))
        if !body.isEmpty, !isHead {
            front.write(.body(.byteBuffer(ByteBuffer(bytes: body))))
        }
        front.endResponse(nil, keepAlive: keepAlive)
    }

    /// Whether the response has no body, whatever it says. The request that a proxy asks about may be another.
    private var isHead: Bool {
        if case .request(let requestHead) = origin { requestHead.method == .HEAD } else { false }
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
