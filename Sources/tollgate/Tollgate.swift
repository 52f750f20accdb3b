import ArgumentParser

/// The command. Each subcommand is a file of `Commands`.
@main
struct Tollgate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tollgate",
        abstract: "A gateway that lets anonymous clients in up to a free quota and charges them work past it.",
        discussion: """
            Put it in front of a site or an API:

              tollgate serve --upstream http://127.0.0.1:3000

            or try it without anything behind it:

              tollgate demo

            Exit codes: 0 success; 1 the operation failed or the configuration has errors; 22 the server answered \
            `fetch` with an error; 64 the command line is wrong; 74 the output could not be written.
            """,
        version: Version.text,
        subcommands: [
            ServeCommand.self, ValidateCommand.self, ExplainCommand.self, DemoCommand.self, SolveCommand.self,
            FetchCommand.self, OverrideCommand.self, QuotaCommand.self, ClusterCommand.self, VerifyClusterCommand.self,
            BackupCommand.self, RecoverCommand.self, LogCommand.self, CertificatesCommand.self, VersionCommand.self,
        ]
    )

    static func main() async {
        StandardStreams.open()
        await main(nil)
    }
}

/// The version of this build.
enum Version {
    static let number = "0.1.0"
    static let text = "tollgate \(number) (wire protocol 1, SHA-256 by \(accelerationName))"
}
