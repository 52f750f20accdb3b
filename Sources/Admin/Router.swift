import NIOCore
import NIOHTTP1

/// Finds what answers a request by its path, and then by its method. A value.
struct Router: Sendable {
    /// Takes what stood in the pattern's places for any segment.
    typealias Answer =
        @Sendable (_ parameters: [Substring], _ request: ControlRequest, _ eventLoop: any EventLoop) -> ControlReply

    struct Route: Sendable {
        let method: HTTPMethod
        /// Segments between slashes; nil for any one that is not empty.
        let pattern: [Substring?]
        let answer: Answer

        /// - Parameter pattern: a path, in which `*` stands for a segment: `/v1/refusals/*`.
        init(_ method: HTTPMethod, _ pattern: String, answer: @escaping Answer) {
            self.method = method
            self.pattern = Router.segments(pattern[...]).map { $0 == "*" ? nil : $0 }
            self.answer = answer
        }
    }

    let routes: [Route]
    /// For paths that no route has.
    let notFound: ControlAnswer
    /// For methods that a path does not take; `Allow` is added.
    let methodNotAllowed: ControlAnswer

    func reply(to request: ControlRequest, on eventLoop: any EventLoop) -> ControlReply {
        let segments = Self.segments(request.path)
        let found = routes.compactMap { route in
            Self.parameters(segments, route.pattern).map { (route: route, parameters: $0) }
        }
        if found.isEmpty { return .now(notFound) }
        // HEAD is GET without the body, which the connection leaves out.
        let method = request.method == .HEAD ? .GET : request.method
        if let match = found.first(where: { $0.route.method == method }) {
            return match.route.answer(match.parameters, request, eventLoop)
        }
        var answer = methodNotAllowed
        var allowed = found.map { $0.route.method.rawValue }
        if allowed.contains("GET") { allowed.append("HEAD") }
        answer.fields.append((name: "Allow", value: allowed.joined(separator: ", ")))
        return .now(answer)
    }

    private static func segments(_ path: Substring) -> [Substring] {
        path.split(separator: "/", omittingEmptySubsequences: false)
    }

    /// What stands in the pattern's free places; nil where the path does not match.
    private static func parameters(_ segments: [Substring], _ pattern: [Substring?]) -> [Substring]? {
        guard segments.count == pattern.count else { return nil }
        var parameters: [Substring] = []
        for (segment, wanted) in zip(segments, pattern) {
            if let wanted {
                guard segment == wanted else { return nil }
            } else {
                guard !segment.isEmpty else { return nil }
                parameters.append(segment)
            }
        }
        return parameters
    }
}
