import NIOCore
import NIOHTTP1
import Settings

/// Forward: the request to the upstream and its response back, both streaming.
extension Exchange: UpstreamExchangeDelegate {
    /// Forwards to the upstream of the route.
    func forward() {
        guard case .policy(let upstream, _, _, _)? = route?.action else { return }
        forward(to: upstream)
    }

    func forward(to upstream: String?) {
        switch purpose {
        case .proxy: break
        case .check: return answerCheck()
        case .refusal: return refuseNothing()
        }
        guard case .request(let requestHead) = origin else { return }
        let facts = ForwardedHead.Facts(
            identity: identity!,
            requestID: requestID,
            target: target!,
            clientHeader: front.listener.clientHeader,
            forwardedHost: trustedHost
        )
        forwardedHead = ForwardedHead.request(requestHead, facts)
        guard let settings = upstream.flatMap({ state.configuration.upstream(named: $0) }) else {
            preconditionFailure("a checked configuration names an upstream that does not exist")
        }
        connect(loop.pool(settings), fresh: false)
    }

    /// The host that the client asked for by the word of a trusted peer, where that has changed it.
    var trustedHost: String? {
        identity!.isPeerTrusted ? head.all("x-forwarded-host").last.map { head.string($0) } : nil
    }

    private func connect(_ pool: UpstreamPool, fresh: Bool) {
        upstreamTries += 1
        phase = .connecting(pool)
        pool.acquire(fresh: fresh) { [self] result in
            // The client may have gone while the connection was being made.
            guard !isFinished else { return false }
            switch result {
            case .success(let connection):
                start(on: connection)
            case .failure(let failure):
                reply(Self.refusal(of: failure))
            }
            return true
        }
    }

    private func start(on connection: UpstreamConnection) {
        phase = .forwarding(connection)
        connection.begin(forwardedHead!, delegate: self)
        let held = heldBody
        heldBody = []
        for part in held { connection.sendBody(part) }
        if requestEnded {
            connection.sendEnd()
        } else {
            connection.flush()
            front.resumeReading()
        }
        front.progressed()
    }

    // MARK: From the upstream

    var mayReadFromUpstream: Bool { front.isWritable }

    func upstreamInformational(_ head: HTTPResponseHead) {
        guard case .request(let requestHead) = origin, requestHead.version.minor >= 1, !responseBegun else { return }
        front.progressed()
        if head.status == .continue { continueSent = true }
        let (forwarded, _) = ForwardedHead.response(
            head,
            isHead: false,
            clientVersion: requestHead.version,
            requestID: requestID,
            added: AddedFields()
        )
        front.write(.head(forwarded))
        front.flush()
    }

    func upstreamHead(_ head: HTTPResponseHead) {
        guard case .request(let requestHead) = origin else { return }
        responseBegun = true
        responseHeadSeen = true
        observation.status = Int(head.status.code)
        observation.upstreamStatus = observation.status
        front.progressed()
        // A response that carries a pass is its client's alone.
        if redeemed != nil { addedFields.others.append(("Cache-Control", "private, no-store")) }
        addCrossOriginNames(to: head, &addedFields.others)
        var (forwarded, framing) = ForwardedHead.response(
            head,
            isHead: requestHead.method == .HEAD,
            clientVersion: requestHead.version,
            requestID: requestID,
            added: addedFields
        )
        self.framing = framing
        if framing == .close { keepAlive = false }
        decideKeepAlive()
        addConnection(&forwarded.headers)
        front.write(.head(forwarded))
    }

    func upstreamBody(_ bytes: ByteBuffer) {
        front.progressed()
        guard framing != .none else { return }
        observation.bytesOut += UInt64(bytes.readableBytes)
        front.write(.body(.byteBuffer(bytes)))
    }

    func upstreamEnd(_ trailers: HTTPHeaders?) {
        phase = .finished
        front.endResponse(framing == .chunked ? ForwardedHead.trailers(trailers) : nil, keepAlive: keepAlive)
    }

    func upstreamReadComplete() {
        front.flush()
        // Whether the client has taken what was written decides who is being waited for now.
        front.progressed()
    }

    func upstreamWritabilityChanged(isWritable: Bool) {
        front.progressed()
        if isWritable { front.resumeReading() }
    }

    func upstreamFailed(_ failure: UpstreamFailure) {
        guard case .forwarding(let connection) = phase else { return }
        if case .closedBeforeResponse = failure, mayTryAgain(connection) {
            phase = .waiting
            connect(connection.pool, fresh: true)
            return
        }
        if responseBegun {
            // Whatever the framing, a response that was cut short must not look complete.
            phase = .finished
            front.abort(resetting: framing == .close)
        } else {
            keepAlive = keepAlive && requestEnded
            phase = .waiting
            reply(Self.refusal(of: failure))
        }
    }

    /// A kept connection may have been closed by the server just as the request was on its way. The request is sent once
    /// more, on a fresh connection, if that does no harm: an idempotent method, and no body that has been passed on
    /// (RFC 9110 section 9.2.2).
    private func mayTryAgain(_ connection: UpstreamConnection) -> Bool {
        guard upstreamTries == 1, connection.exchanges > 1, requestEnded, requestBytes == 0 else { return false }
        switch forwardedHead!.method {
        case .GET, .HEAD, .OPTIONS, .PUT, .DELETE, .TRACE, .PROPFIND, .REPORT, .SEARCH: return true
        default: return false
        }
    }

    static func refusal(of failure: UpstreamFailure) -> Refusal {
        switch failure {
        case .unreachable:
            Refusal(.upstreamFailed, "The service behind the gateway cannot be reached.")
        case .connectTimeout:
            Refusal(.upstreamTimeout, "The service behind the gateway did not accept a connection in time.")
        case .closedBeforeResponse:
            Refusal(.upstreamFailed, "The service behind the gateway closed the connection without an answer.")
        case .brokenResponse:
            Refusal(.upstreamFailed, "The service behind the gateway gave an answer that is not HTTP.")
        case .exhausted:
            Refusal(
                .upstreamUnavailable,
                "All connections to the service behind the gateway are in use.",
                retryAfterSeconds: 1
            )
        }
    }
}
