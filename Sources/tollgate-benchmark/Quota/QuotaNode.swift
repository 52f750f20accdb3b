import Cluster
import Gateway
import Ledger
import Logging
import NIOCore
import NIOPosix

/// A node that is alone, in this process: the replica with its log on disk on a loop of its own, and as many loops as asked
/// for that decide as a gateway's do.
final class QuotaNode {
    let policy: PolicyFacts
    private let group: MultiThreadedEventLoopGroup
    private let home: MultiThreadedEventLoopGroup
    private let cluster: Cluster
    private let quotas: Quotas

    var loops: [NIOLoopBound<QuotaLoop>] { quotas.loops }

    /// More units than anybody asks for, and a nanosecond for each: every request is admitted and is a charge all the same.
    private static let limit = LimitDefinition(role: .free, key: "client", interval: 1, burst: 1_000_000_000)

    init(loops count: Int, folder: TemporaryFolder, name: String) throws {
        let home = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: count)
        let settings = try ClusterSettings.alone(name: "a", directory: "\(folder.path)/\(name)")
        let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        let loop = home.next()
        let started = try loop.makeFutureWithTask {
            let cluster = try await Cluster.start(settings, on: loop, logger: logger)
            try await cluster.serving()
            var clients: [NIOLoopBound<any LedgerClient>] = []
            for eventLoop in group.makeIterator() {
                let client = try await eventLoop.submit {
                    NIOLoopBound(cluster.makeClient(on: eventLoop) as any LedgerClient, eventLoop: eventLoop)
                }.get()
                clients.append(client)
            }
            let policy = try await Self.prepare(clients)
            let quotas = try await Quotas.make(
                clients,
                clock: BootTimeClock.nanoseconds,
                makePeers: nil,
                lendsAlone: true
            )
            return (cluster, policy, quotas)
        }.wait()
        self.home = home
        self.group = group
        (cluster, policy, quotas) = started
    }

    func stop() throws {
        let (cluster, desks) = (cluster, quotas.desks)
        try desks.eventLoop.submit { desks.value.close() }.wait()
        try home.next().makeFutureWithTask { await cluster.stop() }.wait()
        try group.syncShutdownGracefully()
        try home.syncShutdownGracefully()
    }

    /// Sets the limit, and waits until every loop knows of it and of a ledger that lends.
    private static func prepare(_ clients: [NIOLoopBound<any LedgerClient>]) async throws -> PolicyFacts {
        let first = clients[0]
        let definition = PolicyDefinition(name: "measured", maxKeys: LedgerBounds.keysPerLimit, limits: [limit])
        try await first.eventLoop.flatSubmit {
            let promise = first.eventLoop.makePromise(of: Void.self)
            let client = first.value
            client.submit([.setPolicies(expectedRevision: client.facts.revision, policies: [definition])]) { result in
                promise.completeWith(result.map { _ in }.mapError { $0 as any Error })
            }
            return promise.futureResult
        }.get()
        for client in clients {
            try await client.eventLoop.flatSubmit {
                let promise = client.eventLoop.makePromise(of: Void.self)
                let ledger = client.value
                let isThere = {
                    ledger.facts.ledgerVersion >= Ledger.lendingVersion && !ledger.facts.policies.isEmpty
                }
                if isThere() {
                    promise.succeed()
                } else {
                    ledger.onFactsChange = {
                        guard isThere() else { return }
                        ledger.onFactsChange = nil
                        promise.succeed()
                    }
                }
                return promise.futureResult
            }.get()
        }
        return try await first.eventLoop.submit { first.value.facts.policies[0] }.get()
    }
}
