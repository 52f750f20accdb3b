import NIOCore
import NIOEmbedded
import NIOSSL

/// A node's certificate, tried as its peers will try it: both ends of a connection, without a network.
enum SelfHandshake {
    /// Each side speaks three times at most; a dozen turns are plenty.
    private static let turnsMax = 12

    /// Shakes hands between the two contexts.
    /// - Throws: what either side finds.
    static func run(client: NIOSSLContext, server: NIOSSLContext) throws {
        let dialer = EmbeddedChannel(handler: try NIOSSLClientHandler(context: client, serverHostname: nil))
        let acceptor = EmbeddedChannel(handler: NIOSSLServerHandler(context: server))
        defer {
            for channel in [dialer, acceptor] {
                // Nobody answers the good-bye; after the time for it they let go of each other.
                channel.close(promise: nil)
                channel.embeddedEventLoop.advanceTime(by: TransportTLS.shutdownTimeout)
            }
        }
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
        try acceptor.connect(to: address).wait()
        try dialer.connect(to: address).wait()
        for _ in 0..<turnsMax {
            let isOver = try !pass(from: dialer, to: acceptor) && !pass(from: acceptor, to: dialer)
            if isOver { return }
        }
    }

    private static func pass(from one: EmbeddedChannel, to other: EmbeddedChannel) throws -> Bool {
        var hasPassed = false
        while let bytes = try one.readOutbound(as: ByteBuffer.self) {
            hasPassed = true
            try other.writeInbound(bytes)
        }
        return hasPassed
    }
}
