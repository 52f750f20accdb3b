/// What a limit counts.
public enum LimitKey: Hashable, Sendable {
    /// The client, by the policy's `clientPrefix`.
    case client
    /// Networks of a size of their own, wider than a client.
    case clientPrefix(ClientPrefix)
    /// The value of a header, whose name is in lower case. A request without it counts for its client.
    case header(String)
    /// All requests together.
    case all

    /// The one spelling of this key, at most 256 bytes: `client`, `client/24,/48`, `header:x-api-key`, `all`.
    public var canonical: String {
        switch self {
        case .client: "client"
        case .clientPrefix(let prefix): "client/\(prefix.ipv4),/\(prefix.ipv6)"
        case .header(let name): "header:\(name)"
        case .all: "all"
        }
    }
}

/// A rate as it is counted: one unit an interval, and a burst on top (GCRA).
public struct LimitSettings: Hashable, Sendable {
    /// What it counts.
    public var key: LimitKey
    /// What names the limit within its list: the key's canonical text, with `#2`, `#3` … from the second limit of a key
    /// on.
    public var identity: String
    /// Nanoseconds a unit, rounded up, so that the rate is never exceeded. At least 1,000.
    public var interval: UInt64
    /// Units that may come at once. At least 1; `burst` × `interval` is at most 2^62.
    public var burst: UInt64
    /// The rate as the file says it: `60/min`.
    public var rateText: String
    /// Units that the rate grants in `windowNanoseconds`. At least 1.
    public var count: UInt64
    /// The rate's window.
    public var windowNanoseconds: UInt64
}
