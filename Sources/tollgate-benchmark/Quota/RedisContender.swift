import Glibc

/// One Redis that counts requests of a window with a script and keeps its file in step with the disk.
final class RedisContender {
    private let process: ChildProcess
    private let port: UInt16
    private let digest: String

    /// Counts a request, begins the window with the first, and says whether there is room.
    private static let script = """
        local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
        return count <= tonumber(ARGV[1]) and 1 or 0
        """

    init(folder: TemporaryFolder) throws(BenchmarkError) {
        guard ChildProcess.find("redis-server") != nil else {
            throw BenchmarkError("redis-server is missing: apt-get install redis-server")
        }
        port = try Loopback.freePorts(1)[0]
        let log = "\(folder.path)/redis.log"
        process = try ChildProcess(
            "redis-server",
            [
                "--port", "\(port)", "--bind", "127.0.0.1", "--dir", folder.path, "--save", "", "--appendonly", "yes",
                "--appendfsync", "always",
            ],
            output: log
        )
        try Loopback.await(port, from: process, log: log)
        let connection = try RedisConnection(port: port)
        digest = try connection.load(Self.script)
    }

    deinit { process.stop() }

    /// Decides over some connections, each with a number of requests on their way, for a while.
    /// - Returns: decisions a second, and nanoseconds of its processor time for each.
    func cost(
        _ spread: QuotaKeySequence.Spread,
        connections count: Int,
        open: Int,
        milliseconds: UInt64
    ) throws(BenchmarkError) -> (perSecond: Double, nanoseconds: Double) {
        var connections: [RedisConnection] = []
        var keys: [QuotaKeySequence] = []
        for place in 0..<count {
            connections.append(try RedisConnection(port: port))
            keys.append(QuotaKeySequence(spread, seed: UInt64(place) + 1))
        }
        for place in 0..<count {
            try connections[place].ask(digest, (0..<open).map { _ in keys[place].take() })
        }
        let spent = ProcessorTime.ofThreads(named: "redis-server", inTree: process.pid)
        let began = Clock.nanoseconds()
        let end = began + milliseconds * 1_000_000
        var decided: UInt64 = 0
        while Clock.nanoseconds() < end {
            for place in 0..<count {
                // As many new ones as answers have come: the number on their way stays.
                let answers = try connections[place].answers()
                decided += UInt64(answers)
                try connections[place].ask(digest, (0..<answers).map { _ in keys[place].take() })
            }
        }
        let elapsed = Double(Clock.nanoseconds() - began)
        let cost = ProcessorTime.ofThreads(named: "redis-server", inTree: process.pid) - spent
        guard decided > 0 else { throw BenchmarkError("redis-server decided nothing") }
        return (Double(decided) * 1e9 / elapsed, Double(cost) / Double(decided))
    }
}

/// A connection that speaks as much RESP as the script needs. One thread.
final class RedisConnection {
    private let descriptor: Int32
    private var received: [UInt8] = []
    private var buffer = [UInt8](repeating: 0, count: 65_536)

    init(port: UInt16) throws(BenchmarkError) {
        guard let descriptor = Loopback.connected(port) else { throw .system("cannot connect to redis-server") }
        self.descriptor = descriptor
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(descriptor) }

    /// Has it learn a script.
    /// - Returns: what the script is called by.
    func load(_ script: String) throws(BenchmarkError) -> String {
        try send(Self.command(["SCRIPT", "LOAD", script]))
        // A bulk string: its length, 40, and the text.
        while received.count(where: { $0 == UInt8(ascii: "\n") }) < 2 { try receive() }
        defer { received = [] }
        guard received.starts(with: "$40\r\n".utf8), received.count == 47 else {
            throw BenchmarkError("redis-server says to the script: \(String(decoding: received, as: UTF8.self))")
        }
        return String(decoding: received[5..<45], as: UTF8.self)
    }

    /// Asks for decisions, together.
    func ask(_ digest: String, _ clients: [UInt32]) throws(BenchmarkError) {
        guard !clients.isEmpty else { return }
        var bytes: [UInt8] = []
        for client in clients {
            bytes += Self.command(["EVALSHA", digest, "1", "client:\(client)", "1000000000", "60000"])
        }
        try send(bytes)
    }

    /// Waits for answers.
    /// - Returns: how many came; each must be yes.
    func answers() throws(BenchmarkError) -> Int {
        try receive()
        var count = 0
        var offset = 0
        while received.count - offset >= 4 {
            guard received[offset..<offset + 4].elementsEqual(":1\r\n".utf8) else {
                throw BenchmarkError(
                    "redis-server answers \(String(decoding: received[offset...].prefix(80), as: UTF8.self))"
                )
            }
            offset += 4
            count += 1
        }
        received.removeFirst(offset)
        return count
    }

    private func receive() throws(BenchmarkError) {
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { throw .system("redis-server does not answer") }
        received += buffer[..<count]
    }

    private func send(_ bytes: [UInt8]) throws(BenchmarkError) {
        var offset = 0
        while offset < bytes.count {
            let sent = bytes[offset...].withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, 0) }
            guard sent > 0 else { throw .system("cannot send to redis-server") }
            offset += sent
        }
    }

    private static func command(_ words: [String]) -> [UInt8] {
        var text = "*\(words.count)\r\n"
        for word in words { text += "$\(word.utf8.count)\r\n\(word)\r\n" }
        return Array(text.utf8)
    }
}
