import Admin
import ArgumentParser
import Gateway
import Logging
import Settings

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run a node in the foreground.",
        discussion: """
            SIGHUP and a change of the file reload the configuration; a bad file changes nothing and is reported. SIGTERM \
            and SIGINT stop accepting, finish what runs and exit with 0.
            """
    )

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let loaded = try options.loadOrExit()
        let log = NodeLog(loaded.configuration.log)
        let logger = log.logger
        let lifeCycle = try LifeCycle(load: options.isFromFile ? { try options.load() } : nil, logging: log)
        let node: Node
        do {
            node = try await Node.start(loaded.configuration, logger: logger)
        } catch let error as ListenError {
            Terminal.error("error: \(error)")
            throw ExitCode(1)
        } catch let error as Gateway.Problem {
            Terminal.error("error: \(error)")
            throw ExitCode(1)
        }
        for address in node.addresses { logger.notice("listening", metadata: ["address": "\(address)"]) }
        if let probes = node.probesAddress { logger.notice("probes", metadata: ["address": "\(probes)"]) }
        if let admin = node.adminAddress { logger.notice("admin", metadata: ["address": "\(admin)"]) }
        await lifeCycle.run(node, files: loaded.files)
    }
}
