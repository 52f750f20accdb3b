// Where to bind and where to connect: `127.0.0.1:80`, `[::1]:80`, `app.internal:80`, `unix:/run/app.sock`.

/// A host that is spoken to.
enum Host: Equatable {
    case address(IPAddress)
    /// Lower case.
    case name(String)

    /// As it stands in a URL.
    var textInURL: String {
        switch self {
        case .address(let address): address.isIPv4 ? "\(address)" : "[\(address)]"
        case .name(let name): name
        }
    }
}

/// The path of a Unix domain socket: absolute, 1…107 bytes without NUL, which is what `sockaddr_un` holds.
private func parseSocketPath(_ path: Substring) throws(Complaint) -> String {
    guard path.hasPrefix("/"), path.utf8.count > 1 else {
        throw Complaint("the socket's path \(quoted(path)) is not absolute", "write `unix:/run/tollgate/name.sock`")
    }
    guard path.utf8.count <= 107, !path.utf8.contains(0) else {
        throw Complaint(
            "the socket's path is \(path.utf8.count) bytes long, the system allows 107",
            "choose a shorter path"
        )
    }
    return String(path)
}

/// A port without leading zeros.
private func parsePort(_ text: Substring) -> UInt16? {
    guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
    guard text.utf8.count == 1 || text.utf8.first != 0x30 else { return nil }
    return UInt16(text)
}

/// Splits `host:port` and `[v6]:port`. The port is nil if there is none.
private func splitPort(_ text: String) -> (host: Substring, bracketed: Bool, port: Substring?)? {
    if text.hasPrefix("[") {
        guard let close = text.firstIndex(of: "]") else { return nil }
        let host = text[text.index(after: text.startIndex)..<close]
        let rest = text[text.index(after: close)...]
        if rest.isEmpty { return (host, true, nil) }
        return rest.hasPrefix(":") ? (host, true, rest.dropFirst()) : nil
    }
    guard let colon = text.lastIndex(of: ":") else { return (text[...], false, nil) }
    // Two colons without brackets: the address and the port cannot be told apart.
    guard !text[..<colon].contains(":") else { return nil }
    return (text[..<colon], false, text[text.index(after: colon)...])
}

/// A DNS name or a number, with a port unless there is a default one. Names: labels of 1…63 letters, digits, `-` and
/// `_`, at most 253 bytes; a name whose last label is a number is a mistyped address (WHATWG URL, "ends in a number").
func parseHostAndPort(_ text: String, defaultPort: UInt16? = nil) throws(Complaint) -> (Host, UInt16) {
    let remedy = "write host and port, such as `127.0.0.1:3000`, `[::1]:3000` or `app.internal:3000`"
    guard let (hostText, bracketed, portText) = splitPort(text) else {
        throw Complaint("\(quoted(text)) is not a host and a port", remedy)
    }
    let port: UInt16
    if let portText {
        guard let parsed = parsePort(portText), parsed > 0 else {
            throw Complaint("\(quoted(portText)) is not a port", "use a number from 1 to 65535")
        }
        port = parsed
    } else if let defaultPort {
        port = defaultPort
    } else {
        throw Complaint("\(quoted(text)) has no port", remedy)
    }
    if let address = IPAddress(hostText), bracketed == hostText.contains(":") { return (.address(address), port) }
    let labels = hostText.split(separator: ".", omittingEmptySubsequences: false)
    guard
        !bracketed, (1...253).contains(hostText.utf8.count),
        labels.allSatisfy({ label in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { byte in
                    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-_".utf8.contains(byte)
                }
        }),
        let last = labels.last, last.utf8.contains(where: { $0 < 0x30 || $0 > 0x39 })
    else { throw Complaint("\(quoted(hostText)) is neither an address nor a name", remedy) }
    return (.name(hostText.lowercased()), port)
}

/// Where to bind. `localhost` is 127.0.0.1; other names are refused, for what they resolve to may change.
func parseListenAddress(_ text: String) throws(Complaint) -> ListenAddress {
    if text.hasPrefix("unix:") { return .unix(path: try parseSocketPath(text.dropFirst(5))) }
    let remedy =
        "write `127.0.0.1:8080`, `[::1]:8080`, `0.0.0.0:8080` for every address, or `unix:/run/tollgate/x.sock`"
    guard let (hostText, bracketed, portText) = splitPort(text), let portText else {
        throw Complaint("\(quoted(text)) is not an address to listen on", remedy)
    }
    guard let port = parsePort(portText) else {
        throw Complaint("\(quoted(portText)) is not a port", "use a number from 1 to 65535, or 0 for any free one")
    }
    if hostText.lowercased() == "localhost" { return .tcp(host: IPAddress(ipv4: 0x7F00_0001), port: port) }
    guard let host = IPAddress(hostText), bracketed == hostText.contains(":") else {
        throw Complaint("\(quoted(text)) does not name an address of this host by its number", remedy)
    }
    return .tcp(host: host, port: port)
}

/// A server: host and port, `http://` host and port (default 80) and nothing after it, or a socket's path. Never quotes
/// what may hold credentials.
func parseServer(_ text: String) throws(Complaint) -> UpstreamServer {
    if text.hasPrefix("unix:") { return .unix(path: try parseSocketPath(text.dropFirst(5))) }
    guard !text.contains("@") else {
        throw Complaint(
            "the server holds credentials",
            "remove everything up to the `@`; the client's own are forwarded"
        )
    }
    let lower = text.lowercased()
    var rest = text
    var defaultPort: UInt16?
    if lower.hasPrefix("https://") {
        throw Complaint("TLS to upstreams is not supported by this version", "use the server's `http://` address")
    } else if lower.hasPrefix("http://") {
        rest = String(text.dropFirst(7))
        if rest.hasSuffix("/") { rest.removeLast() }
        defaultPort = 80
    } else if lower.contains("://") {
        throw Complaint("\(quoted(text)) is not an http URL", "write `http://127.0.0.1:3000`")
    }
    guard !rest.contains(where: { "/?#".contains($0) }) else {
        throw Complaint(
            "the server has a path",
            "write host and port only; a request's own path is used"
        )
    }
    let (host, port) = try parseHostAndPort(rest, defaultPort: defaultPort)
    return switch host {
    case .address(let address): .address(address, port: port)
    case .name(let name): .name(name, port: port)
    }
}
