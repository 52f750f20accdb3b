import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where a node's admin interface is, as commands name it.
enum AdminAddress: Equatable, CustomStringConvertible {
    case unix(path: String)
    case tcp(HTTPURL)

    /// `unix:/run/tollgate/admin.sock`, or a host and a port.
    init?(_ text: String) {
        let prefix = "unix:"
        if text.hasPrefix(prefix) {
            let path = String(text.dropFirst(prefix.count))
            guard path.hasPrefix("/"), path.utf8.count <= 107, !path.utf8.contains(0) else { return nil }
            self = .unix(path: path)
            return
        }
        // A port must be there: the admin interface has none of its own.
        guard !text.contains("/"), text.last?.isNumber == true, text.contains(":"), let url = HTTPURL("http://\(text)"),
            url.authority == text || url.port == 80
        else { return nil }
        self = .tcp(url)
    }

    /// - Returns: nil for a port that the system chooses: nobody else knows it.
    init?(_ address: ListenAddress) {
        switch address {
        case .unix(let path):
            self = .unix(path: path)
        case .tcp(let host, let port):
            // Whoever listens on every address is reached through loopback.
            let own = host.isUnspecified ? (host.isIPv4 ? "127.0.0.1" : "::1") : host.description
            guard let url = HTTPURL("http://\(own.contains(":") ? "[\(own)]" : own):\(port)") else { return nil }
            self = .tcp(url)
        }
    }

    /// Where a node is asked of which nothing else is known.
    static let standard = AdminAddress(AdminSettings.standardAddress) ?? .unix(path: "/run/tollgate/admin.sock")

    var description: String {
        switch self {
        case .unix(let path): "unix:\(path)"
        case .tcp(let url): url.host.contains(":") ? "[\(url.host)]:\(url.port)" : "\(url.host):\(url.port)"
        }
    }
}

/// Where a command asks, and what it shows there.
struct AdminTarget: Equatable {
    static let addressVariable = "TOLLGATE_ADMIN"
    static let tokenVariable = "TOLLGATE_ADMIN_TOKEN"

    /// Why there is no place to ask; one sentence for a person.
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    var address: AdminAddress
    /// nil for none.
    var token: String?

    /// The first of: what the command line names, the environment, the configuration's `admin`, the standard socket.
    ///
    /// The configuration's token is shown to the configuration's address only.
    ///
    /// - Parameters:
    ///   - named: by `--admin`.
    ///   - admin: of the configuration, where it could be read and has one.
    static func find(
        named: String?,
        environment: (String) -> String?,
        admin: AdminSettings?
    ) throws(Problem) -> AdminTarget {
        let configured = admin.flatMap { AdminAddress($0.address) }
        var address = configured ?? .standard
        for (source, text) in [("--admin", named), (addressVariable, environment(addressVariable))] {
            guard let text, !text.isEmpty else { continue }
            guard let parsed = AdminAddress(text) else {
                throw Problem(
                    description: "\(source) is not an address: write unix:/run/tollgate/admin.sock or 127.0.0.1:9465"
                )
            }
            address = parsed
            break
        }
        var token = address == configured ? admin?.token : nil
        if let own = environment(tokenVariable), !own.isEmpty {
            guard own.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw Problem(
                    description: "\(tokenVariable) holds a space or something else than printable ASCII"
                )
            }
            token = own
        }
        if case .unix = address { token = nil }
        return AdminTarget(address: address, token: token)
    }

    /// A variable of this process's environment.
    static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
