import NIOCore
import NIOPosix
import NIOSSL
import Wire

@testable import RaftTransport

/// Something on the other end that need not keep to the protocol: it sends what it is told, and keeps what comes.
final class RawPeer: Sendable {
    enum Event: Equatable, Sendable {
        case bytes([UInt8])
        case closed
    }

    let events = Journal<Event>()
    let channel: any Channel

    private init(_ channel: any Channel) throws {
        self.channel = channel
    }

    /// Dials a node.
    /// - Parameter address: one of this machine's to dial from; nil for whichever the system takes.
    static func connect(
        to node: TestNode,
        from address: String? = nil,
        tls: NIOSSLContext? = nil
    ) async throws -> RawPeer {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        var bootstrap = ClientBootstrap(group: loop)
        if let address { bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: address, port: 0)) }
        return try await bootstrap.connect(host: "127.0.0.1", port: node.port) { channel in
            channel.eventLoop.makeCompletedFuture {
                if let tls {
                    try channel.pipeline.syncOperations.addHandler(
                        NIOSSLClientHandler(context: tls, serverHostname: nil)
                    )
                }
                let peer = try RawPeer(channel)
                try channel.pipeline.syncOperations.addHandler(Recorder(events: peer.events))
                return peer
            }
        }
    }

    func send(_ bytes: [UInt8]) { channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil) }

    func send(_ frame: Frame) {
        var buffer = ByteBuffer()
        frame.write(to: &buffer)
        channel.writeAndFlush(buffer, promise: nil)
    }

    /// Waits until the other side has closed; returns all that it sent.
    @discardableResult
    func closed() async throws -> [UInt8] {
        let events = try await events.wait(for: "raw peer closed") { $0.contains(.closed) }
        return events.flatMap { event -> [UInt8] in if case .bytes(let bytes) = event { bytes } else { [] } }
    }

    /// Waits for a whole frame.
    func frame() async throws -> Frame {
        let events = try await events.wait(for: "raw peer frame") { ((try? Self.frames($0)) ?? []).isEmpty == false }
        return try Self.frames(events)[0]
    }

    static func frames(_ events: [Event]) throws -> [Frame] {
        var decoder = FrameDecoder(frameBytesMax: 1 << 20)
        for case .bytes(let bytes) in events { decoder.append(ByteBuffer(bytes: bytes)) }
        var frames: [Frame] = []
        while let frame = try decoder.next() { frames.append(frame) }
        return frames
    }

    static func hello(
        _ name: String,
        cluster: UInt64? = 1,
        membership: UInt64? = nil,
        lane: Lane = .messages
    ) -> Frame {
        var identity = TestNode.identity(name, cluster: cluster)
        identity.membership = membership
        return .hello(Hello(versions: 1...1, lane: lane, identity: identity).encode())
    }

    private final class Recorder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let events: Journal<Event>

        init(events: Journal<Event>) { self.events = events }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            events.append(.bytes(Array(unwrapInboundIn(data).readableBytesView)))
        }

        func channelInactive(context: ChannelHandlerContext) { events.append(.closed) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

/// A node's stand-in that answers each Hello with its own, and then reads nothing more of the lanes to which it is deaf.
struct DeafServer {
    let peer: PeerAddress
    /// What came on the other lanes.
    let events = Journal<RawPeer.Event>()
    private let channel: any Channel

    init(_ name: String, to lanes: Set<Lane> = Set(Lane.allCases)) async throws {
        let events = events
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(name: name, lanes: lanes, events: events))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        peer = PeerAddress(name: name, address: "127.0.0.1:\(channel.localAddress?.port ?? 0)")
    }

    func stop() async throws { try await channel.close().get() }

    private final class Handler: ChannelDuplexHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let name: String
        private let lanes: Set<Lane>
        private let events: Journal<RawPeer.Event>
        private var decoder = FrameDecoder(frameBytesMax: 1 << 20)
        private var lane: Lane?

        init(name: String, lanes: Set<Lane>, events: Journal<RawPeer.Event>) {
            self.name = name
            self.lanes = lanes
            self.events = events
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = unwrapInboundIn(data)
            if lane != nil {
                events.append(.bytes(Array(buffer.readableBytesView)))
                return
            }
            decoder.append(buffer)
            guard case .hello(let bytes)? = try? decoder.next(),
                let hello = try? Hello(decoding: bytes, speaking: 1...1)
            else { return }
            lane = hello.lane
            var answer = ByteBuffer()
            RawPeer.hello(name, lane: hello.lane).write(to: &answer)
            context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
        }

        func read(context: ChannelHandlerContext) {
            if lane.map(lanes.contains) != true { context.read() }
        }
    }
}
