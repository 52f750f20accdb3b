import ArgumentParser
import Settings

/// `tollgate-benchmark quota`: what it costs to decide, at each level of consistency.
struct QuotaBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quota",
        abstract: "Decisions on quotas, at each level of consistency, against Redis with a counter in Lua.",
        discussion: """
            A node that is alone runs in this process, with its log on disk below TMPDIR, and decides on one event loop and \
            on two; Redis counts with a script beside it and writes its file through to the disk, as the log is. Then what a \
            loop pays that holds a slice of every key; what a route with a policy costs over HTTP against one that lets \
            everybody by; how much of a quota is stranded at the other nodes of three while one has most of the traffic; and \
            what a million keys take of memory. Needs Debian's redis-server, nginx and wrk: apt-get install redis-server \
            nginx-light wrk.
            """
    )

    /// What can be measured.
    enum Part: String, CaseIterable, ExpressibleByArgument {
        case decisions, slices, http, stranded, memory
    }

    static let levels: [PolicySettings.Consistency] = [.strong, .escrow, .eventual]
    /// Nanoseconds of processor time for a decision with a slice: of 1,000 keys at most, and of a million.
    static let hotBudget = 150.0
    static let millionBudget = 300.0
    /// User CPU of a request under a policy over one that is let by.
    static let httpBudget = 1.05
    /// Bytes of memory a key, and of the whole process with a million of them.
    static let keyBudget = 64.0
    static let processBudget = 160.0

    @Option(help: "The tollgate to measure (default: the one beside this program).")
    var tollgate: String?

    @Option(help: "What to measure; may be given several times (default: everything).")
    var part: [Part] = Part.allCases

    @Option(help: "Rounds; each measures everything once.")
    var rounds = 5

    @Option(help: "Milliseconds of each measurement.")
    var duration = 1_000

    @Option(help: "Quotas of the node whose memory is measured.")
    var keys = 1_000_000

    func validate() throws {
        if !(1...100).contains(rounds) { throw ValidationError("--rounds is from 1 to 100.") }
        if !(100...60_000).contains(duration) { throw ValidationError("--duration is from 100 to 60000.") }
        if !(1_000...10_000_000).contains(keys) { throw ValidationError("--keys is from 1000 to 10000000.") }
    }

    func run() throws {
        Surroundings.enter()
        let folder = try TemporaryFolder()
        print("median (minimum–maximum)")
        if part.contains(.decisions) { try measureDecisions(folder) }
        if part.contains(.slices) { try measureSlices() }
        if part.contains(.http) { try measureHTTP(folder) }
        if part.contains(.stranded) { try measureStranded(folder) }
        if part.contains(.memory) { try measureMemory(folder) }
    }

    // MARK: Decisions

    private struct Columns {
        var rate = Series()
        var nanoseconds = Series()

        mutating func add(_ rate: Double, _ nanoseconds: Double) {
            self.rate.add(rate)
            self.nanoseconds.add(nanoseconds)
        }
    }

    private func measureDecisions(_ folder: TemporaryFolder) throws {
        let redis = try RedisContender(folder: folder)
        print(
            "\ndecisions, \(rounds) rounds of \(duration) ms after as long a warm-up, 256 open at each loop or connection"
        )
        print(
            "".padded(26) + "level".padded(10) + "loops".padded(7) + "a second".padded(32) + "ns of CPU".padded(24)
                + "× Redis"
        )
        for spread in QuotaKeySequence.Spread.allCases {
            for loops in 1...2 {
                var others = Columns()
                var columns = Self.levels.map { _ in Columns() }
                let node = try QuotaNode(loops: loops, folder: folder, name: "\(spread)-\(loops)")
                for _ in 0..<rounds {
                    let (rate, cost) = try redis.cost(
                        spread,
                        connections: loops,
                        open: 256,
                        milliseconds: UInt64(duration)
                    )
                    others.add(rate, cost)
                    for (place, level) in Self.levels.enumerated() {
                        let cost = try QuotaCost.measure(node, level, spread, milliseconds: UInt32(duration))
                        columns[place].add(cost.perSecond, cost.nanoseconds)
                    }
                }
                try node.stop()
                report(spread.name, "Redis", loops, others, against: others)
                for (level, columns) in zip(Self.levels, columns) {
                    report("", level.rawValue, loops, columns, against: others)
                }
            }
        }
    }

    private func report(_ title: String, _ level: String, _ loops: Int, _ columns: Columns, against others: Columns) {
        print(
            title.padded(26) + level.padded(10) + "\(loops)".padded(7) + columns.rate.text(digits: 0).padded(32)
                + columns.nanoseconds.text(digits: 0).padded(24) + (columns.rate / others.rate).text(digits: 2)
        )
    }

    // MARK: Slices

    private func measureSlices() throws {
        print("\npaying with slices that are held, one loop, \(rounds) rounds")
        print("".padded(26) + "ns of CPU".padded(24) + "beside it, making the request")
        for spread in QuotaKeySequence.Spread.allCases {
            var held = HeldSlices(spread)
            var (decisions, requests) = (Series(), Series())
            for round in 0..<rounds {
                let cost = try held.cost(seed: UInt64(round) + 1)
                decisions.add(cost.decision)
                requests.add(cost.request)
            }
            print(spread.name.padded(26) + decisions.text(digits: 0).padded(24) + requests.text(digits: 0))
        }
        print("budget: \(Int(Self.hotBudget)) ns up to 1,000 keys, \(Int(Self.millionBudget)) ns of a million")
    }

    // MARK: The rest

    private func measureHTTP(_ folder: TemporaryFolder) throws(BenchmarkError) {
        let missing = ["nginx", "wrk"].filter { ChildProcess.find($0) == nil }
        guard missing.isEmpty else {
            throw BenchmarkError("\(missing.joined(separator: " and ")) missing: apt-get install nginx-light wrk")
        }
        let routes = try QuotaRoutes(TollgateProgram.path(tollgate), folder: folder)
        let wrk = Wrk(connections: 64, folder: folder)
        let seconds = max(1, duration / 1_000)
        for path in QuotaRoutes.paths { _ = try routes.cost(wrk, path, seconds: 2) }
        var costs = QuotaRoutes.paths.map { _ in Series() }
        // A few per cent are less than what the machine does beside it in one round.
        for round in 0..<4 * rounds {
            for place in QuotaRoutes.paths.indices {
                // Who comes first changes, so that a drift of the machine favours nobody.
                let place = (place + round) % QuotaRoutes.paths.count
                costs[place].add(try routes.cost(wrk, QuotaRoutes.paths[place], seconds: seconds))
            }
        }
        print("\nuser CPU of a proxied request, 64 connections, \(4 * rounds) rounds of \(seconds) s")
        for (path, cost) in zip(QuotaRoutes.paths, costs) {
            print(path.padded(26) + "\(cost.text(digits: 2)) µs".padded(32) + (cost / costs[0]).text(digits: 3))
        }
        print("budget: escrow at most \(Self.httpBudget) × what is let by")
    }

    private func measureStranded(_ folder: TemporaryFolder) throws(BenchmarkError) {
        var (first, most) = (Series(), Series())
        let trio = try StrandedTrio(TollgateProgram.path(tollgate), folder: folder)
        for round in 0..<rounds {
            let shares = try trio.measure(client: round)
            first.add(100 * shares.atFirstRefusal)
            most.add(100 * shares.inTheEnd)
        }
        print(
            "\nstranded of 10,000 units, three nodes, nine of ten requests at one of them, \(rounds) clients; per cent"
        )
        print("when it first refuses".padded(26) + first.text(digits: 2))
        print("when all refuse".padded(26) + most.text(digits: 2))
    }

    private func measureMemory(_ folder: TemporaryFolder) throws(BenchmarkError) {
        let program = try TollgateProgram.path(tollgate)
        let empty = try FilledNode(program, keys: 0, folder: folder, name: "empty").start()
        let filled = try FilledNode(program, keys: keys, folder: folder).start()
        guard filled.keys >= keys else { throw BenchmarkError("the node holds \(filled.keys) keys, not \(keys)") }
        let each = Double(filled.residentBytes - min(filled.residentBytes, empty.residentBytes)) / Double(keys)
        print("\nresident memory of a node with \(keys) keys, read from its snapshot")
        print("bytes a key".padded(26) + "\(Series.decimal(each, 1)); budget \(Int(Self.keyBudget))")
        let whole = Double(filled.residentBytes) / 1e6
        print("whole process, MB".padded(26) + "\(Series.decimal(whole, 1)); budget \(Int(Self.processBudget))")
        print("without keys, MB".padded(26) + Series.decimal(Double(empty.residentBytes) / 1e6, 1))
    }
}
