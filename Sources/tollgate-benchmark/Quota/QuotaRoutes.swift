/// One gateway before an upstream, with a route that lets everybody by and one under a policy of each level that does not ask
/// the log.
final class QuotaRoutes {
    /// The first is let by.
    static let paths = ["/allowed", "/escrow", "/eventual"]

    private let upstream: ChildProcess
    private let gateway: ChildProcess
    private let port: UInt16

    init(_ program: String, folder: TemporaryFolder) throws(BenchmarkError) {
        let ports = try Loopback.freePorts(3)
        port = ports[0]
        let configuration = try folder.write(
            "routes-upstream.conf",
            ProxyContenders.upstreamConfiguration(port: ports[1], bodyBytes: 1_024, folder: folder)
        )
        let upstreamLog = "\(folder.path)/routes-upstream.log"
        upstream = try ChildProcess(
            "nginx",
            ["-e", "stderr", "-p", folder.path, "-c", configuration, "-g", "daemon off;"],
            output: upstreamLog
        )
        try Loopback.await(ports[1], from: upstream, log: upstreamLog)
        let file = try folder.write(
            "routes.yaml",
            Self.configuration(ports: ports, data: "\(folder.path)/routes")
        )
        let log = "\(file).log"
        gateway = try ChildProcess(program, ["serve", "--config", file], output: log)
        try TollgateTrio.awaitReady(port: ports[2], gateway, log: log)
        for path in Self.paths {
            let answer = try Loopback.get(path, port: port)
            guard answer.hasPrefix("HTTP/1.1 200 ") else { throw BenchmarkError("\(path) is answered by:\n\(answer)") }
        }
    }

    /// The processes first: they write into the folder as long as they live.
    deinit {
        gateway.stop()
        upstream.stop()
    }

    /// User CPU of a request, in microseconds.
    func cost(_ wrk: Wrk, _ path: String, seconds: Int) throws(BenchmarkError) -> Double {
        let before = try ProcessorTime.of(tree: gateway.pid)
        let run = try wrk.run(port: port, path: path, seconds: seconds)
        let spent = try ProcessorTime.of(tree: gateway.pid) - before
        return Double(spent.user) / Double(run.requests)
    }

    private static func configuration(ports: [UInt16], data: String) -> String {
        let limits = "free: { rate: 1000000/s, burst: 100000000 }"
        return """
            node: { name: a, data: "\(data)" }
            listeners:
              - { address: "127.0.0.1:\(ports[0])", client: { from: peer } }
            probes: { address: "127.0.0.1:\(ports[2])" }
            upstreams:
              app: { servers: ["127.0.0.1:\(ports[1])"] }
            routes:
              - { name: allowed, match: { path: "/allowed" }, upstream: app, allow: true }
              - { name: escrow, match: { path: "/escrow" }, upstream: app, policy: escrow }
              - { name: eventual, match: { path: "/eventual" }, upstream: app, policy: eventual }
            policies:
              escrow: { consistency: escrow, \(limits) }
              eventual: { consistency: eventual, \(limits) }
            log: { level: warning, access: "off" }

            """
    }
}
