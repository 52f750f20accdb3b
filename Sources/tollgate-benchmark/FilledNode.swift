import Cluster
import Glibc
import Ledger
import Logging
import NIOCore
import NIOPosix
import Wire

/// A node that is alone, with a folder whose snapshot holds many quotas.
///
/// It is founded by `tollgate serve`, filled by the library that it runs on, in this process, and then started as often as
/// one likes.
final class FilledNode {
    /// As many as a session may have without a result.
    private static let commandsAtOnce = 4_096

    private let program: String
    private let configuration: String
    private let data: String
    private let probePort: UInt16

    /// - Parameters:
    ///   - keys: quotas that are taken from, each of a client of its own.
    ///   - name: of its files in the folder.
    init(
        _ program: String,
        keys: Int,
        folder: TemporaryFolder,
        name: String = "filled"
    ) throws(BenchmarkError) {
        self.program = program
        data = "\(folder.path)/\(name)"
        let ports = try Loopback.freePorts(2)
        probePort = ports[1]
        configuration = try folder.write(
            "\(name).yaml",
            Self.configuration(data: data, gateway: ports[0], probes: ports[1], keys: keys)
        )
        // The first start founds the cluster and sets the limits.
        _ = try start()
        do { try fill(keys) } catch let error as BenchmarkError { throw error } catch {
            throw BenchmarkError("cannot fill a node: \(error)")
        }
    }

    /// Starts the node, waits until it is ready, and ends it.
    /// - Returns: seconds from before the process was there, and the quotas and the resident memory that it then had.
    func start() throws(BenchmarkError) -> (seconds: Double, keys: Int, residentBytes: Int) {
        let log = "\(configuration).log"
        let began = Clock.nanoseconds()
        let process = try ChildProcess(program, ["serve", "--config", configuration], output: log)
        try TollgateTrio.awaitReady(port: probePort, process, log: log)
        let seconds = Double(Clock.nanoseconds() - began) / 1e9
        let metrics = try Loopback.get("/metrics", port: probePort)
        let resident = Self.residentBytes(process.pid)
        process.stop()
        let keys = metrics.split(separator: "\n").first { $0.hasPrefix("tollgate_ledger_keys") }
        return (seconds, keys.flatMap { $0.split(separator: " ").last }.flatMap { Int($0) } ?? 0, resident)
    }

    /// As `/proc/PID/status` has it, in steps of 1,024; 0 where it cannot be read.
    private static func residentBytes(_ pid: pid_t) -> Int {
        let lines = File.read("/proc/\(pid)/status", bytesMax: 4_096)?.split(separator: "\n") ?? []
        let words = lines.first { $0.hasPrefix("VmRSS:") }?.split { $0 == " " || $0 == "\t" } ?? []
        return words.count > 1 ? (Int(words[1]) ?? 0) * 1_024 : 0
    }

    private func fill(_ keys: Int) throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { try? group.syncShutdownGracefully() }
        let loop = group.next()
        let settings = try ClusterSettings.alone(name: "a", directory: data)
        let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        let cluster = try loop.makeFutureWithTask {
            let cluster = try await Cluster.start(settings, on: loop, logger: logger)
            try await cluster.serving()
            return cluster
        }.wait()
        let client = try loop.submit { NIOLoopBound(cluster.makeClient(on: loop), eventLoop: loop) }.wait()
        for first in stride(from: 0, to: keys, by: Self.commandsAtOnce) {
            let numbers = first..<min(keys, first + Self.commandsAtOnce)
            let admitted = try loop.flatSubmit {
                let promise = loop.makePromise(of: Int.self)
                let commands = numbers.map { Self.charge(UInt64($0), client.value.facts.policies[0]) }
                client.value.submit(commands) { result in
                    promise.completeWith(result.map { $0.count(where: Self.isAdmitted) }.mapError { $0 as any Error })
                }
                return promise.futureResult
            }.wait()
            guard admitted == numbers.count else { throw BenchmarkError("a charge was refused") }
        }
        try loop.makeFutureWithTask {
            _ = try await cluster.compact()
            await cluster.stop()
        }.wait()
    }

    private static func charge(_ number: UInt64, _ policy: PolicyFacts) -> Command {
        // Keys are hashes: those of a sequence are as far apart as any.
        let key = QuotaKey(high: number &* 0x9E37_79B9_7F4A_7C15, low: number &* 0xD1B5_4A32_D192_ED03)
        let limit = LimitCharge(
            limit: policy.limits[0].id,
            key: key,
            fallback: QuotaKey(high: 0, low: 0),
            reserve: 0
        )
        return .charge(Charge(policy: policy.id, cost: 1, pass: nil, limits: [limit]))
    }

    private static func isAdmitted(_ result: CommandResult) -> Bool {
        if case .charged(.admitted) = result { true } else { false }
    }

    private static func configuration(data: String, gateway: UInt16, probes: UInt16, keys: Int) -> String {
        """
        node: { name: a, data: "\(data)" }
        listeners:
          - { address: "127.0.0.1:\(gateway)", check: caddy }
        probes: { address: "127.0.0.1:\(probes)" }
        routes:
          - { name: all, match: { path: "/*" }, policy: measured }
        policies:
          measured:
            consistency: strong
            onQuorumLoss: deny
            maxKeys: \(max(1_000, 2 * keys))
            free: { rate: 1/day, burst: 1000 }
        log: { level: notice, access: "off" }

        """
    }
}
