import Foundation
import Ledger
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ProofOfWork
import Settings
import Testing
import Wire

@testable import Gateway

/// Real gateways on loopback, check listeners of a proxy that names any client, over one ledger in time that a test moves.
final class PricedSite {
    /// A challenge as a client gets it.
    struct Challenge {
        var token: String
        var rounds: Int
        var target: UInt64
        var grants: Int

        /// Expected hashes.
        var difficulty: Double { Double(ProofOfWork.Difficulty.expectedHashes(target: target, rounds: rounds)) }
    }

    struct Answer {
        var status: Int
        var fields: HTTPHeaders
        var body: String

        var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]) ?? [:]
        }
    }

    let clock: ManualClock
    let ledger: LocalLedger
    let gateways: [Gateway]
    private let group: MultiThreadedEventLoopGroup
    private let connections: [PricedSiteConnection]
    private var turn = 0

    /// Starts it, and ends it when the body is done.
    static func with(
        _ yaml: String,
        gateways count: Int = 2,
        ledgerVersion: UInt32 = Ledger.lendingVersion,
        _ body: (PricedSite) async throws -> Void
    ) async throws {
        let clock = ManualClock()
        var genesis = genesis
        genesis.ledgerVersion = ledgerVersion
        let ledger = LocalLedger(genesis: genesis) { clock.nanoseconds }
        clock.advance(seconds: 1_000)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var gateways: [Gateway] = []
        var connections: [PricedSiteConnection] = []
        let result: Result<Void, any Error>
        do {
            for number in 0..<UInt64(count) {
                let gateway = try await Gateway.start(
                    configuration: try configuration(yaml),
                    group: group,
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                    clock: { clock.nanoseconds },
                    makeClient: { ledger.makeClient(on: $0, owner: ReplicaID(high: 0, low: number + 1)) }
                )
                gateways.append(gateway)
                connections.append(try await PricedSiteConnection.open(gateway, on: group))
            }
            let site = PricedSite(clock, ledger, gateways, group, connections)
            result = .success(try await body(site))
        } catch { result = .failure(error) }
        for connection in connections { await connection.close() }
        for gateway in gateways { await gateway.shutdown(deadline: .seconds(1)) }
        try await group.shutdownGracefully()
        try result.get()
    }

    private init(
        _ clock: ManualClock,
        _ ledger: LocalLedger,
        _ gateways: [Gateway],
        _ group: MultiThreadedEventLoopGroup,
        _ connections: [PricedSiteConnection]
    ) {
        self.clock = clock
        self.ledger = ledger
        self.gateways = gateways
        self.group = group
        self.connections = connections
    }

    // MARK: - What clients do

    /// Asks one gateway after the other.
    func ask(
        _ method: HTTPMethod,
        _ path: String,
        from client: String,
        _ fields: [(String, String)] = [],
        body: String = ""
    ) async throws -> Answer {
        turn += 1
        var headers = HTTPHeaders([("Host", "gateway"), ("X-Forwarded-For", client)])
        for (name, value) in fields { headers.add(name: name, value: value) }
        if !body.isEmpty { headers.add(name: "Content-Length", value: "\(body.utf8.count)") }
        return try await connections[turn % connections.count].ask(method, path, headers, body)
    }

    /// A request of a client, as the proxy asks about it.
    func request(from client: String, pass: String? = nil, path: String = "/x") async throws -> Answer {
        let described = [
            ("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", path), ("X-Forwarded-Host", "example.com"),
            ("X-Forwarded-Proto", "http"),
        ]
        return try await ask(
            .GET,
            "/.well-known/tollgate/check",
            from: client,
            described + (pass.map { [("PoW-Pass", $0)] } ?? [])
        )
    }

    func challenge(_ client: String, policy: String = "api") async throws -> Challenge {
        let answer = try await ask(.GET, "/.well-known/tollgate/challenge?policy=\(policy)", from: client)
        #expect(answer.status == 200, "\(answer.body)")
        return try challenge(in: answer.json)
    }

    func challenge(in json: [String: Any]) throws -> Challenge {
        let target = try #require(json["target"] as? String)
        return Challenge(
            token: try #require(json["challenge"] as? String),
            rounds: try #require(json["rounds"] as? Int),
            target: try #require(ProofOfWork.Difficulty.target(hexadecimal: target)),
            grants: try #require(json["grants"] as? Int)
        )
    }

    /// Hands in the solution.
    func redeem(_ challenge: Challenge, from client: String, key: String? = nil) async throws -> Answer {
        let solution = try Solver(threads: 1)
            .solve(token: challenge.token, rounds: challenge.rounds, target: challenge.target).text
        var fields = [("Content-Type", "application/json")]
        if let key { fields.append(("Idempotency-Key", key)) }
        let body = "{\"challenge\":\"\(challenge.token)\",\"solution\":\"\(solution)\"}"
        return try await ask(.POST, "/.well-known/tollgate/redeem", from: client, fields, body: body)
    }
}

/// A connection to a gateway on which one request follows the other.
final class PricedSiteConnection: Sendable {
    /// Puts an answer together.
    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = HTTPClientResponsePart
        var promise: EventLoopPromise<PricedSite.Answer>?
        private var head: HTTPResponseHead?
        private var body = ""

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): self.head = head
            case .body(let buffer): body += String(buffer: buffer)
            case .end:
                guard let head else { return }
                let answer = PricedSite.Answer(status: Int(head.status.code), fields: head.headers, body: body)
                self.head = nil
                body = ""
                promise?.succeed(answer)
                promise = nil
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            promise?.fail(error)
            promise = nil
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            promise?.fail(ChannelError.eof)
            promise = nil
        }
    }

    private let channel: any Channel
    private let collector: NIOLoopBound<Collector>

    private init(channel: any Channel, collector: NIOLoopBound<Collector>) {
        self.channel = channel
        self.collector = collector
    }

    static func open(_ gateway: Gateway, on group: any EventLoopGroup) async throws -> PricedSiteConnection {
        guard case .tcp(let host, let port)? = gateway.addresses.first else { throw ChannelError.unknownLocalAddress }
        let loop = group.next()
        let collector = try await loop.submit { NIOLoopBound(Collector(), eventLoop: loop) }.get()
        let channel = try await ClientBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(collector.value)
                }
            }
            .connect(host: "\(host)", port: Int(port)).get()
        return PricedSiteConnection(channel: channel, collector: collector)
    }

    func ask(
        _ method: HTTPMethod,
        _ path: String,
        _ headers: HTTPHeaders,
        _ body: String
    ) async throws -> PricedSite.Answer {
        try await channel.eventLoop.flatSubmit { [channel, collector] in
            let promise = channel.eventLoop.makePromise(of: PricedSite.Answer.self)
            collector.value.promise = promise
            let head = HTTPRequestHead(version: .http1_1, method: method, uri: path, headers: headers)
            channel.write(HTTPClientRequestPart.head(head), promise: nil)
            if !body.isEmpty {
                channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(string: body))), promise: nil)
            }
            channel.writeAndFlush(HTTPClientRequestPart.end(nil)).cascadeFailure(to: promise)
            return promise.futureResult
        }.get()
    }

    func close() async { try? await channel.close().get() }
}
