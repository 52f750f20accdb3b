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

    /// Where to read, again and again.
    enum Source: Sendable {
        case file(String)
        case upstream(String)

        /// Loads and checks it; every problem at once.
        func load() throws(ConfigurationErrors) -> LoadedConfiguration {
            switch self {
            case .file(let path): try Configuration.load(path: path)
            case .upstream(let url): try Configuration.fromUpstream(url: url)
            }
        }
    }

    var source: Source { upstream.map { .upstream($0) } ?? .file(config ?? Self.defaultPath) }

    /// Loads and checks it; every problem at once.
    func load() throws(ConfigurationErrors) -> LoadedConfiguration { try source.load() }

    /// Loads it, or prints every problem on standard error and exits with 1.
    ///
    /// - Parameter isQuiet: says nothing of what is only doubtful.
    func loadOrExit(isQuiet: Bool = false) throws -> LoadedConfiguration {
        do {
            let loaded = try load()
            if isQuiet { return loaded }
            for warning in loaded.warnings { Terminal.error("warning: \(warning)") }
            return loaded
        } catch {
            for warning in error.warnings { Terminal.error("warning: \(warning)") }
            for problem in error.problems { Terminal.error("error: \(problem)") }
            throw ExitCode(1)
        }
    }
}

extension LoadedConfiguration {
    /// With another data folder, where one is given.
    func with(data: String?) -> LoadedConfiguration {
        guard let data else { return self }
        var loaded = self
        loaded.configuration.node.data = data
        return loaded
    }
}
