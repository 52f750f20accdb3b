/// One entry of `upstreams:`, servers that hold the same thing.
public struct UpstreamSettings: Sendable, Equatable {
    /// Letters, digits, `-`, `_` and `.`, 1…64 bytes.
    public var name: String
    /// 1…64, no two the same.
    public var servers: [UpstreamServer]
    /// Until a connection stands. 10 ms…1 min; default 5 s.
    public var connectTimeoutNanoseconds: Int64 = 5_000_000_000
    /// From the end of a request until the head of its response. 10 ms…1 h; default 60 s.
    public var responseTimeoutNanoseconds: Int64 = 60_000_000_000
    /// Between two pieces of a response's body. 10 ms…24 h; default 5 min, as event streams pause.
    public var idleTimeoutNanoseconds: Int64 = 300_000_000_000
    /// How long an unused connection is kept. 0…1 h; default 30 s.
    public var keepAliveTimeoutNanoseconds: Int64 = 30_000_000_000
    /// Connections at one time to each server, on average, of the whole node. They are shared out among the event loops, one
    /// for each at least. 1…65,536; default 1,024.
    public var maxConnections = 1_024

    /// An upstream with all defaults.
    public init(name: String, servers: [UpstreamServer]) {
        self.name = name
        self.servers = servers
    }
}

/// One server of an upstream, spoken to in plain HTTP/1.1.
public enum UpstreamServer: Hashable, Sendable {
    /// A numeric address. The port is not 0.
    case address(IPAddress, port: UInt16)
    /// A DNS name, lower case, 1…253 bytes. The port is not 0.
    case name(String, port: UInt16)
    /// A Unix domain socket: an absolute path of at most 107 bytes.
    case unix(path: String)
}

extension UpstreamServer: CustomStringConvertible {
    /// The text that reads back as this value.
    public var description: String {
        switch self {
        case .address(let host, let port): host.isIPv4 ? "\(host):\(port)" : "[\(host)]:\(port)"
        case .name(let name, let port): "\(name):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
