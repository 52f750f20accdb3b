import NIOCore
import NIOPosix
import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// bind(2), by a name that is not one of ``PortReservation``'s.
private func bindSocket(_ descriptor: CInt, _ address: UnsafePointer<sockaddr>, _ size: socklen_t) -> CInt {
    bind(descriptor, address, size)
}

/// A TCP port that no other program listens on, while this is held.
///
/// Its socket is bound without SO_REUSEPORT, by which a second process could share the port in silence, and does not listen:
/// a connection that it took would have nobody who serves it. Whoever comes meanwhile is refused, and may try again.
struct PortReservation: ~Copyable {
    /// The port, chosen by the system where 0 was asked for.
    let port: UInt16
    private let descriptor: CInt

    /// - Throws: `SocketAddressError`, and `IOError`: EADDRINUSE where a program listens on the port.
    init(host: IPAddress, port: UInt16) throws {
        let address = try SocketAddress(ipAddress: host.description, port: Int(port))
        #if canImport(Glibc)
            let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        #else
            let type = SOCK_STREAM | SOCK_CLOEXEC
        #endif
        let descriptor = socket(host.isIPv4 ? AF_INET : AF_INET6, type, 0)
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
        let bound: UInt16
        do {
            // Connections of an earlier process that are not quite gone do not count.
            var yes: CInt = 1
            guard setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
                throw IOError(errnoCode: errno, reason: "setsockopt")
            }
            let result = address.withSockAddr { pointer, size in bindSocket(descriptor, pointer, socklen_t(size)) }
            guard result == 0 else { throw IOError(errnoCode: errno, reason: "bind") }
            bound = try Self.port(of: descriptor)
        } catch {
            close(descriptor)
            throw error
        }
        self.port = bound
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    private static func port(of descriptor: CInt) throws -> UInt16 {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return try withUnsafeMutableBytes(of: &storage) { bytes in
            let address = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            guard getsockname(descriptor, address, &size) == 0 else {
                throw IOError(errnoCode: errno, reason: "getsockname")
            }
            // The port is at the same place in the addresses of both families (ip(7), ipv6(7)).
            return UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        }
    }
}
