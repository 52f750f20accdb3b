import ArgumentParser
import Settings

struct ValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Check a configuration and report every error at once.",
        discussion: "Exit code 0 when the configuration holds, 1 when it does not. Nothing is started."
    )

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        let loaded = try options.loadOrExit()
        let configuration = loaded.configuration
        var lines = [
            "The configuration holds (\(configuration.routes.count) routes, \(configuration.policies.count) policies)."
        ]
        lines += NodeText.lines(configuration)
        for policy in configuration.policies {
            lines.append("policy \(policy.name) (preset \(policy.preset.rawValue)):")
            lines += PolicyText.lines(policy).map { "  \($0)" }
        }
        try LostOutput.check(lines.allSatisfy { Terminal.line($0) })
    }
}
