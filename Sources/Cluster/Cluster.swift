import CSodium
import Ledger
import Logging
import NIOConcurrencyHelpers
import NIOCore
import Quota
import RaftStorage
import RaftTransport
import Replica
import Wire

/// This node's part in the cluster: its replica on real files, a loop and sockets.
///
/// Any thread may call its methods.
public final class Cluster: Sendable {
    /// This node's name.
    public let name: String
    let loop: any EventLoop
    let driver: NIOLoopBound<NodeDriver>
    let transport: NIOLoopBound<PeerTransport>?
    let shared: SharedNode
    let log: LogThread
    private let lock: DirectoryLock
    private let viewBox: NIOLockedValueBox<ClusterView>
    private let clientCommandsMax: Int
    /// What ``stop()`` does.
    private let ending = NIOLockedValueBox<Task<Void, Never>?>(nil)
    /// Taken by whoever makes a backup.
    let backups = BackupDesk()
    /// Where it listens for peers; nil where it listens for nobody.
    public let peerAddress: SocketAddress?

    private init(
        name: String,
        loop: any EventLoop,
        driver: NIOLoopBound<NodeDriver>,
        transport: NIOLoopBound<PeerTransport>?,
        shared: SharedNode,
        log: LogThread,
        lock: DirectoryLock,
        view: NIOLockedValueBox<ClusterView>,
        peerAddress: SocketAddress?,
        clientCommandsMax: Int
    ) {
        self.clientCommandsMax = clientCommandsMax
        self.name = name
        self.loop = loop
        self.driver = driver
        self.transport = transport
        self.shared = shared
        self.log = log
        self.lock = lock
        viewBox = view
        self.peerAddress = peerAddress
    }

    /// How this node stands.
    public var view: ClusterView { viewBox.withLockedValue { $0 } }

    // MARK: - Start

    /// Opens the node's folder and begins: to found a cluster, to wait for one, or to go on in it.
    /// - Parameters:
    ///   - loop: the replica's; it runs nothing else that takes long.
    ///   - ended: called once, on the loop, if the node ends by itself: the process should.
    /// - Throws: ``ClusterError``.
    public static func start(
        _ settings: ClusterSettings,
        on loop: any EventLoop,
        logger: Logger,
        ended: @escaping @Sendable (StopReason) -> Void = { _ in }
    ) async throws -> Cluster {
        for seed in settings.seeds.seeds {
            guard Hello.isName(seed.name) else { throw ClusterError.seeds(.badName(seed.name)) }
            guard Hello.isName(seed.address) else { throw ClusterError.seeds(.badAddress(seed.address)) }
        }
        if let tls = settings.peers?.tls { try check(tls, of: settings.name) }
        let lock = try DirectoryLock(directory: settings.directory)
        if let mode = lock.openMode {
            logger.warning(
                "others may look into the data folder, which holds secrets",
                metadata: ["mode": "\(mode)", "remedy": "chmod 700 \(settings.directory)"]
            )
        }
        try Recovery.checkFinished(directory: settings.directory)
        let view = NIOLockedValueBox(ClusterView())
        let parts = try await loop.submit {
            try Parts(settings, loop: loop, view: view, logger: logger, ended: ended)
        }.get()
        var address: SocketAddress?
        if let transport = parts.transport {
            do {
                address = try await loop.flatSubmit { transport.value.start() }.get()
            } catch {
                try? await loop.flatSubmit { transport.value.shutdown() }.get()
                try? await parts.log.close()
                throw (error as? TransportError).map { ClusterError.transport($0) } ?? error
            }
        }
        try await loop.submit {
            parts.driver.value.start(parts.transport?.value)
            parts.driver.value.watchCertificate()
        }.get()
        return Cluster(
            name: settings.name,
            loop: loop,
            driver: parts.driver,
            transport: parts.transport,
            shared: parts.shared,
            log: parts.log,
            lock: lock,
            view: view,
            peerAddress: address,
            clientCommandsMax: settings.clientCommandsMax
        )
    }

    /// Who is told of what the log did. The driver holds the log, so the log does not hold the driver.
    private final class LogListener {
        weak var driver: NodeDriver?
    }

    /// What is made on the loop.
    private struct Parts: Sendable {
        let driver: NIOLoopBound<NodeDriver>
        let transport: NIOLoopBound<PeerTransport>?
        let shared: SharedNode
        let log: LogThread

        init(
            _ settings: ClusterSettings,
            loop: any EventLoop,
            view: NIOLockedValueBox<ClusterView>,
            logger: Logger,
            ended: @escaping @Sendable (StopReason) -> Void
        ) throws(ClusterError) {
            let opened: (storage: LogThread.Storage, start: NodeStart<Ledger>)
            do throws(StorageError) {
                opened = try LogThread.Storage.open(
                    directory: settings.directory,
                    node: settings.name,
                    files: PosixFileSystem(),
                    settings: settings.storage,
                    genesis: { Ledger(genesis: $0.genesis) }
                )
            } catch .damaged(let damage) {
                throw .damaged(damage, directory: settings.directory, node: settings.name)
            } catch { throw .storage(error) }
            let drawn = ReplicaID(high: Randomness.word(), low: Randomness.word())
            var replica = settings.replica
            replica.beginsHeldBack = settings.peers != nil
            let node: Node<Ledger>
            do throws(FoundingRefusal) {
                node = try Node(
                    configuration: NodeConfiguration(
                        name: settings.name,
                        seeds: settings.seeds,
                        founding: settings.founding,
                        replica: replica
                    ),
                    start: opened.start,
                    candidate: FoundingCandidate(
                        cluster: ClusterID(high: Randomness.word(), low: Randomness.word()),
                        secret: Randomness.bytes(LedgerBounds.secretBytes)
                    ),
                    drawn: drawn,
                    now: SystemClocks.boot(),
                    wall: SystemClocks.wall(),
                    seed: Randomness.word()
                )
            } catch {
                var storage = opened.storage
                storage.close()
                throw .seeds(error)
            }
            let book = PeerBook(own: settings.name, seeds: settings.seeds)
            let identity = PeerAdmission(name: book.own, address: book.ownAddress, drawn: drawn, node: node).identity
            shared = SharedNode(node)
            let listener = NIOLoopBound(LogListener(), eventLoop: loop)
            log = LogThread(storage: opened.storage) { completions, _ in
                loop.execute { listener.value.driver?.completed(completions) }
            }
            let driver = NodeDriver(
                loop: loop,
                shared: shared,
                log: log,
                view: view,
                book: book,
                lone: LoneMember(
                    own: settings.name,
                    seeds: settings.seeds,
                    hasPeers: settings.peers != nil,
                    isRecovered: opened.start.record?.isOfRecovery ?? false,
                    listensUntil: SystemClocks.boot().adding(nanoseconds: settings.listeningPause)
                ),
                held: HeldSubmissions(settings.replica),
                drawn: drawn,
                logger: logger
            )
            driver.ended = ended
            self.driver = NIOLoopBound(driver, eventLoop: loop)
            listener.value.driver = driver
            transport = settings.peers.map { peers in
                let transport = PeerTransport(
                    eventLoop: loop,
                    identity: identity,
                    listen: peers.listen,
                    tls: peers.tls,
                    settings: Cluster.transportSettings,
                    logger: logger,
                    authorize: { hello, _ in driver.objection(to: hello) },
                    events: { driver.happened($0) }
                )
                return NIOLoopBound(transport, eventLoop: loop)
            }
        }
    }

    /// What peers may send is what a node can read.
    static var transportSettings: TransportSettings {
        var settings = TransportSettings()
        settings.allow(payloadBytesMax: NodeMessage.encodedBytesMax)
        return settings
    }

    /// Waits until the node has a state, and returns the ledger's facts in it. It needs no majority where there is one on
    /// the disk.
    /// - Throws: ``ClusterError/stopped(_:)``, ``ClusterError/closed``.
    public func firstFacts() async throws -> LedgerFacts {
        try await loop.flatSubmit { [driver] in driver.value.firstFacts() }.get()
    }

    /// How much the ledger holds; nil while there is no state. Any thread.
    public var counts: LedgerCounts? { shared.withNode { node in node.withReplica { $0.machine?.counts } ?? nil } }

    /// Waits until the node has a state and a majority that decides.
    /// - Throws: ``ClusterError/stopped(_:)``.
    public func serving() async throws {
        try await loop.flatSubmit { [driver] in driver.value.serving() }.get()
        if let reason = view.stopped { throw ClusterError.stopped(reason) }
        if try await loop.submit({ [driver] in driver.value.isStopped }).get() { throw ClusterError.closed }
    }

    /// Has this node keep its state on disk soon, so that its next start begins with it. Any thread.
    public func requestSnapshot() { loop.execute { [driver] in driver.value.compact() } }

    // MARK: - Clients

    /// A client for one event loop, to be used there only. Call it there.
    /// - Precondition: ``serving()`` has returned.
    public func makeClient(on eventLoop: any EventLoop) -> any LedgerClient {
        guard let facts = view.facts else { preconditionFailure("the node has no state yet") }
        let client = ClusterLedgerClient(
            eventLoop: eventLoop,
            driver: driver,
            shared: shared,
            view: viewBox,
            facts: facts,
            commandsMax: clientCommandsMax
        )
        client.listen()
        return client
    }

    /// The way to the other gateways, for one event loop, to be used there only. Call it there. Of several that are made the
    /// last one that listens is told what happens.
    /// - Precondition: ``serving()`` or ``firstFacts()`` has returned.
    public func makeQuotaPeers(on eventLoop: any EventLoop) -> any QuotaPeers {
        guard let status = view.status else { preconditionFailure("the node has no state yet") }
        return ClusterQuotaPeers(eventLoop: eventLoop, driver: driver, replica: status.id)
    }

    // MARK: - The end

    /// How long what waits may still be answered.
    private static var drainTimeout: TimeAmount { .seconds(2) }

    /// Ends: another leads first, where this node does and there is one; what was asked is answered, within
    /// 2 seconds; what still waits is answered by `stopped`. The folder is free afterwards.
    ///
    /// It ends once, however often this is called: all calls return then.
    public func stop() async {
        let task = ending.withLockedValue { ending in
            let task = ending ?? Task { await self.end() }
            ending = task
            return task
        }
        await task.value
    }

    private func end() async {
        await handOver()
        try? await loop.flatSubmit { [driver] in driver.value.idle(within: Self.drainTimeout) }.get()
        try? await loop.submit { [driver] in driver.value.stop() }.get()
        if let transport { try? await loop.flatSubmit { transport.value.shutdown() }.get() }
        try? await log.close()
        lock.release()
    }
}

/// Random numbers of the system's, for ids and secrets.
enum Randomness {
    static func bytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        randombytes_buf(&bytes, count)
        return bytes
    }

    static func word() -> UInt64 {
        var word: UInt64 = 0
        randombytes_buf(&word, MemoryLayout<UInt64>.size)
        return word
    }
}
