/// A peer, and where it is reached.
public struct PeerAddress: Hashable, Sendable {
    /// The node's name. Whoever answers at the address must prove to be this one.
    public var name: String
    /// `host:port`; the host is a name, an IPv4 address, or an IPv6 address in brackets.
    public var address: String

    /// A value of these fields.
    public init(name: String, address: String) {
        self.name = name
        self.address = address
    }
}

/// `host:port`, taken apart.
struct HostAndPort: Hashable, Sendable {
    var host: String
    /// 0 where the system may choose.
    var port: Int

    /// Nil for what is not of this form. The host's name is not looked up.
    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = Int(digits), port <= 65_535
        else { return nil }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, !host.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else { return nil }
        self.host = String(host)
        self.port = port
    }
}
