import Foundation
import Synchronization

/// Ports of loopback for servers that must be known by address before they listen, or that listen again where they did.
///
/// They are from below those that the system gives to whoever connects, so that none is taken by a connection while nobody
/// listens there, and each is handed out once in a process. Any thread.
public enum LoopbackPorts {
    private static let range = 10_240..<32_768
    private static let next = Mutex(Int.random(in: range))

    /// A port of 127.0.0.1 at which nobody listens.
    /// - Throws: ``Exhausted``.
    public static func port() throws -> Int {
        for _ in range {
            let port = next.withLock { next in
                next = next + 1 < range.upperBound ? next + 1 : range.lowerBound
                return next
            }
            if isFree(port) { return port }
        }
        throw Exhausted()
    }

    /// So many addresses, `127.0.0.1:port`, at which nobody listens.
    /// - Throws: ``Exhausted``.
    public static func addresses(_ count: Int) throws -> [String] {
        try (0..<count).map { _ in "127.0.0.1:\(try port())" }
    }

    /// Somebody listens at each port.
    public struct Exhausted: Error {}

    /// Whether a server could listen there, also where one did a moment ago.
    private static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var reuse: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
