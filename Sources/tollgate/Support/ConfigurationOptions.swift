import ArgumentParser
import Settings

/// Where a command's configuration comes from.
struct ConfigurationOptions: ParsableArguments {
    static let defaultPath = "/etc/tollgate/tollgate.yaml"

    @Option(name: .long, help: "The configuration file (default: \(Self.defaultPath)).")
    var config: String?

    @Option(name: .long, help: "Run with all defaults in front of this server, such as http://127.0.0.1:3000.")
    var upstream: String?

    func validate() throws {
        if config != nil, upstream != nil {
            throw ValidationError("Give --config or --upstream, not both.")
        }
    }

    /// Whether there is a file, which may change.
    var isFromFile: Bool { upstream == nil }

    /// Loads and checks it; every problem at once.
    func load() throws -> LoadedConfiguration {
        if let upstream { return try Configuration.fromUpstream(url: upstream) }
        return try Configuration.load(path: config ?? Self.defaultPath)
    }

    /// Loads it, or prints every problem on standard error and exits with 1.
    ///
    /// - Parameter isQuiet: says nothing of what is only doubtful.
    func loadOrExit(isQuiet: Bool = false) throws -> LoadedConfiguration {
        do {
            let loaded = try load()
            if isQuiet { return loaded }
            for warning in loaded.warnings { Terminal.error("warning: \(warning)") }
            return loaded
        } catch let errors as ConfigurationErrors {
            for warning in errors.warnings { Terminal.error("warning: \(warning)") }
            for problem in errors.problems { Terminal.error("error: \(problem)") }
            throw ExitCode(1)
        }
    }
}
