import Admin
import ArgumentParser
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

    @Option(help: "The data folder, in place of the configuration's.")
    var data: String?

    func validate() throws {
        if let data, !data.hasPrefix("/") { throw ValidationError("--data takes an absolute path.") }
    }

    func run() async throws {
        let loaded = try options.loadOrExit().with(data: data)
        let log = NodeLog(loaded.configuration.log)
        let logger = log.logger
        let source = options.source
        let data = data
        let load: @Sendable () throws -> LoadedConfiguration = { try source.load().with(data: data) }
        let lifeCycle = try LifeCycle(load: options.isFromFile ? load : nil, logging: log)
        let node: Node
        do {
            node = try await Node.start(loaded.configuration, logger: logger)
        } catch {
            Terminal.error("error: \(error)")
            throw ExitCode(1)
        }
        if let probes = node.probesAddress { logger.notice("probes", metadata: ["address": "\(probes)"]) }
        if let admin = node.adminAddress { logger.notice("admin", metadata: ["address": "\(admin)"]) }
        do {
            try await lifeCycle.run([node], files: loaded.files) {
                for address in node.addresses { logger.notice("listening", metadata: ["address": "\(address)"]) }
            }
        } catch {
            Terminal.error("error: \(error)")
            throw ExitCode(1)
        }
    }
}
