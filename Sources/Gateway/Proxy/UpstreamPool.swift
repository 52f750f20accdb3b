import DequeModule
import NIOCore
import NIOHTTP1
import NIOPosix
import Settings

/// The connections of one event loop to the servers of one upstream.
///
/// The connection used last is used next, so that what is not needed grows idle and closes. A server that cannot be
/// reached is passed over for the next one within the same request. Confined to its event loop.
final class UpstreamPool {
    /// Takes a connection, or learns why there is none; false when nobody wants it any more.
    typealias Completion = (Result<UpstreamConnection, UpstreamFailure>) -> Bool

    private let eventLoop: any EventLoop
    let settings: UpstreamSettings
    private var idle: [Idle] = []
    private var open: [ObjectIdentifier: UpstreamConnection] = [:]
    private var connecting = 0
    private var nextServer: Int
    private var isReaping = false
    /// Whether the configuration has moved on: what is lent is closed when it comes back.
    private(set) var isRetired = false

    private struct Idle {
        let connection: UpstreamConnection
        let until: NIODeadline
    }

    private let connectionsMax: Int
    /// Who waits for a connection to come back, oldest first; a number that never repeats names each.
    private var waiting: Deque<Waiting> = []
    private var waitingNumber: UInt64 = 0

    private struct Waiting {
        let number: UInt64
        let completion: Completion
    }

    /// - Parameter loops: among how many event loops the configured number of connections is shared.
    init(eventLoop: any EventLoop, settings: UpstreamSettings, firstServer: Int, loops: Int) {
        connectionsMax = max(1, settings.maxConnections * settings.servers.count / loops)
        self.eventLoop = eventLoop
        self.settings = settings
        nextServer = settings.servers.isEmpty ? 0 : firstServer % settings.servers.count
    }

    /// Lends a connection; the completion runs on the loop, at once where an idle one exists.
    ///
    /// - Parameter fresh: do not reuse: for the second try of a request whose reused connection had just been closed.
    func acquire(fresh: Bool = false, _ completion: @escaping Completion) {
        while !fresh, let last = idle.popLast() {
            if last.connection.isIdle, last.until > .now() {
                if !completion(.success(last.connection)) { released(last.connection) }
                return
            }
            last.connection.close()
        }
        if open.count + connecting >= connectionsMax {
            wait(completion)
            return
        }
        let first = nextServer
        nextServer = (nextServer + 1) % settings.servers.count
        connect(server: first, triesLeft: settings.servers.count, completion)
    }

    /// Waits for a connection as long as a connect may take.
    private func wait(_ completion: @escaping Completion) {
        guard waiting.count < connectionsMax * 4 else {
            _ = completion(.failure(.exhausted))
            return
        }
        waitingNumber += 1
        let number = waitingNumber
        waiting.append(Waiting(number: number, completion: completion))
        eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(settings.connectTimeoutNanoseconds)) { [weak self] in
            guard let self, let index = self.waiting.firstIndex(where: { $0.number == number }) else { return }
            _ = self.waiting.remove(at: index).completion(.failure(.exhausted))
        }
    }

    /// A place has become free: the next in line connects.
    private func serveWaiting() {
        guard open.count + connecting < connectionsMax, let next = waiting.popFirst() else { return }
        acquire(next.completion)
    }

    private func connect(
        server: Int,
        triesLeft: Int,
        _ completion: @escaping Completion
    ) {
        connecting += 1
        let connection = UpstreamConnection(
            pool: self,
            server: server,
            idleTimeout: .nanoseconds(settings.keepAliveTimeoutNanoseconds)
        )
        let bootstrap = ClientBootstrap(group: eventLoop)
            .channelOption(.maxMessagesPerRead, value: 4)
            .connectTimeout(.nanoseconds(settings.connectTimeoutNanoseconds))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let operations = channel.pipeline.syncOperations
                    var encoder = HTTPRequestEncoder.Configuration()
                    encoder.automaticallySetFramingHeaders = false
                    try operations.addHandler(HTTPRequestEncoder(configuration: encoder))
                    let decoder = HTTPResponseDecoder(
                        leftOverBytesStrategy: .dropBytes,
                        informationalResponseStrategy: .forward
                    )
                    try operations.addHandler(ByteToMessageHandler(decoder))
                }
            }
        let future: EventLoopFuture<any Channel>
        switch settings.servers[server] {
        case .address(let address, let port):
            future = bootstrap.connect(host: address.description, port: Int(port))
        case .name(let name, let port):
            future = bootstrap.connect(host: name, port: Int(port))
        case .unix(let path):
            future = bootstrap.connect(unixDomainSocketPath: path)
        }
        future.assumeIsolated().whenComplete { result in
            self.connecting -= 1
            switch result {
            case .success(let channel):
                do {
                    try channel.pipeline.syncOperations.addHandler(connection)
                    self.open[ObjectIdentifier(connection)] = connection
                    if !completion(.success(connection)) { self.released(connection) }
                } catch {
                    _ = completion(.failure(.unreachable("the connection closed at once")))
                }
            case .failure(let error):
                if triesLeft > 1 {
                    let next = (server + 1) % self.settings.servers.count
                    self.connect(server: next, triesLeft: triesLeft - 1, completion)
                    return
                }
                self.serveWaiting()
                if case .connectTimeout? = error as? ChannelError {
                    _ = completion(.failure(.connectTimeout))
                } else {
                    _ = completion(.failure(.unreachable("\(error)")))
                }
            }
        }
    }

    // MARK: From the connections

    func released(_ connection: UpstreamConnection) {
        while let next = waiting.popFirst() {
            if next.completion(.success(connection)) { return }
        }
        guard connection.idleTimeout > .zero, !isRetired else {
            connection.close()
            return
        }
        idle.append(Idle(connection: connection, until: .now() + connection.idleTimeout))
        scheduleReaping()
    }

    func closed(_ connection: UpstreamConnection) {
        guard open.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        idle.removeAll { $0.connection === connection }
        serveWaiting()
    }

    /// Closes all idle connections, as at the end.
    func closeIdle() {
        let idle = self.idle
        self.idle = []
        for entry in idle { entry.connection.close() }
    }

    /// Keeps no connection from now on. Requests that have it may still use it.
    func retire() {
        isRetired = true
        closeIdle()
    }

    private func scheduleReaping() {
        guard !isReaping, let oldest = idle.map(\.until).min() else { return }
        isReaping = true
        eventLoop.assumeIsolated().scheduleTask(deadline: oldest + .milliseconds(100)) { [weak self] in
            guard let self else { return }
            self.isReaping = false
            let now = NIODeadline.now()
            let expired = self.idle.filter { $0.until <= now }
            self.idle.removeAll { $0.until <= now }
            for entry in expired { entry.connection.close() }
            self.scheduleReaping()
        }
    }
}
