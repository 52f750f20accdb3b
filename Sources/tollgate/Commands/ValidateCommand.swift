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
        print(
            "The configuration holds (\(configuration.routes.count) routes, \(configuration.policies.count) policies)."
        )
        for line in NodeText.lines(configuration) { print(line) }
        for policy in configuration.policies {
            print("policy \(policy.name) (preset \(policy.preset.rawValue)):")
            for line in PolicyText.lines(policy) { print("  \(line)") }
        }
    }
}
