import ArgumentParser
import ProofOfWork

struct SolveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "solve",
        abstract: "Solve a challenge: its JSON object in, the JSON to redeem out.",
        discussion: """
            Example, with curl:

              curl -s 'https://example.com/.well-known/tollgate/challenge?policy=api' | tollgate solve |
                curl -s -H 'Content-Type: application/json' -d @- https://example.com/.well-known/tollgate/redeem

            A whole refusal (application/problem+json) is taken, too. Progress goes to standard error.
            """
    )

    @Option(help: "Threads to solve with (default: one for each core).")
    var threads: Int?

    @Argument(help: "A file with the challenge; standard input if left out.")
    var file: String?

    func validate() throws {
        if let threads, !(1...1_024).contains(threads) { throw ValidationError("--threads is from 1 to 1024.") }
    }

    func run() async throws {
        guard let bytes = Terminal.read(path: file, bytesMax: 65_536) else {
            Terminal.error("error: cannot read \(file ?? "standard input"), or it is longer than 64 KiB")
            throw ExitCode(1)
        }
        let document: ChallengeDocument
        do {
            document = try ChallengeDocument.read(bytes)
        } catch {
            Terminal.error("error: this is not a challenge: \(error)")
            throw ExitCode(1)
        }
        let solution = try await ChallengeSolving.solve(document, threads: threads)
        Terminal.output(Array("{\"challenge\": \"\(document.challenge)\", \"solution\": \"\(solution)\"}\n".utf8))
    }
}
