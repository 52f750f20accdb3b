import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import RaftTransport
import Replica

@testable import Cluster

/// Three nodes on loopback, a, b and c, each of which may be stopped, and started again on whatever is in its folder.
final class Trio {
    static let names = ["a", "b", "c"]

    let folder: TestFolder
    let group: MultiThreadedEventLoopGroup
    let seeds: FoundingSeeds
    private(set) var nodes: [String: Cluster] = [:]
    private(set) var lines: [String: LogLines] = [:]

    /// Starts all three, and waits until they serve.
    init() async throws {
        folder = try TestFolder()
        group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        // Ports that were free a moment ago.
        var sockets: [any Channel] = []
        for _ in Self.names {
            sockets.append(try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get())
        }
        seeds = try FoundingSeeds(
            zip(Self.names, sockets).map { FoundingSeed(name: $0, address: "127.0.0.1:\($1.localAddress?.port ?? 0)") }
        )
        for socket in sockets { try await socket.close() }
        for name in Self.names { try await start(name) }
        for node in nodes.values { try await node.serving() }
    }

    func directory(_ name: String) -> String { folder.path + "/" + name }

    @discardableResult
    func start(_ name: String) async throws -> Cluster {
        let lines = LogLines()
        let address = seeds.seeds.first { $0.name == name }?.address ?? ""
        let node = try await Cluster.start(
            ClusterSettings(
                name: name,
                directory: directory(name),
                seeds: seeds,
                peers: .init(listen: address, tls: nil)
            ),
            on: group.next(),
            logger: lines.logger
        )
        nodes[name] = node
        self.lines[name] = lines
        return node
    }

    func stop(_ name: String) async {
        if let node = nodes.removeValue(forKey: name) { await node.stop() }
    }

    func stopAll() async throws {
        for name in Self.names { await stop(name) }
        try await group.shutdownGracefully()
        folder.remove()
    }
}
