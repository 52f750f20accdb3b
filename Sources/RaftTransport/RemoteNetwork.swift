import NIOCore

/// The network that an address counts for where somebody is told from others by it alone.
///
/// Whoever has one address of IPv6 has as a rule all of its /64, and can come from another one each time. An address of IPv4
/// stands for itself, also where it is written as one of IPv6.
enum RemoteNetwork {
    /// Of an address as text; what is none stands for itself.
    static func name(of address: String) -> String {
        guard case .v6(let socket)? = try? SocketAddress(ipAddress: address, port: 0) else { return address }
        let bytes = withUnsafeBytes(of: socket.address.sin6_addr) { Array($0) }
        let isIPv4 = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        guard !isIPv4 else { return address }
        let groups = stride(from: 0, to: 8, by: 2).map {
            String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16)
        }
        return groups.joined(separator: ":") + "::/64"
    }
}
