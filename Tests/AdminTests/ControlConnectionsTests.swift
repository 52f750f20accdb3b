import NIOCore
import NIOPosix
import Settings
import Testing

@testable import Admin

/// Which connections a small server keeps.
@Suite struct ControlConnectionsTests {
    private static func full() -> ControlConnections<Int> {
        var connections = ControlConnections<Int>(connectionsMax: 3)
        for id in 1...3 { #expect(connections.arrived(id) == .init(isAccepted: true, evicted: nil)) }
        return connections
    }

    private func began(_ connections: inout ControlConnections<Int>, _ id: Int) {
        let isAnswered = connections.requestBegan(id)
        #expect(isAnswered)
    }

    @Test func whoHasAskedNothingForLongestGivesWay() {
        var connections = Self.full()
        began(&connections, 1)
        connections.requestEnded(1)
        #expect(connections.arrived(4) == .init(isAccepted: true, evicted: 2))
        #expect(connections.arrived(5) == .init(isAccepted: true, evicted: 3))
        #expect(connections.arrived(6) == .init(isAccepted: true, evicted: 1))
        #expect(connections.count == 3)
    }

    @Test func whoseRequestIsBeingAnsweredNeverDoes() {
        var connections = Self.full()
        for id in 1...3 { began(&connections, id) }
        #expect(connections.arrived(4) == .init(isAccepted: false, evicted: nil))
        connections.requestEnded(2)
        #expect(connections.arrived(4) == .init(isAccepted: true, evicted: 2))
        #expect(connections.count == 3)
    }

    @Test func whatGaveWayIsAnsweredNoMore() {
        var connections = Self.full()
        #expect(connections.arrived(4) == .init(isAccepted: true, evicted: 1))
        let isAnswered = connections.requestBegan(1)
        #expect(!isAnswered)
        connections.requestEnded(1)
        connections.closed(1)
        #expect(connections.count == 3)
    }

    @Test func whatIsClosedMakesRoom() {
        var connections = Self.full()
        began(&connections, 3)
        connections.closed(3)
        connections.closed(1)
        #expect(connections.arrived(4) == .init(isAccepted: true, evicted: nil))
        #expect(connections.arrived(5) == .init(isAccepted: true, evicted: nil))
        #expect(connections.arrived(6) == .init(isAccepted: true, evicted: 2))
    }

    /// Over sockets: whoever waits for an answer gets it, however many come meanwhile.
    @Test(.timeLimit(.minutes(2))) func requestsInProgressAreAnswered() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let (asked, tell) = AsyncStream.makeStream(of: Void.self)
        let answer = group.next().makePromise(of: ControlAnswer.self)
        // On a machine that is busy with other tests it may take long until all of them have asked.
        let unhurried = ControlTimeouts(arrival: .hours(1), request: .hours(1), keepAlive: .hours(1), linger: .hours(1))
        let server = try await ControlServer.start(
            on: .tcp(host: IPAddress(ipv4: 0x7F00_0001), port: 0),
            isPrivate: false,
            group: group,
            timeouts: unhurried,
            responder: HeldResponder(asked: tell, answer: answer.futureResult)
        )
        guard case .tcp(_, let port) = server.address else { preconditionFailure("it listens over TCP") }
        var held: [Caller] = []
        for _ in 0..<ControlServer.connectionsMax { held.append(try await Caller(port, group)) }
        var arrivals = asked.makeAsyncIterator()
        for _ in held { _ = await arrivals.next() }
        // There is no room, and nothing that may go. It may be closed before the caller has connected, as far as that knows.
        let turnedAway = try? await Caller(port, group).received.get()
        #expect(turnedAway ?? "" == "")
        answer.succeed(.plain("at last"))
        for caller in held {
            let received = try await caller.received.get()
            #expect(received.hasPrefix("HTTP/1.1 200 "))
            #expect(received.hasSuffix("at last"))
        }
        await server.stop()
    }
}

/// Answers everything when it is told to.
private struct HeldResponder: ControlResponder {
    let asked: AsyncStream<Void>.Continuation
    let answer: EventLoopFuture<ControlAnswer>

    func reply(to request: ControlRequest, on eventLoop: any EventLoop) -> ControlReply {
        asked.yield()
        return .later(answer)
    }
}

/// A connection that asks once, and what it receives until it is closed.
private struct Caller {
    let received: EventLoopFuture<String>

    init(_ port: UInt16, _ group: any EventLoopGroup) async throws {
        let loop = group.next()
        let promise = loop.makePromise(of: String.self)
        received = promise.futureResult
        let channel = try await ClientBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(promise))
                }
            }
            .connect(host: "127.0.0.1", port: Int(port)).get()
        // Where there is no room, it may be closed before.
        let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        channel.writeAndFlush(ByteBuffer(string: request), promise: nil)
    }
}

private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let promise: EventLoopPromise<String>
    private var text = ""

    init(_ promise: EventLoopPromise<String>) { self.promise = promise }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { text += String(buffer: unwrapInboundIn(data)) }
    func channelInactive(context: ChannelHandlerContext) { promise.succeed(text) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
