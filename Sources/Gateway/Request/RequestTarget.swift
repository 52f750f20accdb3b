/// The request-target and the authority of a request, taken apart (RFC 9112 section 3.2).
struct RequestTarget: Sendable, Equatable {
    /// Why a request is refused with 400 before any rule is asked.
    enum Problem: Error, Equatable {
        case missingHost
        case severalHosts
        case badHost
        case badTarget
        case badPath(NormalizedPath.Problem)
    }

    /// Host as sent, with its port: what is forwarded.
    let authority: String
    /// Host in lower case without port: what rules are matched with. IPv6 literals keep their brackets.
    let host: [UInt8]
    let path: NormalizedPath
    /// Query with its question mark, as it came, or empty.
    let query: [UInt8]

    /// What goes into the request line for the upstream.
    var forwarded: String {
        String(decoding: path.forwarded, as: UTF8.self) + String(decoding: query, as: UTF8.self)
    }

    /// - Parameters:
    ///   - isHTTP10: HTTP/1.0 may come without a Host field.
    ///   - isDescribed: another proxy describes the request. It says the host that it goes by itself, so a target that a
    ///     client wrote must not name another.
    init(_ head: RequestHead, isHTTP10: Bool, isDescribed: Bool = false) throws(Problem) {
        let hosts = head.all("host")
        if hosts.count > 1 { throw .severalHosts }
        let target = [UInt8](head.string(head.target).utf8)
        var authority: [UInt8]? = hosts.first.map { [UInt8](head.string($0).utf8) }
        var host: [UInt8] = []
        if let authority {
            guard let checked = Self.hostWithoutPort(authority) else { throw .badHost }
            host = checked
        } else if !isHTTP10 {
            throw .missingHost
        }
        var rest = target[...]
        if target.first != UInt8(ascii: "/") {
            // RFC 9112 section 3.2.2: the authority of an absolute-form target replaces the Host field, which must be
            // there all the same.
            guard let split = Self.absoluteForm(target) else { throw .badTarget }
            guard let checked = Self.hostWithoutPort(Array(split.authority)) else { throw .badHost }
            if isDescribed, checked != host { throw .badTarget }
            authority = Array(split.authority)
            host = checked
            rest = split.rest
        }
        self.authority = String(decoding: authority ?? [], as: UTF8.self)
        self.host = host
        (path, query) = try Self.split(rest)
    }

    private static func absoluteForm(
        _ target: [UInt8]
    ) -> (authority: ArraySlice<UInt8>, rest: ArraySlice<UInt8>)? {
        for scheme in ["http://", "https://"] {
            let prefix = Array(scheme.utf8)
            guard target.count > prefix.count, zip(target, prefix).allSatisfy({ ASCII.lowercased($0) == $1 }) else {
                continue
            }
            let rest = target[prefix.count...]
            let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
            guard end > rest.startIndex else { return nil }
            let path = rest[end...]
            return (rest[..<end], path.first == UInt8(ascii: "/") ? path : Array("/".utf8)[...] + path)
        }
        return nil
    }

    private static func split(_ rest: ArraySlice<UInt8>) throws(Problem) -> (NormalizedPath, [UInt8]) {
        // A fragment never belongs into a request; a server that cuts it off would see another path than we matched.
        guard !rest.contains(UInt8(ascii: "#")) else { throw .badTarget }
        let end = rest.firstIndex(of: UInt8(ascii: "?")) ?? rest.endIndex
        let query = rest[end...]
        guard query.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { throw .badTarget }
        let pathBytes = Array(rest[..<end])
        do throws(NormalizedPath.Problem) {
            var problem: NormalizedPath.Problem?
            var path: NormalizedPath?
            pathBytes.withUnsafeBytes { bytes in
                do throws(NormalizedPath.Problem) { path = try NormalizedPath(bytes) } catch { problem = error }
            }
            if let problem { throw problem }
            return (path!, Array(query))
        } catch {
            throw .badPath(error)
        }
    }

    /// Checks `host[:port]` and returns the host in lower case, or nil.
    static func hostWithoutPort(_ authority: [UInt8]) -> [UInt8]? {
        guard !authority.isEmpty, authority.count <= 260 else { return nil }
        var host = authority[...]
        var port: ArraySlice<UInt8>?
        if authority[0] == UInt8(ascii: "[") {
            guard let close = authority.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            host = authority[...close]
            let rest = authority[(close + 1)...]
            if let first = rest.first {
                guard first == UInt8(ascii: ":") else { return nil }
                port = rest.dropFirst()
            }
            let inside = host.dropFirst().dropLast()
            guard !inside.isEmpty,
                inside.allSatisfy({ ASCII.hexValue($0) != nil || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") })
            else { return nil }
        } else if let colon = authority.firstIndex(of: UInt8(ascii: ":")) {
            host = authority[..<colon]
            port = authority[(colon + 1)...]
        }
        if let port {
            guard port.count <= 5, port.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        }
        guard !host.isEmpty else { return nil }
        if host.first != UInt8(ascii: "[") {
            guard host.allSatisfy({ ASCII.isUnreserved($0) }) else { return nil }
        }
        // A trailing dot names the same host. An empty label names none, but some servers overlook it.
        if host.count > 1, host.last == UInt8(ascii: ".") { host = host.dropLast() }
        if host.first != UInt8(ascii: "[") {
            guard host.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy({ !$0.isEmpty })
            else { return nil }
        }
        return host.map { ASCII.lowercased($0) }
    }
}
