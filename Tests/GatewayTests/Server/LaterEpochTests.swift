import Ledger
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import ProofOfWork
import Settings
import Testing
import Wire

@testable import Gateway

/// A gateway whose ledger is a moment behind another node's, asked by a proxy over a socket.
@Suite(.timeLimit(.minutes(1))) struct LaterEpochTests {
    private static let yaml = """
        listeners: [ { address: "127.0.0.1:0", check: caddy } ]
        policies:
          api: { preset: api, onQuorumLoss: deny, free: { rate: 0 }, work: { difficulty: 128, rounds: 2, grants: 10, ttl: 10m } }
        routes: [ { policy: api } ]
        log: { access: off }
        """
    private static let client = "203.0.113.5"

    /// A gateway, and another node's client of the same ledger.
    private struct Site {
        let gateway: Gateway
        let ledger: NIOLoopBound<CountingLedgerClient>
        let other: NIOLoopBound<any LedgerClient>
        let group: MultiThreadedEventLoopGroup
    }

    private func with(_ body: (Site) async throws -> Void) async throws {
        let ledger = LocalLedger(genesis: genesis)
        let gatewayGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let made = NIOLockedValueBox<NIOLoopBound<CountingLedgerClient>?>(nil)
        let gateway = try await Gateway.start(
            configuration: try configuration(Self.yaml),
            group: gatewayGroup,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { loop in
            let client = CountingLedgerClient(ledger.makeClient(on: loop, owner: ReplicaID(high: 0, low: 1)))
            made.withLockedValue { $0 = NIOLoopBound(client, eventLoop: loop) }
            return client
        }
        let loop = group.next()
        let other = try await loop.submit {
            NIOLoopBound<any LedgerClient>(
                ledger.makeClient(on: loop, owner: ReplicaID(high: 0, low: 2)),
                eventLoop: loop
            )
        }.get()
        let client = try #require(made.withLockedValue { $0 })
        let result: Result<Void, any Error>
        do {
            result = .success(
                try await body(Site(gateway: gateway, ledger: client, other: other, group: group))
            )
        } catch { result = .failure(error) }
        await gateway.shutdown(deadline: .seconds(1))
        try await gatewayGroup.shutdownGracefully()
        try await group.shutdownGracefully()
        try result.get()
    }

    /// A pass that another node has sealed, under an epoch that it has just begun.
    private func passOfAnotherNode(_ site: Site) async throws -> String {
        try await site.other.eventLoop.flatSubmit { [other = site.other] in
            let client = other.value
            let promise = other.eventLoop.makePromise(of: String.self)
            let secret = [UInt8](repeating: 9, count: LedgerBounds.secretBytes)
            client.submit([.rotate(secret: secret)]) { _ in
                do {
                    let epoch = try #require(client.facts.epochs.last?.number)
                    let keys = try KeyRing(client.facts, current: epoch)
                    let state = try GatewayState(
                        try configuration(Self.yaml),
                        facts: client.facts,
                        now: client.now()
                    )
                    let policy = try #require(state.policies["api"])
                    let challenge = Challenge(
                        epoch: epoch,
                        policy: policy.id.rawValue,
                        binding: policy.binding(of: ip(Self.client), keys: keys),
                        issued: client.now().nanoseconds,
                        lifetime: 300,
                        rounds: 1,
                        target: .max,
                        grants: 10,
                        passLifetime: 600
                    )
                    client.submit([.spend(Redemption.spend(challenge, idempotencyKey: nil))]) { result in
                        do {
                            guard case .spent(.opened(let opened))? = try result.get().first else {
                                throw LedgerUnavailable.stopped
                            }
                            promise.succeed(try keys.seal(Redemption.pass(challenge, opened)))
                        } catch { promise.fail(error) }
                    }
                } catch { promise.fail(error) }
            }
            return promise.futureResult
        }.get()
    }

    /// Asks as a proxy does for a client that shows a pass, and returns the status.
    private func status(_ site: Site, pass: String) async throws -> Int? {
        guard case .tcp(let host, let port)? = site.gateway.addresses.first else { return nil }
        let answer = site.group.next().makePromise(of: String.self)
        let channel = try await ClientBootstrap(group: site.group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(answer))
                }
            }
            .connect(host: "\(host)", port: Int(port)).get()
        let request = """
            GET /.well-known/tollgate/check HTTP/1.1\r
            Host: gateway\r
            X-Forwarded-Method: GET\r
            X-Forwarded-Uri: /x\r
            X-Forwarded-Host: example.com\r
            X-Forwarded-For: \(Self.client)\r
            X-Forwarded-Proto: http\r
            PoW-Pass: \(pass)\r
            Connection: close\r
            \r

            """
        try await channel.writeAndFlush(ByteBuffer(string: request))
        return Int(try await answer.futureResult.get().split(separator: " ").dropFirst().first ?? "")
    }

    /// All that comes until the other side closes.
    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private var text = ""
        private let promise: EventLoopPromise<String>

        init(_ promise: EventLoopPromise<String>) { self.promise = promise }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            text += String(buffer: unwrapInboundIn(data))
        }

        func channelInactive(context: ChannelHandlerContext) { promise.succeed(text) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    private func catchUps(_ site: Site) async throws -> Int {
        try await site.ledger.eventLoop.submit { [ledger = site.ledger] in ledger.value.catchUps }.get()
    }

    @Test func aPassThatAnotherNodeHasJustSealedIsGood() async throws {
        try await with { site in
            let pass = try await passOfAnotherNode(site)
            #expect(try await status(site, pass: pass) == 200)
            #expect(try await catchUps(site) == 1)
            #expect(try await status(site, pass: pass) == 200)
            #expect(try await catchUps(site) == 1, "the epoch is known now")
        }
    }

    @Test func aForgedPassOfAnEpochThatNobodyKnowsIsNone() async throws {
        try await with { site in
            let forger = try keyRing(epochs: [90], cluster: 99)
            let pass = Pass(
                epoch: 90,
                policy: 1,
                binding: nil,
                expires: .max,
                recordExpiry: .max,
                grants: 10,
                id: TokenID(high: 1, low: 1)
            )
            #expect(try await status(site, pass: try forger.seal(pass)) == 401)
            #expect(try await catchUps(site) == 1)
        }
    }

    @Test func withoutAMajorityNobodyJudgesIt() async throws {
        try await with { site in
            let pass = try await passOfAnotherNode(site)
            try await site.ledger.eventLoop.submit { [ledger = site.ledger] in
                ledger.value.catchUpFailure = .noQuorum
            }.get()
            #expect(try await status(site, pass: pass) == 503)
        }
    }
}
