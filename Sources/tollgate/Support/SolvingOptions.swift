import ArgumentParser
import ProofOfWork

/// How much a command works for a challenge.
struct SolvingOptions: ParsableArguments {
    /// 2^36 hashes: minutes of a laptop, and ten thousand times what a gateway asks of a browser.
    static let maxHashesDefault: UInt64 = 1 << 36

    @Option(help: "Threads to solve with (default: one for each core).")
    var threads: Int?

    @Option(
        help: ArgumentHelp(
            "Give up challenges that take more hashes than this on average.",
            valueName: "count"
        )
    )
    var maxHashes: UInt64 = Self.maxHashesDefault

    func validate() throws {
        if let threads, !(1...Solver.threadsMax).contains(threads) {
            throw ValidationError("--threads is from 1 to \(Solver.threadsMax).")
        }
        if maxHashes == 0 { throw ValidationError("--max-hashes is 1 or more.") }
    }
}
