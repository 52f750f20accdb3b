import ArgumentParser
import Gateway
import Logging
import NIOCore
import NIOPosix
import Settings

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run a gateway on loopback with a sample site behind it, to try everything at once.",
        discussion: "Nothing is installed or kept. Stop it with Ctrl-C."
    )

    /// So many are told apart at a glance, and start in a moment.
    static let nodesMax = 7

    @Option(help: "Nodes to run, 1 to \(nodesMax): one gateway on as many ports.")
    var nodes = 1

    @Option(help: "The first gateway's port, the others follow; 0 chooses free ones.")
    var port: UInt16 = 8080

    func validate() throws {
        guard (1...Self.nodesMax).contains(nodes) else {
            throw ValidationError("--nodes takes 1 to \(Self.nodesMax).")
        }
        guard Int(port) + nodes <= 65_536 else { throw ValidationError("There are no ports above 65535.") }
    }

    func run() async throws {
        let upstream = try await SampleUpstream.start()
        defer { upstream.stop() }
        let log = NodeLog(logSettings)
        let lifeCycle: LifeCycle
        let folder: TemporaryFolder
        do {
            // From here on a signal is no end without cleaning up; before, there is nothing to clean up.
            lifeCycle = try LifeCycle(load: nil, logging: log, endsAtHangUp: true)
            folder = try TemporaryFolder(prefix: "tollgate-demo")
        } catch {
            Terminal.error("error: \(error)")
            throw ExitCode(1)
        }
        defer { folder.remove() }
        var started: [Node] = []
        do {
            let peers = try Self.peers(nodes)
            for (index, peer) in peers.enumerated() {
                let text = Self.configurationText(
                    name: peer.name,
                    peers: peers,
                    port: port == 0 ? 0 : port + UInt16(index),
                    upstreamPort: upstream.port,
                    folder: folder.path
                )
                let loaded = try Configuration.parse(text: text, file: "demo.yaml")
                var logger = log.logger
                if nodes > 1 { logger[metadataKey: "node"] = "\(peer.name)" }
                started.append(try await Node.start(loaded.configuration, logger: logger))
            }
            let nodes = started
            let cutShort: @Sendable () -> Void = { folder.remove() }
            try await lifeCycle.run(nodes, files: [], cutShort: cutShort) {
                Self.introduce(nodes, command: RunningProgram.command)
            }
        } catch {
            for node in started { await node.stop(deadline: .zero) }
            let remedy = error is ListenError ? "; for example: \(RunningProgram.command) demo --port 0" : ""
            Terminal.error("error: \(error)\(remedy)")
            throw ExitCode(1)
        }
    }

    /// What a newcomer must know; in a cluster, not that nodes wait for one another while they start.
    private var logSettings: LogSettings {
        LogSettings(level: nodes > 1 ? .error : .warning, format: .text)
    }

    /// A node and where its peers meet it.
    private struct Peer {
        var name: String
        var port: Int
    }

    /// Names and free ports.
    private static func peers(_ count: Int) throws -> [Peer] {
        if count == 1 { return [Peer(name: "demo", port: 0)] }
        let ports = try FreePorts.onLoopback(count)
        return zip("abcdefg", ports).map { Peer(name: String($0), port: $1) }
    }

    /// The API gives some requests free, as is usual. The site gives none, so that a newcomer sees the challenge at the
    /// first page instead of after many.
    ///
    /// There is no access log, for the terminal is the newcomer's; `explain` tells what it would.
    private static func configurationText(
        name: String,
        peers: [Peer],
        port: UInt16,
        upstreamPort: Int,
        folder: String
    ) -> String {
        let seeds = peers.map { "\($0.name): \"127.0.0.1:\($0.port)\"" }.joined(separator: ", ")
        return """
            node: { name: \(name), data: "\(folder)/\(name)" }
            \(peers.count > 1 ? "cluster: { seeds: { \(seeds) }, tls: off }" : "")
            listeners:
              - address: "127.0.0.1:\(port)"
            probes: { address: "127.0.0.1:0" }
            admin: { address: "unix:\(folder)/\(name).sock" }
            upstreams:
              sample: { servers: ["127.0.0.1:\(upstreamPort)"] }
            routes:
              - { name: robots, match: { path: "/robots.txt" }, upstream: sample, allow: true }
              - { name: api, match: { path: "/api/*" }, upstream: sample, policy: api }
              - { name: site, match: { path: "/*" }, upstream: sample, policy: site }
            policies:
              api:
                preset: api
                consistency: strong
                free: { rate: 5/min, burst: 5 }
                work: { difficulty: 4000000, grants: 20 }
              site:
                preset: site
                reserve: 0
                free: { rate: 0 }
                work: { difficulty: 4000000, grants: 200 }
            log: { access: off }

            """
    }

    /// - Parameter command: how another shell calls this program.
    private static func introduce(_ nodes: [Node], command: String) {
        guard let address = nodes[0].addresses.first else { return }
        let url = "http://\(address)"
        let others = nodes.dropFirst().compactMap { $0.addresses.first }.map { "http://\($0)/" }
        // Behind what was bought or used up at one of them, another one is asked.
        let second = others.first ?? "\(url)/"
        var text = """

            Tollgate is running at \(url)/ with a sample site behind it.
            \(others.isEmpty ? "" : "The same gateway is at \(others.joined(separator: " and ")): one limit, one state, \(nodes.count) nodes.\n")
            \(others.isEmpty ? "Four" : "Five") things to try:

              1. Open \(url)/ in a browser: it works for a moment, and gets the page.
                 (This site gives nothing free, so that you see it at once; yours would let first pages through.)
              2. for i in 1 2 3 4 5 6 7; do curl -s -o /dev/null -w '%{http_code}\\n' \(url)/api/hello; done
                 Five requests are free; then it is 429 with a challenge (drop the -o to read it).
              3. \(command) fetch \(second)api/hello
                 Solves the challenge and prints the answer.

            """
        if let admin = nodes[0].adminAddress {
            let id = "\"$(curl -s -o /dev/null -w '%header{x-request-id}' \(url)/)\""
            text += """
                  4. \(command) explain --admin \(admin) \(id)
                     Says why that request was refused, by which limit, and what to do.

                """
            if !others.isEmpty {
                text += """
                      5. \(command) cluster status --admin \(admin)
                         Says who is a member, who leads, and how far each is.

                    """
            }
            text += "\n\n"
        }
        for (index, node) in nodes.enumerated() {
            guard let probes = node.probesAddress else { continue }
            text +=
                "Probes\(others.isEmpty ? "" : " of node \(index + 1)"): http://\(probes)/healthz, /readyz and /metrics.\n"
        }
        text += "Stop with Ctrl-C.\n"
        Terminal.output(Array(text.utf8))
    }
}
