import Ledger
import NIOCore
import NIOHTTP1
import ProofOfWork
import Settings

/// One request and its response: DESIGN section 3 from top to bottom.
///
///     begin → identify → match → admit → forward → finished
///                 └──────┴───────┴→ reply (refusal, endpoint, page) → finished
///
/// Confined to its connection's event loop. Whatever it waits for, the ledger or the upstream, calls back on that loop;
/// when the client has gone meanwhile, the answer finds the exchange finished and changes nothing.
final class Exchange {
    enum Phase {
        /// Waits for the ledger's answer or for an upstream connection; body parts that have been read are kept.
        case waiting
        /// Waits for a connection to the upstream.
        case connecting(UpstreamPool)
        /// Takes the body of a request for ourselves.
        case collecting(ByteBuffer, Collection)
        case forwarding(UpstreamConnection)
        /// A response of our own, or the last bytes of the upstream's, are written.
        case finished
    }

    /// What a body is collected for.
    enum Collection {
        case redemption
        /// A form that met this refusal: the page posts it again.
        case form(Refusal)

        /// Largest body, in bytes.
        var bytesMax: Int {
            switch self {
            case .redemption: Exchange.endpointBodyBytesMax
            case .form: PostedForm.bytesMax
            }
        }
    }

    enum Origin {
        case request(HTTPRequestHead)
        case malformed(HTTPParserError)
        case timedOut
    }

    /// Gone when the client has gone, and with it everything that would be told to it: only an exchange that is not finished
    /// looks for it.
    unowned let front: FrontHandler
    let loop: GatewayLoop
    let origin: Origin
    var state: GatewayState
    var phase = Phase.waiting

    // What is known of the request, in the order in which it becomes known.
    var head: RequestHead
    var requestID: String
    var identity: ClientIdentity?
    var target: RequestTarget?
    var route: RouteSettings?
    var policy: PolicyRuntime?
    var purpose = Purpose.proxy

    // The request's body.
    var requestEnded = false
    var requestBytes: UInt64 = 0
    var heldBody: [ByteBuffer] = []

    // The response.
    var admission: Admission?
    var admissionTries = 0
    /// It has waited for this node to know all that was decided before it came.
    var hasCaughtUp = false
    /// The ledger has not answered it for want of a majority.
    var hasFoundNoQuorum = false
    /// The ledger was asked to charge the present step.
    var wasAsked = false
    /// It shows a pass that is good at another node alone.
    var showsPassOfElsewhere = false
    /// Fields that the decision adds to the response, whoever writes it.
    var addedFields: [(name: String, value: String)] = []
    var redeemed: Redeemed?
    /// Where the form that hands in a solution wants its reader to go.
    var returnPath: String?
    /// What is wrong with a solution in line, where that is only to be told.
    var inLineRefusal: Refusal?
    var responseBegun = false
    var framing = ForwardedHead.Framing.none
    var keepAlive: Bool
    var continueSent = false
    var forwardedHead: HTTPRequestHead?
    var upstreamTries = 0
    var responseHeadSeen = false

    /// What is told of it in the end.
    var observation = Observation()

    init(front: FrontHandler, head: HTTPRequestHead, state: GatewayState) {
        self.front = front
        loop = front.loop
        self.state = state
        origin = .request(head)
        keepAlive = head.isKeepAlive
        var copy = RequestHead(method: head.method.rawValue, target: head.uri, fieldCount: head.headers.count)
        for (name, value) in head.headers { copy.add(name: name, value: value) }
        self.head = copy
        requestID = ""
    }

    init(front: FrontHandler, malformed error: HTTPParserError, state: GatewayState) {
        self.front = front
        loop = front.loop
        self.state = state
        origin = .malformed(error)
        keepAlive = false
        head = RequestHead(method: "", target: "")
        requestID = RequestID.make()
        requestEnded = true
    }

    init(front: FrontHandler, timedOut state: GatewayState) {
        self.front = front
        loop = front.loop
        self.state = state
        origin = .timedOut
        keepAlive = false
        head = RequestHead(method: "", target: "")
        requestID = RequestID.make()
        requestEnded = true
    }

    var client: IPAddress { identity!.address }
    var isFinished: Bool { if case .finished = phase { true } else { false } }

    // MARK: Begin

    func begin() {
        switch origin {
        case .malformed(let error):
            var refusal = Self.refusal(of: error)
            // Its target is lost. nginx passes on fields that no parser takes, and a check knows two refusals only.
            if front.listener.settings.mode == .check(.nginx) { refusal.status = 403 }
            reply(refusal)
        case .timedOut:
            reply(Refusal(.timeout, "The request's header did not arrive in time."))
        case .request(let head):
            begin(head)
        }
    }

    private func begin(_ requestHead: HTTPRequestHead) {
        let identity = front.listener.identifier.identify(
            head,
            peer: front.peer,
            proxyAnnounced: front.proxyAnnounced
        )
        self.identity = identity
        requestID = identity.isPeerTrusted ? RequestID.accepted(head) ?? RequestID.make() : RequestID.make()
        if case .check(let family) = front.listener.settings.mode { purpose = purpose(on: family) }
        if let refusal = unacceptable(requestHead) {
            keepAlive = false
            reply(refusal)
            return
        }
        if case .check(let family) = front.listener.settings.mode, !takeQuestion(family) { return }
        do throws(RequestTarget.Problem) {
            target = try RequestTarget(
                head,
                isHTTP10: requestHead.version.minor == 0,
                isDescribed: purpose != .proxy
            )
        } catch {
            keepAlive = false
            reply(Refusal(.malformed, Self.explanation(of: error)))
            return
        }
        if let endpoint = Endpoint(path: target!.path.matched) {
            if purpose == .proxy {
                serve(endpoint)
            } else {
                reply(
                    Refusal(
                        .noRoute,
                        "The gateway's own endpoints are not to be asked about: publish them as they are."
                    )
                )
            }
            return
        }
        if let alternative = target!.path.alternative, Endpoint(path: alternative) != nil {
            reply(Refusal(.malformed, "An encoded slash leads to one of the gateway's own endpoints."))
            return
        }
        if purpose == .proxy, front.listener.settings.mode != .proxy {
            refuseToProxy()
            return
        }
        matchRoute()
    }

    /// What the gateway does not do, or must not take, whatever the route.
    private func unacceptable(_ requestHead: HTTPRequestHead) -> Refusal? {
        if requestHead.method == .TRACE {
            // It would show the client what only the upstream should see (RFC 9110 section 9.3.8).
            return Refusal(
                .methodNotAllowed,
                "The gateway does not trace.",
                allow: "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS"
            )
        }
        if requestHead.method == .CONNECT {
            return Refusal(.notImplemented, "The gateway opens no tunnels.")
        }
        // The parser has put U+FFFD where a field was not UTF-8. What cannot be passed on as it came is refused.
        if head.hasReplacementCharacter {
            return Refusal(.malformed, "A header field is not UTF-8.")
        }
        if front.listener.settings.mode != .proxy {
            // What a client wants to switch to is the asking proxy's affair. The parser stops after such a request.
            if head.first("upgrade") != nil { keepAlive = false }
        } else if let upgrade = head.first("upgrade"), !onlyH2C(upgrade) {
            return Refusal(.notImplemented, "The gateway does not switch protocols yet.")
        }
        if let encoding = requestHead.headers.first(name: "transfer-encoding") {
            let encodings = requestHead.headers["transfer-encoding"]
            guard encodings.count == 1, encoding.lowercased() == "chunked", requestHead.version.minor >= 1 else {
                return Refusal(.notImplemented, "The gateway takes no transfer coding but \"chunked\".", status: 501)
            }
        }
        if requestHead.uri.utf8.count > state.configuration.limits.targetBytes {
            return Refusal(.tooLarge, "The request's target is too long.", status: 414)
        }
        let size = head.storage.count
        if size > state.configuration.limits.headerBytes || head.fields.count > state.configuration.limits.headerCount {
            return Refusal(.tooLarge, "The request's header is too large.", status: 431)
        }
        if let limit = state.configuration.limits.bodyBytes,
            let length = requestHead.headers.first(name: "content-length").flatMap(UInt64.init), length > limit
        {
            return Refusal(.tooLarge, "The request's body is larger than \(limit) bytes.")
        }
        return nil
    }

    /// An offer of HTTP/2 without TLS may be declined by answering in HTTP/1.1 (RFC 9110 section 7.8). The parser stops
    /// after such a request, so the connection ends with its response.
    private func onlyH2C(_ upgrade: RequestHead.Slice) -> Bool {
        guard head.string(upgrade).lowercased() == "h2c" else { return false }
        keepAlive = false
        return true
    }

    // MARK: Match

    func matchRoute() {
        let query = RouteTable.Query(head: head, host: target!.host, client: client)
        switch state.routes.match(query, path: target!.path) {
        case .none:
            reply(Refusal(.noRoute, "The gateway has no route for this host, path and method."))
        case .ambiguous:
            reply(Refusal(.malformed, "An encoded slash leads to two different routes."))
        case .route(let index):
            let route = state.configuration.routes[index]
            self.route = route
            switch route.action {
            case .deny:
                reply(Refusal(.denied, "The operator of this site does not serve you here."))
            case .allow(let upstream):
                observation.verdict = .allowed
                forward(to: upstream)
            case .policy(_, let name, _, _):
                guard let policy = state.policies[name] else { return notHeld(name) }
                self.policy = policy
                admit(policy)
            }
        }
    }

    // MARK: What goes wrong before

    static func refusal(of error: HTTPParserError) -> Refusal {
        switch error {
        case .headerOverflow: Refusal(.tooLarge, "The request's header is too large.", status: 431)
        case .invalidVersion: Refusal(.malformed, "The gateway speaks HTTP/1.1 and HTTP/1.0.", status: 505)
        default: Refusal(.malformed, "The request is not well-formed HTTP/1.1.")
        }
    }

    static func explanation(of problem: RequestTarget.Problem) -> String {
        switch problem {
        case .missingHost: "The request has no Host field."
        case .severalHosts: "The request has more than one Host field."
        case .badHost: "The request's host is not a name or an address."
        case .badTarget: "The request's target is not a path."
        case .badPath(.notAbsolute): "The path does not begin with a slash."
        case .badPath(.badPercentEncoding): "The path has a bad percent-encoding."
        case .badPath(.controlCharacter): "The path has a control character."
        case .badPath(.backslash): "The path has a backslash."
        case .badPath(.dotSegmentWithParameter): "The path has a dot segment with a parameter."
        case .badPath(.climbsOutOfRoot): "The path climbs out of the root."
        }
    }
}
