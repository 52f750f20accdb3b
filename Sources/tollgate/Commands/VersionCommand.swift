import ArgumentParser
import ProofOfWork

let accelerationName = Solver.acceleration

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    func run() throws {
        try LostOutput.check(Terminal.line(Version.text))
    }
}
