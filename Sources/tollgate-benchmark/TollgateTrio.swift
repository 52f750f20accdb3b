import Glibc

/// Three nodes of Tollgate on loopback, one cluster, each with a check listener whose policy decides `strong`, or as told.
final class TollgateTrio {
    static let names = ["a", "b", "c"]
    /// Of the challenges: sixteen rounds of 16 hashes each, so that solving them beforehand takes no time.
    static let rounds = 16
    static let difficulty = 256
    /// Requests a second that both limits admit: more than any machine serves, so that each request is a committed charge.
    private static let admittedPerSecond = 1_000_000

    private let program: String
    private let folder: TemporaryFolder
    private let environment: [String: String]
    private let gatewayPorts: [UInt16]
    private let probePorts: [UInt16]
    private var configurations: [String] = []
    private var processes: [ChildProcess?] = [nil, nil, nil]

    /// What decides.
    struct Policy {
        var consistency = "strong"
        /// The limit of those that do not work, as in a configuration.
        var free = "{ rate: \(TollgateTrio.admittedPerSecond)/s, burst: \(TollgateTrio.admittedPerSecond) }"
    }

    /// - Parameters:
    ///   - name: of its files in the folder.
    ///   - policy: which decides at all of them.
    ///   - environment: variables that the nodes get beside those of the benchmark.
    init(
        _ program: String,
        name: String,
        policy: Policy = Policy(),
        environment: [String: String] = [:],
        folder: TemporaryFolder
    ) throws(BenchmarkError) {
        self.program = program
        self.folder = folder
        self.environment = environment
        let ports = try Loopback.freePorts(9)
        gatewayPorts = Array(ports[..<3])
        probePorts = Array(ports[3..<6])
        for node in 0..<3 {
            configurations.append(
                try folder.write(
                    "\(name)-\(Self.names[node]).yaml",
                    Self.configuration(
                        node: node,
                        policy: policy,
                        data: "\(folder.path)/\(name)-\(Self.names[node])",
                        gateway: ports[node],
                        probes: ports[3 + node],
                        peers: Array(ports[6...])
                    )
                )
            )
        }
        for node in 0..<3 { try start(node) }
        for node in 0..<3 { try awaitReady(node) }
    }

    /// The processes first: they write into the folder as long as they live.
    deinit { for process in processes { process?.stop() } }

    /// Where clients meet each, the leader first.
    func ports() throws(BenchmarkError) -> [UInt16] {
        let leader = try leader()
        return Array(gatewayPorts[leader...] + gatewayPorts[..<leader])
    }

    /// Where clients meet a node.
    func port(of node: Int) -> UInt16 { gatewayPorts[node] }

    /// Starts a node that does not run.
    func start(_ node: Int) throws(BenchmarkError) {
        processes[node] = try ChildProcess(
            program,
            ["serve", "--config", configurations[node]],
            environment: environment,
            output: log(node)
        )
    }

    /// Ends a node as a crash does.
    func crash(_ node: Int) { processes[node]?.crash() }

    /// Waits until a node says that it answers, and that a majority is there.
    func awaitReady(_ node: Int) throws(BenchmarkError) {
        guard let process = processes[node] else { return }
        try Self.awaitReady(port: probePorts[node], process, log: log(node))
    }

    /// Waits until a process says so on its probe listener.
    static func awaitReady(port: UInt16, _ process: ChildProcess, log: String) throws(BenchmarkError) {
        let deadline = Clock.nanoseconds() + 60_000_000_000
        while process.isRunning, Clock.nanoseconds() < deadline {
            if let answer = try? Loopback.get("/readyz?quorum=1", port: port), answer.hasPrefix("HTTP/1.1 200") {
                return
            }
            usleep(2_000)
        }
        throw BenchmarkError("\(process.name) is not ready; it said:\n\(File.read(log, bytesMax: 4_096) ?? "")")
    }

    /// Which node leads. Waits for an election.
    func leader() throws(BenchmarkError) -> Int {
        for _ in 0..<1_000 {
            for node in 0..<3 where processes[node]?.isRunning ?? false {
                let metrics = (try? Loopback.get("/metrics", port: probePorts[node])) ?? ""
                if metrics.contains("\ntollgate_raft_role{role=\"leader\"} 1\n") { return node }
            }
            usleep(10_000)
        }
        throw BenchmarkError("no node leads; one said:\n\(File.read(log(0), bytesMax: 4_096) ?? "")")
    }

    private func log(_ node: Int) -> String { "\(configurations[node]).log" }
}

/// Configurations and requests.
extension TollgateTrio {
    /// What a proxy in front asks about a request of one of many clients.
    static func question(client: Int) -> [UInt8] {
        Array(
            ("GET /.well-known/tollgate/check HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-Method: GET\r\n"
                + "X-Forwarded-Proto: http\r\nX-Forwarded-Host: example.com\r\nX-Forwarded-Uri: /\r\n"
                + "X-Forwarded-For: \(address(client: client))\r\n\r\n").utf8
        )
    }

    /// The address of one of 16 million clients.
    static func address(client: Int) -> String { "10.\(client >> 16 & 255).\(client >> 8 & 255).\(client & 255)" }

    private static func configuration(
        node: Int,
        policy: Policy,
        data: String,
        gateway: UInt16,
        probes: UInt16,
        peers: [UInt16]
    ) -> String {
        let seeds = zip(names, peers).map { "\($0): \"127.0.0.1:\($1)\"" }.joined(separator: ", ")
        return """
            node: { name: \(names[node]), data: "\(data)" }
            cluster:
              listen: "127.0.0.1:\(peers[node])"
              advertise: "127.0.0.1:\(peers[node])"
              seeds: { \(seeds) }
              tls: off
            listeners:
              - { address: "127.0.0.1:\(gateway)", check: caddy }
            probes: { address: "127.0.0.1:\(probes)" }
            routes:
              - { name: all, match: { path: "/*" }, policy: measured }
            policies:
              measured:
                consistency: \(policy.consistency)
                onQuorumLoss: deny
                free: \(policy.free)
                ceiling: { rate: \(admittedPerSecond)/s, burst: \(admittedPerSecond) }
                work: { difficulty: \(difficulty), rounds: \(rounds) }
            log: { level: notice, access: "off" }

            """
    }
}
