import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Raft
import RaftTransport
import Replica
import TestSupport
import Testing

@testable import Cluster

/// Three nodes on loopback, a, b and c, each of which may be stopped, and started again on whatever is in its folder; and
/// one that may be added, d.
final class Trio {
    static let names = ["a", "b", "c"]
    static let added = "d"

    let folder: TestFolder
    let group: MultiThreadedEventLoopGroup
    private let addresses: [String: String]
    private(set) var nodes: [String: Cluster] = [:]
    private(set) var lines: [String: LogLines] = [:]

    /// Starts all three, and waits until they serve.
    init() async throws {
        folder = try TestFolder()
        group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let names = Self.names + [Self.added]
        let places = try LoopbackPorts.addresses(names.count)
        addresses = Dictionary(uniqueKeysWithValues: zip(names, places))
        for name in Self.names { try await start(name) }
        for node in nodes.values { try await node.serving() }
    }

    func address(_ name: String) -> String { addresses[name] ?? "" }

    func directory(_ name: String) -> String { folder.path + "/" + name }

    @discardableResult
    func start(_ name: String) async throws -> Cluster {
        let lines = LogLines()
        let address = address(name)
        let listed = Self.names.contains(name) ? Self.names : Self.names + [name]
        let node = try await Cluster.start(
            ClusterSettings(
                name: name,
                directory: directory(name),
                seeds: try FoundingSeeds(listed.map { FoundingSeed(name: $0, address: self.address($0)) }),
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
        for name in nodes.keys.sorted() { await stop(name) }
        try await group.shutdownGracefully()
        folder.remove()
    }

    /// Has whoever leads change the membership, as often as it takes until it is so, as the leader sees it.
    func change(_ steps: [ConfigurationChange.Step], until isSo: (Configuration) -> Bool) async throws {
        while true {
            if let leader = nodes.values.first(where: { $0.view.status?.role == .leader }) {
                if let configuration = leader.view.status?.configuration, !configuration.isJoint, isSo(configuration) {
                    return
                }
                let promise = group.next().makePromise(of: Void.self)
                leader.loop.execute { [driver = leader.driver] in
                    driver.value.change(ConfigurationChange(steps)) { _ in promise.succeed() }
                }
                try await promise.futureResult.get()
            }
            // A learner catches up, or an election is under way.
            try await group.next().scheduleTask(in: .milliseconds(20)) {}.futureResult.get()
        }
    }

    /// Has whoever leads the three remove itself, as often as it takes until one has.
    func removeLeader() async throws -> Cluster {
        while true {
            if let removed = nodes.values.first(where: { $0.view.membership == .removed }) { return removed }
            for leader in nodes.values {
                guard let status = leader.view.status, status.role == .leader,
                    status.configuration.members.count == Self.names.count
                else { continue }
                leader.loop.execute { [driver = leader.driver] in
                    driver.value.change(ConfigurationChange([.remove(status.id)])) { _ in }
                }
            }
            try await group.next().scheduleTask(in: .milliseconds(20)) {}.futureResult.get()
        }
    }
}

extension Cluster {
    /// Waits until it shows that something holds, within a bound that a sound run never comes near.
    func until(
        sourceLocation: SourceLocation = #_sourceLocation,
        _ holds: (ClusterView) -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while !holds(view) {
            try #require(ContinuousClock.now < deadline, "it never came to be: \(view)", sourceLocation: sourceLocation)
            try await loop.scheduleTask(in: .milliseconds(5)) {}.futureResult.get()
        }
    }
}
