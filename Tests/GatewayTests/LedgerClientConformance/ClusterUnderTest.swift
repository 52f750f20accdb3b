import Cluster
import Foundation
import Ledger
import Logging
import NIOCore
import NIOPosix

/// The replicated ledger: a cluster of one, on a disk and on the machine's clocks.
struct ClusterUnderTest: LedgerUnderTest {
    let clients: [NIOLoopBound<any LedgerClient>]
    private let cluster: Cluster
    private let directory: URL
    private let group: MultiThreadedEventLoopGroup
    private let replicaGroup: MultiThreadedEventLoopGroup

    let overloadingCommands: Int?

    init(clients count: Int) async throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "tollgate-test-\(UUID())")
        var settings = try ClusterSettings.alone(name: "a", directory: directory.path)
        // However slow the machine is, there is a majority.
        settings.replica.decisionTimeout = 60_000_000_000
        settings.clientCommandsMax = 1_024
        overloadingCommands = settings.clientCommandsMax + 1
        group = MultiThreadedEventLoopGroup(numberOfThreads: count)
        replicaGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let cluster = try await Cluster.start(settings, on: replicaGroup.next(), logger: Logger(label: "test"))
        try await cluster.serving()
        var clients: [NIOLoopBound<any LedgerClient>] = []
        for loop in group.makeIterator() {
            let client = try await loop.submit {
                NIOLoopBound<any LedgerClient>(cluster.makeClient(on: loop), eventLoop: loop)
            }.get()
            clients.append(client)
        }
        self.clients = clients
        self.cluster = cluster
    }

    /// The machine's clocks are nobody's to move.
    func advance(nanoseconds: UInt64) async -> Bool { false }

    func shutDown() async throws {
        await cluster.stop()
        try await group.shutdownGracefully()
        try await replicaGroup.shutdownGracefully()
        try FileManager.default.removeItem(at: directory)
    }
}

extension LedgerFactory {
    static let cluster = LedgerFactory(name: "Cluster") { try await ClusterUnderTest(clients: $0) }
}
