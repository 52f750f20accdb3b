/// An `http` or `https` URL as a client needs it (RFC 3986): where to connect and what to ask for.
struct HTTPURL: Equatable {
    let isTLS: Bool
    /// Without brackets.
    let host: String
    let port: Int
    /// Path and query; at least `/`. The fragment stays with the client. Visible ASCII only, and what RFC 3986 has no
    /// place for is percent-encoded.
    let target: String

    init?(_ text: String) {
        let schemes = [("http://", false, 80), ("https://", true, 443)]
        guard let (scheme, isTLS, defaultPort) = schemes.first(where: { text.lowercased().hasPrefix($0.0) }) else {
            return nil
        }
        let rest = text.dropFirst(scheme.count)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        let authority = rest[..<end]
        guard !authority.contains("@"), !authority.isEmpty else { return nil }
        var hostText = authority
        var portText: Substring?
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { return nil }
            hostText = authority[authority.index(after: authority.startIndex)..<close]
            let after = authority[authority.index(after: close)...]
            if !after.isEmpty {
                guard after.hasPrefix(":") else { return nil }
                portText = after.dropFirst()
            }
        } else if let colon = authority.firstIndex(of: ":") {
            hostText = authority[..<colon]
            portText = authority[authority.index(after: colon)...]
        }
        guard !hostText.isEmpty, hostText.utf8.count <= 255, hostText.utf8.allSatisfy(Self.isHostByte) else {
            return nil
        }
        var port = defaultPort
        if let portText {
            guard portText.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(portText),
                (1...65_535).contains(number)
            else { return nil }
            port = number
        }
        var target = String(rest[end...].prefix { $0 != "#" })
        if !target.hasPrefix("/") { target = "/" + target }
        guard target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        self.isTLS = isTLS
        self.host = String(hostText)
        self.port = port
        self.target = Self.encoded(target)
    }

    /// Names, addresses, and the zone of a link-local one.
    private static func isHostByte(_ byte: UInt8) -> Bool {
        (byte > 0x20 && byte < 0x7F) && !"\"#/<>?@[\\]^`{|}".utf8.contains(byte)
    }

    private static func encoded(_ target: String) -> String {
        var output = ""
        for scalar in target.unicodeScalars {
            if "\"<>\\^`{|}".unicodeScalars.contains(scalar) {
                output += "%" + String(scalar.value, radix: 16, uppercase: true)
            } else {
                output.unicodeScalars.append(scalar)
            }
        }
        return output
    }

    /// The `Host` field.
    var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isTLS ? 443 : 80) ? name : "\(name):\(port)"
    }
}
