import Dispatch
import ProofOfWork

/// Solves a challenge on threads of its own, with progress on standard error: a line that is redrawn for a person,
/// nothing otherwise.
///
/// Whoever made the challenge decides how long that takes, so it is bounded twice: a challenge that would take too many
/// hashes is not begun, and one that expires while it is being solved is given up, as its solution is worth nothing.
enum ChallengeSolving {
    /// Why there is no solution.
    enum Failure: Error, CustomStringConvertible {
        case tooMuchWork(expected: UInt64, max: UInt64)
        case expired(seconds: Int, hashes: UInt64, expected: UInt64)
        case unsolvable

        var description: String {
            switch self {
            case .tooMuchWork(let expected, let max):
                let number = expected == .max ? "2^64 or more" : "about \(expected)"
                return "the challenge would take \(number) hashes, more than --max-hashes \(max)"
            case .expired(let seconds, let hashes, let expected):
                let number = expected == .max ? "2^64 or more" : "about \(expected)"
                return "the challenge expired before it was solved: \(hashes) hashes in its \(seconds) s, of \(number)"
            case .unsolvable:
                return "the challenge has no solution"
            }
        }
    }

    /// How often the progress is redrawn.
    private static let redrawNanoseconds: UInt64 = 100_000_000

    /// - Parameter document: has just been received: its time runs from now.
    /// - Returns: the solution as the wire protocol writes it.
    static func solve(_ document: ChallengeDocument, options: SolvingOptions) async throws(Failure) -> String {
        let expected = document.expectedHashes
        guard expected <= options.maxHashes else {
            throw .tooMuchWork(expected: expected, max: options.maxHashes)
        }
        let solver = Solver(threads: options.threads)
        let started = DispatchTime.now()
        if let seconds = document.expiresIn {
            DispatchQueue.global().asyncAfter(deadline: started + .seconds(seconds)) { solver.cancel() }
        }
        let outcome = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: search(document, solver, started)) }
        }
        if Terminal.isErrorInteractive { Terminal.errorText("\r\u{1B}[K") }
        switch outcome.solution {
        case .success(let solution): return solution.text
        // Nobody but the clock cancels it.
        case .failure(.cancelled):
            throw .expired(seconds: document.expiresIn ?? 0, hashes: outcome.hashes, expected: expected)
        case .failure: throw .unsolvable
        }
    }

    private struct Outcome: Sendable {
        let solution: Result<Solution, SolverError>
        /// Taken in all, as far as is known.
        let hashes: UInt64
    }

    /// Blocks the thread.
    private static func search(_ document: ChallengeDocument, _ solver: Solver, _ started: DispatchTime) -> Outcome {
        let begin = started.uptimeNanoseconds
        var drawn = begin
        var hashes: UInt64 = 0
        let seed = Puzzle.seed(token: document.challenge)
        do throws(SolverError) {
            let solution = try solver.solve(seed: seed, rounds: document.rounds, target: document.target) { progress in
                hashes = progress.hashes
                let now = DispatchTime.now().uptimeNanoseconds
                guard Terminal.isErrorInteractive, now - drawn >= redrawNanoseconds else { return }
                drawn = now
                draw(progress, document, elapsed: Double(now - begin) / 1e9)
            }
            return Outcome(solution: .success(solution), hashes: hashes)
        } catch {
            return Outcome(solution: .failure(error), hashes: hashes)
        }
    }

    private static func draw(_ progress: Solver.Progress, _ document: ChallengeDocument, elapsed: Double) {
        let rate = elapsed > 0 ? Double(progress.hashes) / elapsed : 0
        let share = 1 - Double(progress.roundsDone) / Double(progress.rounds)
        // Below 2^64 hashes and never more than a slice's time old, yet a stalled machine may show any rate.
        let left = rate > 0 ? min(Double(document.expectedHashes) * share / rate, 1e9) : 0
        let tenths = Int(min(rate / 100_000, 1e9))
        Terminal.errorText(
            "\r\u{1B}[Ksolving: \(progress.roundsDone) of \(progress.rounds) rounds, "
                + "\(tenths / 10).\(tenths % 10) MH/s, about \(Int(left.rounded(.up))) s left"
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
