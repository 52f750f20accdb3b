/// One entry of `routes:`: which requests, and what becomes of them.
public struct RouteSettings: Sendable, Equatable {
    /// Letters, digits, `-`, `_` and `.`, 1…64 bytes; a label of metrics. Default: `route-N`, N its place from 1.
    public var name: String
    /// Its line in the file, from 1.
    public var line: Int
    /// Which requests.
    public var match: RouteMatch
    /// What becomes of them.
    public var action: RouteAction
}

/// What becomes of a request. Upstreams and policies are names that exist.
///
/// `upstream` is nil only where every listener answers checks: then another proxy forwards.
public enum RouteAction: Hashable, Sendable {
    /// `allow: true`: forwarded, uncounted.
    case allow(upstream: String?)
    /// `deny: true`: 403.
    case deny
    /// `policy: NAME`: admitted under the policy, for which it costs so many units (1…1,000,000, default 1, never more
    /// than a burst of the policy's limits). A route of a built-in list is not charged to the policy's free limits.
    case policy(upstream: String?, policy: String, cost: UInt32, charging: Charging = .freeAndCeiling)

    /// Which limits of its policy a request without a pass is charged to.
    public enum Charging: Hashable, Sendable {
        /// All of them.
        case freeAndCeiling
        /// The ceiling only: what a built-in list lets by.
        case ceiling
    }
}

/// What a request must be to match. All that is given must hold; what is nil or empty holds for every request.
public struct RouteMatch: Sendable, Equatable {
    /// One must match the host without its port, in lower case. The patterns are in lower case.
    public var host: [Glob]?
    /// One must match the normalized path, without the query.
    public var path: [Glob]?
    /// The method must be one of them, compared exactly. Where GET is, HEAD is too.
    public var methods: [String]?
    /// Each of them must hold.
    public var headers: [HeaderMatch] = []
    /// The client must be in one of these networks.
    public var clients: PrefixSet?
    /// None of them may match. Never unconditional, and without `not` of their own.
    public var not: [RouteMatch] = []
    /// Each of them must match too: the match of a built-in list beside the file's own. Without `also` of their own.
    public var also: [RouteMatch] = []

    /// What holds for every request.
    public init() {}

    /// Whether it holds for every request.
    public var isUnconditional: Bool {
        let everyHost = host?.contains(where: \.matchesEverything) ?? true
        // A path begins with a slash, so `/*` is every path.
        let everyPath = path?.contains { $0.matchesEverything || $0.pattern == "/*" } ?? true
        return everyHost && everyPath && methods == nil && headers.isEmpty && clients == nil && not.isEmpty
            && also.isEmpty
    }
}

/// A condition on a header field.
public struct HeaderMatch: Sendable, Equatable {
    /// The field's name in lower case.
    public var name: String
    /// One must match a value of the field. `*` asks only that there is the field.
    public var values: [Glob]
}
