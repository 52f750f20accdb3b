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

    @Option(help: "Nodes to run.")
    var nodes = 1

    @Option(help: "The gateway's port; 0 chooses a free one.")
    var port: UInt16 = 8080

    func validate() throws {
        if nodes != 1 {
            throw ValidationError("This version runs a single node: leave out --nodes, or say --nodes 1.")
        }
    }

    func run() async throws {
        let upstream = try await SampleUpstream.start()
        defer { upstream.stop() }
        let folder: TemporaryFolder
        do {
            folder = try TemporaryFolder(prefix: "tollgate-demo")
        } catch {
            Terminal.error("error: \(error)")
            throw ExitCode(1)
        }
        defer { folder.remove() }
        let text = Self.configurationText(port: port, upstreamPort: upstream.port, folder: folder.path)
        let loaded = try Configuration.parse(text: text, file: "demo.yaml")
        let log = NodeLog(loaded.configuration.log)
        let logger = log.logger
        let lifeCycle = try LifeCycle(load: nil, logging: log)
        let node: Node
        do {
            node = try await Node.start(loaded.configuration, logger: logger)
        } catch let error as ListenError {
            Terminal.error("error: \(error); for example: \(RunningProgram.command) demo --port 0")
            throw ExitCode(1)
        }
        Self.introduce(node, command: RunningProgram.command)
        await lifeCycle.run(node, files: [])
    }

    /// The API gives some requests free, as is usual. The site gives none, so that a newcomer sees the challenge at the
    /// first page instead of after many.
    ///
    /// There is no access log, for the terminal is the newcomer's; `explain` tells what it would.
    static func configurationText(port: UInt16, upstreamPort: Int, folder: String) -> String {
        """
        node: { name: demo }
        listeners:
          - address: "127.0.0.1:\(port)"
        probes: { address: "127.0.0.1:0" }
        admin: { address: "unix:\(folder)/admin.sock" }
        upstreams:
          sample: { servers: ["127.0.0.1:\(upstreamPort)"] }
        routes:
          - { name: robots, match: { path: "/robots.txt" }, upstream: sample, allow: true }
          - { name: api, match: { path: "/api/*" }, upstream: sample, policy: api }
          - { name: site, match: { path: "/*" }, upstream: sample, policy: site }
        policies:
          api:
            preset: api
            free: { rate: 5/min, burst: 5 }
            work: { difficulty: 4000000, grants: 20 }
          site:
            preset: site
            reserve: 0
            free: { rate: 0 }
            work: { difficulty: 4000000, grants: 200 }
        log: { level: warning, format: text, access: off }

        """
    }

    /// - Parameter command: how another shell calls this program.
    private static func introduce(_ node: Node, command: String) {
        guard let address = node.addresses.first else { return }
        let url = "http://\(address)"
        var text = """

            Tollgate is running at \(url)/ with a sample site behind it.

            Four things to try:

              1. Open \(url)/ in a browser: it works for a moment, and gets the page.
                 (This site gives nothing free, so that you see it at once; yours would let first pages through.)
              2. for i in 1 2 3 4 5 6 7; do curl -s -o /dev/null -w '%{http_code}\\n' \(url)/api/hello; done
                 Five requests are free; then it is 429 with a challenge (drop the -o to read it).
              3. \(command) fetch \(url)/api/hello
                 Solves the challenge and prints the answer.

            """
        if let admin = node.adminAddress {
            let id = "\"$(curl -s -o /dev/null -w '%header{x-request-id}' \(url)/)\""
            text += """
                  4. \(command) explain --admin \(admin) \(id)
                     Says why that request was refused, by which limit, and what to do.


                """
        }
        if let probes = node.probesAddress { text += "Probes: http://\(probes)/healthz, /readyz and /metrics. " }
        text += "Stop with Ctrl-C.\n"
        Terminal.output(Array(text.utf8))
    }
}
