import CSolver
import Glibc

/// Why a solver came back without a solution.
public enum SolverError: Error, Hashable, Sendable {
    /// ``Solver/cancel()`` was called.
    case cancelled
    /// A puzzle has 1 to 64 rounds.
    case invalidRounds
    /// Not one of 2^64 numbers meets the target. No puzzle that a gateway issues is like that.
    case noSolution
}

/// The native solver: as many threads as it is told, each with the fastest SHA-256 of this processor.
///
/// A solver may be used by several threads and for several puzzles. It holds no thread between two puzzles.
public final class Solver: Sendable {
    /// How far a solver is.
    public struct Progress: Hashable, Sendable {
        /// Rounds that have their answer.
        public var roundsDone: Int
        /// Rounds in all.
        public var rounds: Int
        /// Hashes taken so far, by all threads.
        public var hashes: UInt64
    }

    /// Which way to compute hashes.
    public enum Path: Int32, CaseIterable, Sendable {
        case portable = 0
        case avx2 = 1
        case shaNI = 2
        case armv8 = 3

        /// Whether this processor can.
        public var isAvailable: Bool { csolver_path_available(rawValue) == 1 }

        /// The fastest that this processor can.
        public static let best = Path(rawValue: csolver_path_best()) ?? .portable

        /// What people call it.
        public var name: String {
            switch self {
            case .portable: "portable"
            case .avx2: "AVX2"
            case .shaNI: "SHA-NI"
            case .armv8: "ARMv8"
            }
        }
    }

    /// What people call the fastest way to compute hashes on this processor: `SHA-NI`, `ARMv8`, `AVX2` or `portable`.
    public static var acceleration: String { Path.best.name }

    /// The most threads that a solver starts.
    public static let threadsMax = 1024

    /// Nonces a slice: about a millisecond of the slowest path, so that cancelling and progress are prompt, and the
    /// lock is nothing.
    static let sliceCount: UInt64 = 1 << 14

    private let threads: Int
    private let path: Path
    private let sliceCount: UInt64
    private let isCancelled = Monitor(false)

    /// - Parameters:
    ///   - threads: how many search at once, the one that calls ``solve(seed:rounds:target:smallest:progress:)`` among
    ///     them: 1 to 1024, others count as the nearest; nil: as many as there are processors for this process.
    ///   - path: how hashes are computed; one that is not available counts as portable.
    public convenience init(threads: Int? = nil, path: Path = .best) {
        self.init(threads: threads, path: path, sliceCount: Self.sliceCount)
    }

    /// For tests: with slices of another size.
    init(threads: Int?, path: Path, sliceCount: UInt64) {
        self.threads = (1...Self.threadsMax).clamp(threads ?? Self.processorCount)
        self.path = path.isAvailable ? path : .portable
        self.sliceCount = sliceCount
    }

    /// The processors that this process may run on, by its affinity.
    public static var processorCount: Int { Int(csolver_processors()) }

    /// Makes every search of this solver, running or to come, end soon with ``SolverError/cancelled``. Any thread.
    public func cancel() { isCancelled.with { $0 = true } }

    /// Searches until all rounds have their answer. Blocks the calling thread, which searches too.
    ///
    /// - Parameters:
    ///   - seed: of the challenge's text, ``Puzzle/seed(token:)-(String)``.
    ///   - rounds: 1 to 64.
    ///   - target: inclusive.
    ///   - smallest: whether each number is to be the smallest there is, as in the test vectors; else any will do, and
    ///     which is found depends on the threads' luck.
    ///   - progress: called on the calling thread, never while a lock is held: whenever it has searched a slice, which
    ///     is every few milliseconds, and once at the end. The caller decides how often that is worth showing.
    public func solve(
        seed: Puzzle.Seed,
        rounds: Int,
        target: UInt64,
        smallest: Bool = false,
        progress: ((Progress) -> Void)? = nil
    ) throws(SolverError) -> Solution {
        guard Difficulty.roundsRange.contains(rounds) else { throw .invalidRounds }
        let search = Search(
            seed: seed,
            target: target,
            path: path,
            isCancelled: isCancelled,
            plan: SearchPlan(rounds: rounds, answer: smallest ? .smallest : .any, sliceCount: sliceCount)
        )
        let helpers = startHelpers(search)
        search.run { roundsDone, hashes in
            progress?(Progress(roundsDone: roundsDone, rounds: rounds, hashes: hashes))
        }
        for helper in helpers { pthread_join(helper, nil) }

        let plan = search.plan.with { $0 }
        guard let nonces = plan.nonces, let solution = Solution(nonces) else {
            throw isCancelled.with { $0 } ? .cancelled : .noSolution
        }
        progress?(Progress(roundsDone: rounds, rounds: rounds, hashes: plan.hashes))
        return solution
    }

    /// The same, for a challenge's text.
    public func solve(
        token: String,
        rounds: Int,
        target: UInt64,
        smallest: Bool = false,
        progress: ((Progress) -> Void)? = nil
    ) throws(SolverError) -> Solution {
        try solve(
            seed: Puzzle.seed(token: token),
            rounds: rounds,
            target: target,
            smallest: smallest,
            progress: progress
        )
    }

    /// Starts all threads but the caller's own. Where the system gives fewer, fewer search.
    private func startHelpers(_ search: Search) -> [pthread_t] {
        var helpers: [pthread_t] = []
        for _ in 1..<max(threads, 1) {
            var helper = pthread_t()
            let argument = Unmanaged.passRetained(search)
            let result = pthread_create(
                &helper,
                nil,
                { argument in
                    guard let argument else { return nil }
                    Unmanaged<Search>.fromOpaque(argument).takeRetainedValue().run { _, _ in }
                    return nil
                },
                argument.toOpaque()
            )
            guard result == 0 else {
                argument.release()
                break
            }
            helpers.append(helper)
        }
        return helpers
    }
}

/// One puzzle being searched by several threads.
private final class Search: Sendable {
    let plan: Monitor<SearchPlan>
    private let seed: Puzzle.Seed
    private let target: UInt64
    private let path: Solver.Path
    private let isCancelled: Monitor<Bool>

    init(seed: Puzzle.Seed, target: UInt64, path: Solver.Path, isCancelled: Monitor<Bool>, plan: SearchPlan) {
        self.seed = seed
        self.target = target
        self.path = path
        self.isCancelled = isCancelled
        self.plan = Monitor(plan)
    }

    private enum Step {
        case search(SearchPlan.Slice)
        case stop
    }

    /// One worker's life: claim, search, report, until there is nothing left or it is cancelled.
    func run(afterSlice: (_ roundsDone: Int, _ hashes: UInt64) -> Void) {
        while !isCancelled.with({ $0 }) {
            // A worker without work waits for those that have some; they end within a slice, cancelled or not.
            let step: Step = plan.wait { plan in
                if plan.isSolved || plan.isExhausted { return .stop }
                return plan.claim().map { .search($0) }
            }
            guard case .search(let slice) = step else { return }
            let (tried, nonce) = searched(slice)
            let now = plan.update { plan in
                plan.finish(slice, tried: tried, nonce: nonce)
                return (plan.solvedCount, plan.hashes)
            }
            afterSlice(now.0, now.1)
        }
    }

    private func searched(_ slice: SearchPlan.Slice) -> (tried: UInt64, nonce: UInt64?) {
        let s = seed.words
        var bytes = (s.0.bigEndian, s.1.bigEndian, s.2.bigEndian, s.3.bigEndian)
        var nonce: UInt64 = 0
        var found: Int32 = 0
        let tried = withUnsafeBytes(of: &bytes) { bytes in
            csolver_search(
                path.rawValue,
                bytes.bound,
                UInt32(slice.round),
                target,
                slice.start,
                slice.count,
                &nonce,
                &found
            )
        }
        return (tried, found == 1 ? nonce : nil)
    }
}
