import NIOCore
import NIOHTTP1
import Settings

/// Questions of another proxy: DESIGN section 5, "Check".
extension Exchange {
    /// What a request is for.
    enum Purpose: Equatable {
        /// To be forwarded, or for one of our endpoints.
        case proxy
        /// To be decided on, for a proxy that forwards it itself.
        case check(CheckFamily)
        /// To be told what `check` would refuse.
        case refusal(CheckFamily)
    }

    /// What a request on a check listener is for, before anything else of it is looked at: how it is refused depends on
    /// that. Whoever is not trusted asks nothing.
    func purpose(on family: CheckFamily) -> Purpose {
        guard identity!.isPeerTrusted else { return .proxy }
        return switch head.withBytes(head.target, { CheckEndpoint(target: $0, family: family) }) {
        case .check: .check(family)
        case .refusal: .refusal(family)
        case nil: .proxy
        }
    }

    /// Takes a request on a check listener. What asks for a decision becomes the request that it asks about.
    ///
    /// - Returns: false where it has been answered.
    func takeQuestion(_ family: CheckFamily) -> Bool {
        guard identity!.isPeerTrusted else {
            loop.reportUntrustedProxy(front.peer, front.listener.settings.address)
            keepAlive = false
            reply(
                Refusal(
                    .untrustedProxy,
                    "This listener answers trusted proxies only, and your address is not one of them."
                )
            )
            return false
        }
        guard purpose != .proxy else { return true }
        do throws(DescribedRequest.Problem) {
            try DescribedRequest.describe(&head, family: family)
        } catch {
            loop.reportUndescribed(error, family, requestID: requestID)
            reply(Refusal(.malformed, error.text))
            return false
        }
        guard head.target.count <= state.configuration.limits.targetBytes else {
            reply(Refusal(.tooLarge, "The request's target is too long.", status: 414))
            return false
        }
        return true
    }

    /// Answers what a request on a check listener gets that is neither a question nor for an endpoint.
    func refuseToProxy() {
        keepAlive = false
        reply(
            Refusal(
                .noRoute,
                "This listener answers checks only: \(CheckEndpoint.checkPath), \(CheckEndpoint.refusalPath) and the endpoints."
            )
        )
    }

    /// The request may pass.
    func answerCheck() {
        var fields: [(name: String, value: String)] = [("Cache-Control", "no-store")]
        fields += crossOriginFields(policy?.settings)
        if purpose == .check(.traefik), let cookies = remainingCookies { fields.append(("Cookie", cookies)) }
        reply(status: 200, contentType: nil, body: [], fields: fields)
    }

    /// The request's cookies without the gateway's; nil when none are left. Traefik cannot take single cookies out of what
    /// it forwards, but puts a field of this answer in the place of the request's.
    private var remainingCookies: String? {
        let kept = head.all("cookie").compactMap { PassCookies.stripped(head.string($0)) }.filter { !$0.isEmpty }
        return kept.isEmpty ? nil : kept.joined(separator: "; ")
    }

    /// `refusal` was asked about a request that `check` lets pass.
    func refuseNothing() {
        reply(Refusal(.noRoute, "There is nothing to refuse about this request."))
    }

    /// nginx takes 401 and 403 for a refusal and everything else for a fault; it asks `refusal` for what to show. To that
    /// it would add a `WWW-Authenticate` of this answer, so here is none.
    func answerNginx(_ refusal: Refusal) {
        let status = refusal.kind == .workRequired ? 401 : 403
        reply(status: status, contentType: nil, body: [], fields: [("Cache-Control", "no-store")])
    }
}
