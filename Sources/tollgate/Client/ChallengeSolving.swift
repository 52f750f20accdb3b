import Dispatch
import ProofOfWork

/// Solves a challenge on threads of its own, with progress on standard error: a line that is redrawn for a person,
/// nothing otherwise.
enum ChallengeSolving {
    /// How often the progress is redrawn.
    private static let redrawNanoseconds: UInt64 = 100_000_000

    /// - Returns: the solution as the wire protocol writes it.
    static func solve(_ document: ChallengeDocument, threads: Int?) async throws -> String {
        let solver = Solver(threads: threads)
        let seed = Puzzle.seed(token: document.challenge)
        let started = DispatchTime.now().uptimeNanoseconds
        let solution = try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                var drawn = started
                continuation.resume(
                    with: Result {
                        try solver.solve(seed: seed, rounds: document.rounds, target: document.target) { progress in
                            let now = DispatchTime.now().uptimeNanoseconds
                            guard Terminal.isErrorInteractive, now - drawn >= redrawNanoseconds else { return }
                            drawn = now
                            draw(progress, document, elapsed: Double(now - started) / 1e9)
                        }
                    }
                )
            }
        }
        if Terminal.isErrorInteractive { Terminal.errorText("\r\u{1B}[K") }
        return solution.text
    }

    private static func draw(_ progress: Solver.Progress, _ document: ChallengeDocument, elapsed: Double) {
        let expected = Difficulty.expectedHashes(target: document.target, rounds: progress.rounds)
        let rate = elapsed > 0 ? Double(progress.hashes) / elapsed : 0
        let left =
            rate > 0 ? max(0, Double(expected) * (1 - Double(progress.roundsDone) / Double(progress.rounds))) / rate : 0
        let megahashes = Int(rate / 100_000)
        Terminal.errorText(
            "\r\u{1B}[Ksolving: \(progress.roundsDone) of \(progress.rounds) rounds, "
                + "\(megahashes / 10).\(megahashes % 10) MH/s, about \(Int(left.rounded(.up))) s left"
        )
    }
}

/// Keys by which a repeated redemption is told from a stolen one.
enum IdempotencyKey {
    static func random() -> String {
        randomBytes(count: 16).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
}
