// What the configuration file says, after every check: the gateway is built from these values alone and never sees
// YAML. All defaults are filled in; names refer to things that exist; units stand last in the names.

/// A whole, checked configuration. An immutable value for all that the operator chose; usable on any thread.
///
/// Made by ``load(path:environment:)``, ``parse(text:file:environment:)`` and ``fromUpstream(url:environment:)`` only,
/// which report every fault of a file at once.
public struct Configuration: Sendable, Equatable {
    /// This node.
    public var node: NodeSettings
    /// This node among its peers; nil for one that is alone.
    public var membership: MembershipSettings?
    /// At least one; no two on the same address.
    public var listeners: [ListenerSettings]
    /// The listener for `/healthz`, `/readyz` and `/metrics`, if there is one.
    public var probes: ListenAddress?
    /// The listener that may change things, if there is one.
    public var admin: AdminSettings?
    /// Unique names. At least one, unless every listener answers checks.
    public var upstreams: [UpstreamSettings]
    /// At least one, in the order in which they are tried; unique names. The first that matches decides.
    public var routes: [RouteSettings]
    /// Those that the file defines, in its order, and `default` where a route uses it undefined. Names are unique, also
    /// when compared without regard to case.
    public var policies: [PolicySettings]
    /// What goes to the log and how.
    public var log: LogSettings
    /// Bounds on what clients may send, and on how long things may take.
    public var limits: HTTPLimits
    /// 32 hexadecimal digits over the bytes of the file and of the files that it names: equal for equal files. It
    /// identifies, it does not authenticate.
    public var hash: String

    /// The upstream of that name.
    public func upstream(named name: String) -> UpstreamSettings? { upstreams.first { $0.name == name } }
    /// The policy of that name, which is compared exactly.
    public func policy(named name: String) -> PolicySettings? { policies.first { $0.name == name } }
}

/// `node:`, this process among others.
public struct NodeSettings: Sendable, Equatable {
    /// How long a name can be.
    static let nameBytesMax = 63
    /// Letters, digits, `-`, `_` and `.`, 1…63 bytes. Default: the host's name.
    public var name: String
    /// The folder for log, snapshots and keys, absolute, of mode 0700. Default: `$STATE_DIRECTORY`,
    /// else `/var/lib/tollgate`.
    public var data: String

    /// Why no node can have a name, with what to do; nil where one can.
    public static func objection(toName name: String) -> String? {
        do throws(Complaint) {
            _ = try parseName(name, limit: nameBytesMax)
            return nil
        } catch {
            return "\(error.message): \(error.remedy)"
        }
    }
}

/// `log:`.
public struct LogSettings: Sendable, Equatable {
    /// How important a message must be.
    public enum Level: String, Sendable, CaseIterable { case trace, debug, info, notice, warning, error, critical }
    /// How a line looks.
    public enum Format: String, Sendable, CaseIterable { case json, text }
    /// Where the access log goes.
    public enum Access: String, Sendable, CaseIterable { case stdout, stderr, off }
    /// How much of a client's address is written: its /24 or /48 network, all of it, a keyed hash that tells clients
    /// apart until the next start, nothing.
    public enum Addresses: String, Sendable, CaseIterable { case prefix, full, hashed, none }

    /// Default: info.
    public var level: Level
    /// Default: json.
    public var format: Format
    /// Default: stdout.
    public var access: Access
    /// Default: prefix.
    public var addresses: Addresses

    /// The defaults, but for what is said.
    public init(
        level: Level = .info,
        format: Format = .json,
        access: Access = .stdout,
        addresses: Addresses = .prefix
    ) {
        self.level = level
        self.format = format
        self.access = access
        self.addresses = addresses
    }
}
