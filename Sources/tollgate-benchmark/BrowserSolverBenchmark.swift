import ArgumentParser
import COpenSSL
import CSolver
import Glibc
import ProofOfWork

/// `tollgate-benchmark solver`: how fast one thread searches, natively and in a browser, against libcrypto's SHA-256.
struct BrowserSolverBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "solver",
        abstract: "Hashes a second of the solvers, native and in Chromium, against libcrypto.",
        discussion: """
            All of one thread, in turns, and by that thread's own time on a processor. Needs Debian's chromium for the \
            browser (apt-get install chromium; CHROMIUM names another one); without it the native figures are told alone.
            """
    )

    /// DESIGN section 12: at least so many times the `SHA256_Transform` loop, and the scalar WebAssembly.
    static let transformBudget = 0.55
    static let scalarBudget = 1.6

    @Option(help: "Rounds; each measures everything once.")
    var rounds = 7

    @Option(help: "Milliseconds that each is measured in a round.")
    var milliseconds = 1_000

    @Option(help: "The folder with the challenge page's files (default: the one this program was built from).")
    var assets: String?

    func validate() throws {
        if !(1...100).contains(rounds) { throw ValidationError("--rounds is from 1 to 100.") }
        if !(50...20_000).contains(milliseconds) { throw ValidationError("--milliseconds is from 50 to 20000.") }
    }

    func run() throws {
        Surroundings.enter()
        try measure()
    }

    private func measure() throws(BenchmarkError) {
        var browser: BrowserSolver?
        if let program = BrowserSolver.program() {
            browser = try BrowserSolver(program: program, assets: assets ?? Self.ownAssets)
        } else {
            print("Chromium is missing (apt-get install chromium): native figures only.")
        }
        var transform = Series()
        var native = Series()
        var allThreads = Series()
        var inBrowser: [BrowserSolver.Variant: Series] = [:]
        var byClock = Series()
        for _ in 0..<rounds {
            transform.add(NativeHashing.transforms(milliseconds: milliseconds))
            native.add(NativeHashing.searches(milliseconds: milliseconds))
            allThreads.add(NativeHashing.searchesOfAllThreads(milliseconds: milliseconds))
            for variant in browser?.variants ?? [] {
                let rate = try browser!.measure(variant, milliseconds: milliseconds)
                inBrowser[variant, default: Series()].add(rate.perProcessorSecond / 1e6)
                if variant == .shipped { byClock.add(rate.perSecond / 1e6) }
            }
        }
        print("MH/s of one thread, \(rounds) rounds of \(milliseconds) ms each")
        print("SHA256_Transform loop".padded(28) + transform.text())
        print("native solver (\(Solver.acceleration))".padded(28) + native.text())
        print(
            "native solver, \(Solver.processorCount) threads".padded(28) + allThreads.text().padded(24) + "by the clock"
        )
        print("native solver over SHA256_Transform: \((native / transform).text(digits: 2))")
        guard let shipped = inBrowser[.shipped] else { return }
        print("browser".padded(28) + shipped.text().padded(24) + "by the clock \(byClock.text())")
        if let scalar = inBrowser[.scalar] { print("browser, scalar".padded(28) + scalar.text()) }
        let overTransform = shipped / transform
        print(
            "browser over SHA256_Transform: \(overTransform.text(digits: 2)); budget at least \(Self.transformBudget)"
        )
        if let scalar = inBrowser[.scalar] {
            print("browser over scalar: \((shipped / scalar).text(digits: 2)); budget at least \(Self.scalarBudget)")
        }
        print("browser over native solver: \((shipped / native).text(digits: 2))")
    }

    /// The page's files in the source tree that this program was built from.
    private static let ownAssets: String = {
        let folders = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        return folders.joined(separator: "/") + "/CPage/assets"
    }()
}

/// Hashing on the calling thread.
enum NativeHashing {
    /// Blocks between two looks at the clock: about a millisecond.
    private static let sliceCount = 1 << 14

    /// Millions of `SHA256_Transform` calls of libcrypto in a second of processor time.
    static func transforms(milliseconds: Int) -> Double {
        var context = SHA256_CTX()
        SHA256_Init(&context)
        let block = (0..<64).map { UInt8($0) }
        return rate(milliseconds) {
            for _ in 0..<sliceCount { SHA256_Transform(&context, block) }
            return UInt64(sliceCount)
        }
    }

    /// Millions of tries of the native solver's fastest path in a second of processor time.
    static func searches(milliseconds: Int) -> Double {
        let seed = (0..<32).map { UInt8($0) }
        var start: UInt64 = 0
        return rate(milliseconds) {
            var nonce: UInt64 = 0
            var found: Int32 = 0
            // A target of zero: of 2^64 numbers one meets it, if any.
            let tried = csolver_search(
                Solver.Path.best.rawValue,
                seed,
                0,
                0,
                start,
                UInt64(sliceCount),
                &nonce,
                &found
            )
            start += tried
            return tried
        }
    }

    /// Millions of tries of the whole native solver, on every processor that this process may use, in a second of the
    /// clock: what else the machine does lowers it.
    static func searchesOfAllThreads(milliseconds: Int) -> Double {
        let solver = Solver()
        let clock = ContinuousClock()
        let begin = clock.now
        var hashes: UInt64 = 0
        var end = begin
        // A target of zero, so that the search goes on until it is cancelled: that is the error it ends with.
        _ = try? solver.solve(token: "AQ", rounds: 64, target: 0) { progress in
            hashes = progress.hashes
            end = clock.now
            if end - begin >= .milliseconds(milliseconds) { solver.cancel() }
        }
        return Double(hashes) / ((end - begin) / .seconds(1)) / 1e6
    }

    private static func rate(_ milliseconds: Int, _ slice: () -> UInt64) -> Double {
        let begin = ProcessorTime.ofThisThread()
        let end = begin + UInt64(milliseconds) * 1_000_000
        var now = begin
        var hashes: UInt64 = 0
        while now < end {
            hashes += slice()
            now = ProcessorTime.ofThisThread()
        }
        return Double(hashes) / (Double(now - begin) / 1e9) / 1e6
    }
}
