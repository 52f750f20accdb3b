import Glibc

/// Three nodes of etcd on loopback, as Debian ships it, and puts over its HTTP gateway.
final class EtcdTrio {
    /// Where clients meet each, the leader first.
    private(set) var ports: [UInt16]
    private var processes: [ChildProcess] = []
    private let folder: TemporaryFolder

    init(folder: TemporaryFolder) throws(BenchmarkError) {
        self.folder = folder
        let free = try Loopback.freePorts(6)
        ports = Array(free[..<3])
        let peers = (0..<3).map { "n\($0)=http://127.0.0.1:\(free[3 + $0])" }
        for node in 0..<3 {
            let client = "http://127.0.0.1:\(ports[node])"
            let peer = "http://127.0.0.1:\(free[3 + node])"
            processes.append(
                try ChildProcess(
                    "etcd",
                    [
                        "--name", "n\(node)", "--data-dir", "\(folder.path)/etcd-\(node)", "--log-level", "error",
                        "--listen-client-urls", client, "--advertise-client-urls", client,
                        "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                        "--initial-cluster", peers.joined(separator: ","), "--initial-cluster-token", "benchmark",
                    ],
                    output: log(node)
                )
            )
        }
        for node in 0..<3 { try Loopback.await(ports[node], from: processes[node], log: log(node)) }
        // Its listeners open when the cluster serves.
        let leader = try leader()
        ports = Array(ports[leader...] + ports[..<leader])
    }

    /// The processes first: they write into the folder as long as they live.
    deinit { for process in processes { process.stop() } }

    /// A put of 8 bytes, as many as a quota takes, under a key of 16 bytes, as long as a quota's.
    static func put(key: Int) -> [UInt8] {
        let digits = String(1_000_000 + key).dropFirst()
        // 16 and 8 bytes in base64.
        let body = "{\"key\":\"AAAAAAAAAAAAAA\(digits)AA==\",\"value\":\"AAAA\(digits)A=\"}"
        let head =
            "POST /v3/kv/put HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n"
        return Array((head + body).utf8)
    }

    private func log(_ node: Int) -> String { "\(folder.path)/etcd-\(node).log" }

    /// Which node says that it leads itself.
    private func leader() throws(BenchmarkError) -> Int {
        let body = "{}"
        let request =
            "POST /v3/maintenance/status HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        for _ in 0..<100 {
            for node in 0..<3 {
                var said = ""
                let clients = try HTTPClients(ports: [ports[node]], connections: 1)
                try clients.run { _ in
                    said.isEmpty ? Array(request.utf8) : nil
                } answered: {
                    said = String(decoding: $0.body, as: UTF8.self)
                    return !said.isEmpty
                }
                if let own = Self.number("member_id", said), own != "0", own == Self.number("leader", said) {
                    return node
                }
            }
            usleep(100_000)
        }
        throw BenchmarkError("etcd elects no leader; it said:\n\(File.read(log(0), bytesMax: 4_096) ?? "")")
    }

    /// The value of a member that is a number in quotation marks.
    private static func number(_ name: String, _ json: String) -> Substring? {
        let words = json.split(separator: "\"")
        guard let place = words.firstIndex(of: Substring(name)), place + 2 < words.count else { return nil }
        return words[place + 2]
    }
}
