/// Where a listener binds.
public enum ListenAddress: Hashable, Sendable {
    /// An address of this host, or the unspecified one for all. Port 0 lets the system choose a free one.
    case tcp(host: IPAddress, port: UInt16)
    /// A Unix domain socket: an absolute path of at most 107 bytes (what `sockaddr_un` holds).
    case unix(path: String)
}

extension ListenAddress: CustomStringConvertible {
    /// The text that reads back as this value: `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/x.sock`.
    public var description: String {
        switch self {
        case .tcp(let host, let port): host.isIPv4 ? "\(host):\(port)" : "[\(host)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

/// One entry of `listeners:`.
public struct ListenerSettings: Sendable, Equatable {
    /// What a listener is for.
    public enum Mode: Hashable, Sendable {
        /// It proxies requests.
        case proxy
        /// It answers another proxy's questions.
        case check(CheckFamily)
    }

    /// Where it binds.
    public var address: ListenAddress
    /// What it does.
    public var mode: Mode
    /// Who a request's client is. On a check listener always a field of the request, never the peer or the PROXY protocol.
    public var client: ClientSource
}

/// The proxies that a check listener can answer: each describes a request by headers of its own.
public enum CheckFamily: String, Sendable, CaseIterable {
    case nginx, caddy, traefik, envoy, haproxy

    /// The client source of a check listener whose file names none: nginx sets `X-Real-IP` itself, the others append to
    /// `X-Forwarded-For`. Only a proxy on the same host is trusted.
    public var standardClient: ClientSource {
        switch self {
        case .nginx: .header(name: "x-real-ip", trusted: .loopback)
        case .caddy, .traefik, .envoy, .haproxy: .standard
        }
    }
}

/// The one source of client addresses of a listener. Every other such header is ignored and stripped.
///
/// Trust is in the peer: what a peer says that is not trusted counts for nothing, it is the client itself. The peer of
/// a Unix domain socket counts as 127.0.0.1.
public enum ClientSource: Hashable, Sendable {
    /// The peer.
    case peer
    /// `X-Forwarded-For`, walked from the right over trusted hops.
    case xForwardedFor(trusted: PrefixSet)
    /// `Forwarded` (RFC 7239), walked from the right over trusted hops.
    case forwarded(trusted: PrefixSet)
    /// The PROXY protocol, versions 1 and 2.
    case proxyProtocol(trusted: PrefixSet)
    /// A header that holds one address. The name is in lower case.
    case header(name: String, trusted: PrefixSet)

    /// `x-forwarded-for` with loopback trusted: what is behind a local proxy works, and nobody else is believed.
    public static let standard = ClientSource.xForwardedFor(trusted: .loopback)

    /// The peers that are believed; empty for ``peer``.
    public var trusted: PrefixSet {
        switch self {
        case .peer: PrefixSet([])
        case .xForwardedFor(let trusted), .forwarded(let trusted), .proxyProtocol(let trusted), .header(_, let trusted):
            trusted
        }
    }
}
