import Glibc

/// The solver that browsers get, measured where it runs: Chromium, headless, with the shipped worker and WebAssembly.
///
/// The page has one worker for each variant and measures one at a time, when it is told to; in between it waits for the
/// next request and does nothing, so that other measurements can take turns with it. One thread uses it.
final class BrowserSolver {
    /// What is loaded into the worker.
    enum Variant: String, CaseIterable {
        case shipped = "solver.wasm"
        /// The same source without SIMD, built for the comparison where the toolchain's clang is at hand.
        case scalar = "scalar.wasm"
    }

    /// What one measurement has found.
    struct Rate {
        /// Hashes in a second of the worker thread's time on a processor: what a busy machine leaves unchanged.
        let perProcessorSecond: Double
        /// Hashes in a second of the clock.
        let perSecond: Double
    }

    /// The environment variable that names another Chromium, and the names that are looked for.
    static let programVariable = "CHROMIUM"
    static let programNames = ["chromium", "chromium-browser", "google-chrome-stable"]
    /// How long the browser may take to start and to load the page.
    static let startSecondsMax = 60
    /// What Chromium calls the threads of workers, as far as the kernel keeps names.
    static let workerThreadName = "DedicatedWorker"

    /// The variants that can be measured.
    let variants: [Variant]
    private let folder: TemporaryFolder
    private let server: BrowserSolverServer
    private let process: ChildProcess
    private let log: String

    /// The Chromium of this machine; nil where there is none.
    static func program() -> String? {
        if let named = getenv(programVariable) { return ChildProcess.find(String(cString: named)) }
        return programNames.lazy.compactMap(ChildProcess.find).first
    }

    /// Starts the browser and waits until its page is ready.
    ///
    /// - Parameters:
    ///   - program: Chromium's path.
    ///   - assets: the folder with `worker.js`, `solver.wasm` and `build-solver.sh`.
    init(program: String, assets: String) throws(BenchmarkError) {
        folder = try TemporaryFolder()
        var pages: [String: BrowserSolverServer.Page] = [
            "": .init(type: "text/html; charset=utf-8", bytes: Array(BrowserSolverPage.html.utf8)),
            "measure.js": .init(type: "text/javascript", bytes: Array(BrowserSolverPage.script.utf8)),
            "worker.js": try Self.page("\(assets)/worker.js", "text/javascript"),
            Variant.shipped.rawValue: try Self.page("\(assets)/solver.wasm", "application/wasm"),
        ]
        var variants = [Variant.shipped]
        if let scalar = Self.buildScalar(assets: assets, folder: folder) {
            pages[Variant.scalar.rawValue] = try Self.page(scalar, "application/wasm")
            variants.append(.scalar)
        }
        self.variants = variants
        server = try BrowserSolverServer(pages: pages)
        log = "\(folder.path)/chromium.log"
        process = try ChildProcess(
            program,
            [
                "--headless=new", "--no-sandbox", "--no-zygote", "--disable-gpu", "--disable-dev-shm-usage",
                "--no-first-run", "--disable-breakpad", "--disable-crash-reporter", "--disable-extensions",
                "--disable-sync",
                "--disable-background-networking", "--disable-component-update", "--disable-default-apps",
                "--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--mute-audio",
                "--user-data-dir=\(folder.path)/profile", server.url,
            ],
            // Whatever else it writes, it writes into our folder.
            environment: ["HOME": folder.path, "XDG_CONFIG_HOME": folder.path, "XDG_CACHE_HOME": folder.path],
            output: log
        )
        guard case .ready? = server.next(secondsMax: Self.startSecondsMax, while: { process.isRunning }) else {
            throw failure("does not load the page")
        }
        // The first calls run in the quick compiler's code, until the optimizing one has caught up.
        for variant in variants { _ = try measure(variant, milliseconds: 500) }
    }

    /// The browser first: it writes into the folder as long as it lives.
    deinit { process.stop() }

    /// Measures one worker for that long.
    func measure(_ variant: Variant, milliseconds: Int) throws(BenchmarkError) -> Rate {
        let before = ProcessorTime.ofThreads(named: Self.workerThreadName, inTree: process.pid)
        server.assign("{\"file\": \"\(variant.rawValue)\", \"milliseconds\": \(milliseconds)}")
        let answer = server.next(secondsMax: milliseconds / 1_000 + 30) { process.isRunning }
        let after = ProcessorTime.ofThreads(named: Self.workerThreadName, inTree: process.pid)
        guard case .result(let text)? = answer else {
            if case .failure(let reason)? = answer { throw BenchmarkError("the browser's solver failed: \(reason)") }
            throw failure("does not answer")
        }
        let words = text.split(separator: " ")
        guard words.count == 2, let hashes = Double(words[0]), let seconds = Double(words[1]), hashes > 0, seconds > 0,
            after > before
        else { throw BenchmarkError("cannot read what the browser has measured: \(text)") }
        guard case .ready? = server.next(secondsMax: 30, while: { process.isRunning }) else {
            throw failure("does not go on")
        }
        return Rate(
            perProcessorSecond: hashes / (Double(after - before) / 1e9),
            perSecond: hashes / seconds
        )
    }

    private func failure(_ what: String) -> BenchmarkError {
        let said = File.read(log, bytesMax: 4_096) ?? ""
        return BenchmarkError("Chromium \(what); it said:\n\(said)")
    }

    private static func page(_ path: String, _ type: String) throws(BenchmarkError) -> BrowserSolverServer.Page {
        guard let bytes = File.bytes(path, bytesMax: 1 << 20) else {
            throw .system("cannot read \(path) (--assets names the folder with the page's files)")
        }
        return BrowserSolverServer.Page(type: type, bytes: bytes)
    }

    /// The path of the scalar solver; nil where it cannot be built.
    private static func buildScalar(assets: String, folder: TemporaryFolder) -> String? {
        let output = "\(folder.path)/\(Variant.scalar.rawValue)"
        let process = try? ChildProcess(
            "sh",
            ["\(assets)/build-solver.sh", output, "-DTOLLGATE_SCALAR", "-mno-simd128"],
            output: "\(folder.path)/build-solver.log"
        )
        guard let status = try? process?.wait(secondsMax: 60), status == 0 else { return nil }
        return output
    }
}
