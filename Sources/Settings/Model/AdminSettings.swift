/// `admin:`, the listener that may change things.
public struct AdminSettings: Sendable, Equatable {
    /// Where it is, and where commands look for it, unless the file says otherwise.
    public static let standardAddress = ListenAddress.unix(path: "/run/tollgate/admin.sock")

    /// Where it binds. Over a Unix socket (mode 0600) its peers are trusted; over TCP they must show the token.
    public var address: ListenAddress
    /// What a client shows in `Authorization: Bearer`, read from a file of mode 0600: 16…256 printable ASCII bytes
    /// without spaces. Not nil over TCP, nil over a Unix socket.
    public var token: String?

    /// With both.
    public init(address: ListenAddress, token: String?) {
        self.address = address
        self.token = token
    }
}

/// The token is never shown, whoever prints a configuration.
extension AdminSettings: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The address, and whether there is a token.
    public var description: String { "admin on \(address)\(token == nil ? "" : ", with a token")" }
    /// The same.
    public var debugDescription: String { description }
    /// Without the token.
    public var customMirror: Mirror { Mirror(self, children: ["address": address]) }
}
