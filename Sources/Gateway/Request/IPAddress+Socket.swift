import NIOCore
import Settings

extension IPAddress {
    /// The address of a socket; nil for Unix sockets.
    init?(_ address: SocketAddress) {
        switch address {
        case .v4(let address):
            self.init(ipv4: UInt32(bigEndian: address.address.sin_addr.s_addr))
        case .v6(let address):
            var bytes = address.address.sin6_addr
            let words = withUnsafeBytes(of: &bytes) { raw in
                (
                    raw.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
                    raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
                )
            }
            self.init(ipv6High: UInt64(bigEndian: words.0), low: UInt64(bigEndian: words.1))
        case .unixDomainSocket:
            return nil
        }
    }
}
