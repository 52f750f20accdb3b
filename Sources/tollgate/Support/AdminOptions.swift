import ArgumentParser
import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Which node a command asks.
struct AdminOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The admin interface to ask (default: \(AdminTarget.addressVariable), else what the configuration says).",
            valueName: "address"
        )
    )
    var admin: String?

    @Option(
        name: .long,
        help: "The configuration file of the node (default: \(ConfigurationOptions.defaultPath))."
    )
    var config: String?

    /// Asks; a failure is told on standard error, and ends the command with 1.
    func asking<Result>(
        _ body: (AdminClient) async throws(AdminClient.Failure) -> Result
    ) async throws -> Result {
        do {
            let target = try AdminTarget.find(
                named: admin,
                environment: AdminTarget.environment,
                admin: try configured()
            )
            return try await body(AdminClient(target: target))
        } catch let problem as AdminTarget.Problem {
            Terminal.error("error: \(problem)")
        } catch let failure as AdminClient.Failure {
            Terminal.error("error: \(failure)")
        }
        throw ExitCode(1)
    }

    /// `admin` of the configuration: of the file that was named, which must then hold, else of the standard one where
    /// this user may read it and it holds.
    private func configured() throws -> AdminSettings? {
        if let config {
            var options = ConfigurationOptions()
            options.config = config
            options.upstream = nil
            return try options.loadOrExit(isQuiet: true).configuration.admin
        }
        guard access(ConfigurationOptions.defaultPath, R_OK) == 0 else { return nil }
        return try? Configuration.load(path: ConfigurationOptions.defaultPath).configuration.admin
    }
}
