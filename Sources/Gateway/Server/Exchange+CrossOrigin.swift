import NIOCore
import NIOHTTP1
import Settings

/// Requests of scripts from other origins.
extension Exchange {
    /// The request's `Origin`; nil where there is none, or more than one.
    var requestOrigin: String? {
        let values = head.all("origin")
        return values.count == 1 ? head.string(values[0]) : nil
    }

    /// Whether a preflight is let by under a policy: one of a listed origin. It has no body, which an application could be
    /// made to work on. Of others it is a request like any other, or OPTIONS would be a way around the free limits.
    func isPreflight(listedBy policy: PolicySettings) -> Bool {
        guard !policy.cors.isEmpty, head.isPreflight, announcedBodyBytes == 0, let origin = requestOrigin else {
            return false
        }
        return policy.cors.contains(origin) || policy.cors.contains("*")
    }

    /// The CORS fields of an answer of our own.
    ///
    /// - Parameter policy: whose origins count; nil: those of every policy, where none is known.
    func crossOriginFields(_ policy: PolicySettings?) -> [(name: String, value: String)] {
        CrossOrigin.answerFields(
            origin: requestOrigin,
            origins: policy?.cors ?? state.configuration.policies.flatMap(\.cors)
        )
    }

    /// Answers a preflight of one of our endpoints, which needs no limit and no challenge: it says the same to everybody.
    func answerPreflight(_ policy: PolicySettings?) {
        observation.verdict = .preflight
        var fields = crossOriginFields(policy)
        if fields.contains(where: { $0.name == "Access-Control-Allow-Origin" }) {
            fields += CrossOrigin.preflightFields
        }
        reply(status: 204, contentType: nil, body: [], fields: fields)
    }

    /// Adds our names to what the upstream lets a listed origin read and send. An upstream that lets it read nothing is
    /// left as it is.
    func addCrossOriginNames(to response: HTTPResponseHead, _ added: inout [(name: String, value: String)]) {
        guard let origins = policy?.settings.cors, !origins.isEmpty, let origin = requestOrigin,
            origins.contains(origin) || origins.contains("*"),
            response.headers.contains(name: "Access-Control-Allow-Origin")
        else { return }
        let name = head.isPreflight ? "Access-Control-Allow-Headers" : "Access-Control-Expose-Headers"
        let names = head.isPreflight ? CrossOrigin.requestFields : CrossOrigin.exposedFields
        added.append((name, CrossOrigin.list(response.headers[name], adding: names)))
    }
}
