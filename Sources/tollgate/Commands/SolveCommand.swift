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

            Exit codes: 0 solved; 1 it is not a challenge, would take more than --max-hashes, or expired meanwhile; \
            74 the solution could not be written.
            """
    )

    @OptionGroup var solving: SolvingOptions

    @Argument(help: "A file with the challenge; standard input if left out.")
    var file: String?

    func run() async throws {
        guard let bytes = Terminal.read(path: file, bytesMax: 65_536) else {
            Terminal.error("error: cannot read \(file ?? "standard input"), or it is longer than 64 KiB")
            throw ExitCode(1)
        }
        let document: ChallengeDocument
        do {
            document = try ChallengeDocument.read(json: bytes)
        } catch {
            Terminal.error("error: this is not a challenge: \(error)")
            throw ExitCode(1)
        }
        do {
            let solution = try await ChallengeSolving.solve(document, options: solving)
            let challenge = JSONString.quoted(document.challenge)
            try LostOutput.check(
                Terminal.output(
                    Array("{\"challenge\": \(challenge), \"solution\": \(JSONString.quoted(solution))}\n".utf8)
                )
            )
        } catch let code as ExitCode {
            throw code
        } catch {
            Terminal.error("error: \(error)")
            throw ExitCode(1)
        }
    }
}
