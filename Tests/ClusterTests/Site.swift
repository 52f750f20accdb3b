import Cluster
import Ledger
import Logging
import NIOCore
import NIOPosix
import Replica
import TestSupport
import Testing

/// Some nodes in one process, on a folder, on loops and on ports of loopback.
final class Site {
    let folder: TestFolder
    let group: MultiThreadedEventLoopGroup
    /// By name.
    let addresses: [String: String]
    var nodes: [String: Cluster] = [:]

    /// - Parameter names: of the nodes that there may be.
    private init(_ names: [String]) async throws {
        folder = try TestFolder()
        group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let places = try LoopbackPorts.addresses(names.count)
        addresses = Dictionary(uniqueKeysWithValues: zip(names, places))
    }

    /// Runs a test, and leaves nothing behind.
    static func with(_ names: [String], _ body: (Site) async throws -> Void) async throws {
        let site = try await Site(names)
        let result: Result<Void, any Error>
        do { result = .success(try await body(site)) } catch { result = .failure(error) }
        for name in site.nodes.keys.sorted() { await site.stop(name) }
        try await site.group.shutdownGracefully()
        site.folder.remove()
        try result.get()
    }

    func directory(_ name: String) -> String { folder.path + "/" + name }

    /// Starts a node.
    /// - Parameters:
    ///   - seeds: its list, by name.
    ///   - place: whose folder and address it has; nil for its own.
    ///   - lonePause: see `FoundingSettings`.
    ///   - checkpointEntries: see `ReplicaSettings`.
    ///   - listeningPause: see `ClusterSettings`.
    ///   - configure: changes other settings.
    @discardableResult
    func start(
        _ name: String,
        seeds: [String],
        at place: String? = nil,
        lonePause: UInt64 = 0,
        checkpointEntries: UInt64 = 1_024,
        listeningPause: UInt64 = ClusterSettings.listeningPauseDefault,
        configure: (inout ClusterSettings) -> Void = { _ in }
    ) async throws -> Cluster {
        let place = place ?? name
        let list = try FoundingSeeds(
            seeds.map { FoundingSeed(name: $0, address: addresses[$0 == name ? place : $0] ?? "") }
        )
        var settings = ClusterSettings(
            name: name,
            directory: directory(place),
            seeds: list,
            peers: .init(listen: addresses[place] ?? "", tls: nil)
        )
        settings.replica.entriesKept = 16
        settings.replica.checkpointEntries = checkpointEntries
        settings.founding.lonePause = lonePause
        settings.listeningPause = listeningPause
        configure(&settings)
        let node = try await Cluster.start(
            settings,
            on: group.next(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        nodes[place] = node
        return node
    }

    /// Starts a node that is alone and listens for nobody.
    func startAlone(
        _ name: String,
        listeningPause: UInt64 = ClusterSettings.listeningPauseDefault
    ) async throws -> Cluster {
        var settings = try ClusterSettings.alone(name: name, directory: directory(name))
        settings.listeningPause = listeningPause
        let node = try await Cluster.start(
            settings,
            on: group.next(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        nodes[name] = node
        return node
    }

    func stop(_ name: String) async { await nodes.removeValue(forKey: name)?.stop() }

    /// Takes a node's disk.
    func wipe(_ name: String) { TestFolder.remove(directory(name)) }

    func node(_ name: String) throws -> Cluster { try #require(nodes[name]) }

    /// The name of who leads, once a node knows.
    func leader(seenBy name: String) async throws -> String {
        let node = try node(name)
        try await until { node.view.status?.leader != nil }
        return try #require(try await node.status(isStale: true).leader)
    }

    /// Looks until something holds, or a bound that a sound run never comes near.
    func until(
        sourceLocation: SourceLocation = #_sourceLocation,
        _ condition: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while try await !condition() {
            try #require(ContinuousClock.now < deadline, "it never came to be", sourceLocation: sourceLocation)
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Writes something into the log, so often.
    func write(_ name: String, times: Int) async throws {
        for _ in 0..<times { try await submit(name).get() }
    }

    /// Asks for something to be written into the log.
    func submit(_ name: String) throws -> EventLoopFuture<Void> {
        let loop = group.next()
        let node = try node(name)
        let promise = loop.makePromise(of: Void.self)
        loop.execute {
            let client = node.makeClient(on: loop)
            client.submit([.rotate(secret: [UInt8](repeating: 7, count: LedgerBounds.secretBytes))]) {
                promise.completeWith($0.map { _ in }.mapError { $0 as any Error })
            }
        }
        return promise.futureResult
    }
}
