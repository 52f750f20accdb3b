import Settings

/// The routes of a configuration, asked in order: the first that matches wins.
struct RouteTable: Sendable {
    /// What a request is matched by.
    struct Query {
        let head: RequestHead
        let host: [UInt8]
        let client: IPAddress
    }

    enum Match: Equatable, Sendable {
        /// The index of the route in the configuration.
        case route(Int)
        case none
        /// An encoded slash leads to two different routes, depending on how it is read.
        case ambiguous
    }

    /// Looked at by reference: a match has many parts, and a request that meets none of them need not copy them.
    private final class Condition: Sendable {
        let match: RouteMatch

        init(_ match: RouteMatch) { self.match = match }
    }

    let routes: [RouteSettings]
    /// In the order of the routes.
    private let conditions: [Condition]

    init(routes: [RouteSettings]) {
        self.routes = routes
        conditions = routes.map { Condition($0.match) }
    }

    func match(_ query: Query, path: NormalizedPath) -> Match {
        let first = index(query, path: path.matched)
        if let alternative = path.alternative, index(query, path: alternative) != first { return .ambiguous }
        return first.map(Match.route) ?? .none
    }

    private func index(_ query: Query, path: [UInt8]) -> Int? {
        conditions.firstIndex { Self.matches($0.match, query, path) }
    }

    static func matches(_ match: RouteMatch, _ query: Query, _ path: [UInt8]) -> Bool {
        if let hosts = match.host, !matchesAny(hosts, query.host) { return false }
        if let paths = match.path, !matchesAny(paths, path) { return false }
        if let methods = match.methods {
            // GET includes HEAD.
            let matched = query.head.withBytes(query.head.method) { method in
                methods.contains { wanted in
                    method.elementsEqual(wanted.utf8) || (wanted == "GET" && method.elementsEqual("HEAD".utf8))
                }
            }
            if !matched { return false }
        }
        for header in match.headers {
            let values = query.head.all(named: header.name)
            let matched = values.contains { value in
                query.head.withBytes(value) { bytes in header.values.contains { $0.matches(bytes) } }
            }
            if !matched { return false }
        }
        if let clients = match.clients, !clients.contains(query.client) { return false }
        return match.also.allSatisfy { matches($0, query, path) } && !match.not.contains { matches($0, query, path) }
    }

    private static func matchesAny(_ patterns: [Glob], _ text: [UInt8]) -> Bool {
        text.withUnsafeBytes { bytes in patterns.contains { $0.matches(bytes) } }
    }
}
