import Glibc

/// A proxy that is measured.
struct ProxyContender {
    let name: String
    let port: UInt16
    let process: ChildProcess

    /// What the work of one round has cost, divided by its requests.
    struct Cost {
        let userMicroseconds: Double
        let systemMicroseconds: Double
        let requestsPerSecond: Double
    }

    /// One round of load.
    func cost(_ wrk: Wrk, seconds: Int) throws(BenchmarkError) -> Cost {
        let before = try ProcessorTime.of(tree: process.pid)
        let run = try wrk.run(port: port, seconds: seconds)
        let spent = try ProcessorTime.of(tree: process.pid) - before
        let requests = Double(run.requests)
        return Cost(
            userMicroseconds: Double(spent.user) / requests,
            systemMicroseconds: Double(spent.system) / requests,
            requestsPerSecond: requests / run.seconds
        )
    }
}

/// Starts the upstream and the two proxies before it, set up to do the same work:
///
///     wrk → tollgate ─┐
///                     ├→ upstream (nginx, one worker, a constant body)
///     wrk → nginx ────┘
///
/// Both keep connections to both sides, charge two limits of the client's address that admit everything, forward the
/// client's address, scheme and host, make a request id for the upstream and the response, and log nothing.
final class ProxyContenders {
    /// Requests a second that both limits admit: more than any machine serves, so that all is counted, nothing refused.
    static let admittedPerSecond = 1_000_000

    let upstream: ProxyContender
    let tollgate: ProxyContender
    let nginx: ProxyContender
    /// Threads of the one, processes of the other.
    let workers: Int
    private let folder: TemporaryFolder

    init(tollgatePath: String, bodyBytes: Int, folder: TemporaryFolder) throws(BenchmarkError) {
        self.folder = folder
        let ports = try Loopback.freePorts(3)
        upstream = try Self.startNginx(
            "upstream",
            port: ports[0],
            configuration: Self.upstreamConfiguration(port: ports[0], bodyBytes: bodyBytes, folder: folder),
            folder: folder
        )
        tollgate = try Self.startTollgate(tollgatePath, port: ports[1], upstream: ports[0], folder: folder)
        workers = Self.eventLoops(of: tollgate.process.pid)
        nginx = try Self.startNginx(
            "nginx",
            port: ports[2],
            configuration: Self.proxyConfiguration(
                port: ports[2],
                upstream: ports[0],
                workers: workers,
                folder: folder
            ),
            folder: folder
        )
        for contender in [tollgate, nginx] { try Self.check(contender, bodyBytes: bodyBytes) }
    }

    /// The processes first: they write into the folder as long as they live.
    deinit {
        for contender in [tollgate, nginx, upstream] { contender.process.stop() }
    }

    // MARK: Starting

    private static func startTollgate(
        _ path: String,
        port: UInt16,
        upstream: UInt16,
        folder: TemporaryFolder
    ) throws(BenchmarkError) -> ProxyContender {
        let file = try folder.write("tollgate.yaml", tollgateConfiguration(port: port, upstream: upstream))
        let log = "\(folder.path)/tollgate.log"
        let process = try ChildProcess(path, ["serve", "--config", file], output: log)
        try Loopback.await(port, from: process, log: log)
        return ProxyContender(name: "tollgate", port: port, process: process)
    }

    private static func startNginx(
        _ name: String,
        port: UInt16,
        configuration: String,
        folder: TemporaryFolder
    ) throws(BenchmarkError) -> ProxyContender {
        let file = try folder.write("\(name).conf", configuration)
        let log = "\(folder.path)/\(name).log"
        let process = try ChildProcess(
            "nginx",
            ["-e", "stderr", "-p", folder.path, "-c", file, "-g", "daemon off;"],
            output: log
        )
        try Loopback.await(port, from: process, log: log)
        return ProxyContender(name: name, port: port, process: process)
    }

    /// How many threads serve connections: what `tollgate` calls its event loops in `/proc`.
    private static func eventLoops(of pid: pid_t) -> Int {
        let loops = ProcessTree.threads(of: pid).count { $0.name.hasPrefix("NIO-ELT-") }
        return loops > 0 ? loops : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

    /// One request, to see that what is measured is what is meant: the upstream's answer, and admission at work.
    private static func check(_ contender: ProxyContender, bodyBytes: Int) throws(BenchmarkError) {
        let answer = try Loopback.get("/", port: contender.port)
        let parts = answer.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        let head = parts[0].lowercased()
        guard head.hasPrefix("http/1.1 200 "), parts.count == 2, parts[1].utf8.count == bodyBytes else {
            throw BenchmarkError("\(contender.name) does not answer as the upstream does:\n\(answer)")
        }
        guard head.contains("\r\nx-request-id: ") else {
            throw BenchmarkError("\(contender.name) adds no request id:\n\(answer)")
        }
        if contender.name == "tollgate", !head.contains("\r\nratelimit: ") {
            throw BenchmarkError("tollgate answers without having counted the request:\n\(answer)")
        }
    }
}

/// Configurations.
extension ProxyContenders {
    static func tollgateConfiguration(port: UInt16, upstream: UInt16) -> String {
        """
        listeners:
          - { address: "127.0.0.1:\(port)", client: { from: peer } }
        upstreams:
          app: { servers: ["127.0.0.1:\(upstream)"] }
        routes:
          - { name: all, match: { path: "/*" }, upstream: app, policy: measured }
        policies:
          measured:
            free: { rate: \(admittedPerSecond)/s, burst: \(admittedPerSecond) }
            ceiling: { rate: \(admittedPerSecond)/s, burst: \(admittedPerSecond) }
        log: { level: warning, access: "off" }

        """
    }

    static func proxyConfiguration(port: UInt16, upstream: UInt16, workers: Int, folder: TemporaryFolder) -> String {
        let rate = "rate=\(admittedPerSecond)r/s"
        let burst = "burst=\(admittedPerSecond) nodelay"
        return configuration(
            name: "nginx",
            workers: workers,
            folder: folder,
            http: """
                limit_req_zone $binary_remote_addr zone=free:10m \(rate);
                limit_req_zone $binary_remote_addr zone=ceiling:10m \(rate);
                upstream app {
                    server 127.0.0.1:\(upstream);
                    keepalive 64;
                    keepalive_requests 1000000000;
                }
                server {
                    listen 127.0.0.1:\(port) reuseport;
                    location / {
                        limit_req zone=free \(burst);
                        limit_req zone=ceiling \(burst);
                        proxy_pass http://app;
                        proxy_http_version 1.1;
                        proxy_set_header Connection "";
                        proxy_set_header Host $http_host;
                        proxy_set_header X-Forwarded-For $remote_addr;
                        proxy_set_header X-Forwarded-Proto $scheme;
                        proxy_set_header X-Forwarded-Host $http_host;
                        proxy_set_header X-Request-Id $request_id;
                        add_header X-Request-Id $request_id;
                    }
                }
                """
        )
    }

    static func upstreamConfiguration(port: UInt16, bodyBytes: Int, folder: TemporaryFolder) -> String {
        configuration(
            name: "upstream",
            workers: 1,
            folder: folder,
            http: """
                server {
                    listen 127.0.0.1:\(port);
                    location / {
                        default_type text/plain;
                        return 200 "\(String(repeating: "x", count: bodyBytes))";
                    }
                }
                """
        )
    }

    /// What all of nginx's have in common: nothing outside the folder, no log, connections that last.
    private static func configuration(name: String, workers: Int, folder: TemporaryFolder, http: String) -> String {
        // The workers of a master that runs as root would become nobody, who may not enter the folder.
        let user = geteuid() == 0 ? "user root;\n" : ""
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map { "\($0)_temp_path \(folder.path)/\(name)-\($0);" }.joined(separator: "\n")
        return """
            \(user)worker_processes \(workers);
            pid \(folder.path)/\(name).pid;
            error_log stderr error;
            events { worker_connections 4096; }
            http {
            \(temporary)
            access_log off;
            keepalive_requests 1000000000;
            \(http)
            }

            """
    }
}
