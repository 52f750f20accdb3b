import NIOCore
import Settings
import Testing

@testable import Gateway

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The port of a listener before it listens: no other program has it, and no connection is taken that nobody would serve.
@Suite struct PortReservationTests {
    private static let hosts = [IPAddress(ipv4: 0x7F00_0001), IPAddress(ipv6High: 0, low: 1)]

    /// A socket of this family, and the address of loopback at a port.
    private func withSocket<R>(
        _ host: IPAddress,
        _ port: UInt16,
        _ body: (CInt, UnsafePointer<sockaddr>, socklen_t) throws -> R
    ) throws -> R {
        let address = try SocketAddress(ipAddress: host.description, port: Int(port))
        #if canImport(Glibc)
            let type = Int32(SOCK_STREAM.rawValue)
        #else
            let type = SOCK_STREAM
        #endif
        let descriptor = socket(host.isIPv4 ? AF_INET : AF_INET6, type, 0)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        return try address.withSockAddr { try body(descriptor, $0, socklen_t($1)) }
    }

    /// The error of connecting; nil where it succeeds.
    private func errorOfConnecting(_ host: IPAddress, _ port: UInt16) throws -> CInt? {
        try withSocket(host, port) { connect($0, $1, $2) == 0 ? nil : errno }
    }

    @Test(arguments: hosts) func whoComesWhileItIsHeldIsRefused(host: IPAddress) throws {
        // A listening socket would let them in, and they would wait for ever.
        let reservation = try PortReservation(host: host, port: 0)
        #expect(reservation.port != 0)
        #expect(try errorOfConnecting(host, reservation.port) == ECONNREFUSED)
    }

    @Test(arguments: hosts) func aPortOnWhichAnotherListensIsNotHad(host: IPAddress) throws {
        let port = try PortReservation(host: host, port: 0).port
        try withSocket(host, port) { descriptor, address, size in
            // It would share its port with whoever says the same.
            for option in [SO_REUSEADDR, SO_REUSEPORT] {
                var yes: CInt = 1
                setsockopt(descriptor, SOL_SOCKET, option, &yes, socklen_t(MemoryLayout<CInt>.size))
            }
            try #require(bind(descriptor, address, size) == 0)
            try #require(listen(descriptor, 1) == 0)
            do {
                let reservation = try PortReservation(host: host, port: port)
                Issue.record("port \(reservation.port) was had twice")
            } catch let error as IOError {
                #expect(error.errnoCode == EADDRINUSE)
            }
        }
    }
}
