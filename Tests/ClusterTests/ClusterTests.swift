import Cluster
import Ledger
import Logging
import NIOCore
import NIOPosix
import Replica
import TestSupport
import Testing

/// Nodes in one process, on real files, threads and sockets.
@Suite(.timeLimit(.minutes(2))) struct ClusterTests {
    private static let policies = [
        PolicyDefinition(
            name: "site",
            maxKeys: 1_000,
            limits: [LimitDefinition(role: .free, key: "client", interval: 86_400_000_000_000, burst: 3)]
        )
    ]

    /// A folder that is gone afterwards, and loops.
    private func withNode(
        _ body: (_ directory: String, _ group: MultiThreadedEventLoopGroup) async throws -> Void
    ) async throws {
        let folder = try TestFolder()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let result: Result<Void, any Error>
        do { result = .success(try await body(folder.path, group)) } catch { result = .failure(error) }
        try await group.shutdownGracefully()
        folder.remove()
        try result.get()
    }

    private func start(_ directory: String, _ group: MultiThreadedEventLoopGroup) async throws -> Cluster {
        let cluster = try await Cluster.start(
            .alone(name: "a", directory: directory),
            on: group.next(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        try await cluster.serving()
        return cluster
    }

    /// One client of a loop.
    private struct Client {
        let bound: NIOLoopBound<any LedgerClient>

        init(_ cluster: Cluster, _ loop: any EventLoop) async throws {
            bound = try await loop.submit { NIOLoopBound(cluster.makeClient(on: loop), eventLoop: loop) }.get()
        }

        func submit(_ commands: [Command]) async throws -> [CommandResult] {
            try await bound.eventLoop.flatSubmit { [bound] in
                let promise = bound.eventLoop.makePromise(of: [CommandResult].self)
                bound.value.submit(commands) { promise.completeWith($0.mapError { $0 as any Error }) }
                return promise.futureResult
            }.get()
        }

        func facts() async throws -> LedgerFacts {
            try await bound.eventLoop.submit { [bound] in bound.value.facts }.get()
        }

        func charge(_ key: UInt64) async throws -> CommandResult {
            let policy = try await facts().policies[0]
            let charge = Charge(
                policy: policy.id,
                cost: 1,
                pass: nil,
                limits: [
                    LimitCharge(
                        limit: policy.limits[0].id,
                        key: QuotaKey(high: 1, low: key),
                        fallback: QuotaKey(high: 2, low: 0),
                        reserve: 0
                    )
                ]
            )
            return try await submit([.charge(charge)])[0]
        }
    }

    private func isAdmitted(_ result: CommandResult) -> Bool {
        if case .charged(let outcome) = result, case .admitted = outcome { true } else { false }
    }

    @Test func aNodeThatIsAloneDecidesAndKeepsItsStateOverARestart() async throws {
        try await withNode { directory, group in
            let first = try await start(directory, group)
            let founded = first.view.cluster
            #expect(founded != nil)
            let client = try await Client(first, group.next())
            _ = try await client.submit([.setPolicies(expectedRevision: 0, policies: Self.policies)])
            #expect(try await client.facts().revision == 1, "facts are there before the answer")
            for _ in 0..<3 { #expect(isAdmitted(try await client.charge(7))) }
            #expect(!isAdmitted(try await client.charge(7)))
            await first.stop()

            let second = try await start(directory, group)
            #expect(second.view.cluster == founded)
            let again = try await Client(second, group.next())
            #expect(!isAdmitted(try await again.charge(7)), "the quota is still spent")
            #expect(isAdmitted(try await again.charge(8)))
            await second.stop()
            await #expect(throws: LedgerUnavailable.self) { _ = try await again.charge(9) }
        }
    }

    @Test func twoProcessesDoNotShareAFolder() async throws {
        try await withNode { directory, group in
            let node = try await start(directory, group)
            await #expect(throws: ClusterError.self) { _ = try await start(directory, group) }
            await node.stop()
        }
    }

    @Test func manyLoopsAtOnceAreAnsweredInTheirOrder() async throws {
        try await withNode { directory, group in
            let node = try await start(directory, group)
            let clients = [try await Client(node, group.next()), try await Client(node, group.next())]
            _ = try await clients[0].submit([.setPolicies(expectedRevision: 0, policies: Self.policies)])
            try await withThrowingTaskGroup(of: Int.self) { tasks in
                for client in clients {
                    for key in 0..<200 as Range<UInt64> {
                        tasks.addTask {
                            var admitted = 0
                            for _ in 0..<2 { if isAdmitted(try await client.charge(key)) { admitted += 1 } }
                            return admitted
                        }
                    }
                }
                var admitted = 0
                for try await count in tasks { admitted += count }
                #expect(admitted == 200 * 3, "four asked for each of 200 keys, three were free")
            }
            await node.stop()
        }
    }

    @Test func threeNodesAreOneLimitAndGoOnWithoutOne() async throws {
        try await withNode { directory, group in
            let addresses = try LoopbackPorts.addresses(3)
            let seeds = try FoundingSeeds(
                zip(["a", "b", "c"], addresses).map { FoundingSeed(name: $0, address: $1) }
            )
            func start(_ place: Int) async throws -> Cluster {
                let name = ["a", "b", "c"][place]
                var settings = ClusterSettings(
                    name: name,
                    directory: directory + "/" + name,
                    seeds: seeds,
                    peers: .init(listen: addresses[place], tls: nil)
                )
                // However slow the machine is, a majority decides.
                settings.replica.decisionTimeout = 60_000_000_000
                return try await Cluster.start(
                    settings,
                    on: group.next(),
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                )
            }
            var nodes: [Cluster] = []
            for place in 0..<3 { nodes.append(try await start(place)) }
            for node in nodes { try await node.serving() }
            #expect(Set(nodes.map { $0.view.cluster }).count == 1)

            var clients: [Client] = []
            for node in nodes { clients.append(try await Client(node, group.next())) }
            _ = try await clients[0].submit([.setPolicies(expectedRevision: 0, policies: Self.policies)])
            // A read that a majority confirms shows them to each.
            for node in nodes { try await node.serving() }
            var admitted = 0
            for round in 0..<6 where isAdmitted(try await clients[round % 3].charge(7)) { admitted += 1 }
            #expect(admitted == 3)

            // The leader goes; the others decide, and know what was spent.
            let leader = try #require(nodes.firstIndex { $0.view.status?.role == .leader })
            await nodes[leader].stop()
            let other = (leader + 1) % 3
            try await nodes[other].serving()
            #expect(!isAdmitted(try await clients[other].charge(7)))
            #expect(isAdmitted(try await clients[other].charge(8)))

            nodes[leader] = try await start(leader)
            try await nodes[leader].serving()
            let again = try await Client(nodes[leader], group.next())
            #expect(!isAdmitted(try await again.charge(7)))
            for node in nodes { await node.stop() }
        }
    }
}
