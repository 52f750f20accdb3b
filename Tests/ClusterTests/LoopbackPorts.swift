import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// Ports of loopback for nodes that must be known by address before they listen.
///
/// They are from below those that the system gives to whoever connects, so that none is taken by a connection before the node
/// listens, and each is handed out once in a process.
enum LoopbackPorts {
    private static let range = 10_240..<32_768
    private static let next = NIOLockedValueBox(Int.random(in: range))

    /// So many addresses, `host:port`, at which nobody listens.
    static func addresses(_ count: Int, group: any EventLoopGroup) async throws -> [String] {
        var addresses: [String] = []
        for _ in range where addresses.count < count {
            let port = next.withLockedValue { next in
                next = next + 1 < range.upperBound ? next + 1 : range.lowerBound
                return next
            }
            guard let socket = try? await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: port).get() else {
                continue
            }
            try await socket.close()
            addresses.append("127.0.0.1:\(port)")
        }
        guard addresses.count == count else { throw Exhausted() }
        return addresses
    }

    /// Somebody listens at each port.
    struct Exhausted: Error {}
}
