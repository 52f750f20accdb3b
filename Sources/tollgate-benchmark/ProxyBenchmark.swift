import ArgumentParser

/// `tollgate-benchmark proxy`: user CPU a proxied request, against nginx with limit_req doing the same work beside it.
struct ProxyBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proxy",
        abstract: "User CPU for a proxied request, against nginx with limit_req.",
        discussion: """
            Starts `tollgate serve` and nginx before one upstream, all on loopback, and loads them in turns with wrk. What \
            counts is user CPU for a request, which other programs on the machine disturb little; requests a second are \
            told beside it. Needs Debian's nginx and wrk: apt-get install nginx-light wrk.
            """
    )

    /// DESIGN section 12; for the final engine.
    static let budget = 1.0

    @Option(help: "The tollgate to measure (default: the one beside this program).")
    var tollgate: String?

    @Option(help: "Rounds; each loads both proxies once.")
    var rounds = 9

    @Option(help: "Seconds that each is loaded in a round.")
    var seconds = 2

    @Option(help: "Connections that are kept busy.")
    var connections = 64

    @Option(help: "Bytes of the upstream's response body.")
    var body = 1_024

    func validate() throws {
        if !(1...100).contains(rounds) { throw ValidationError("--rounds is from 1 to 100.") }
        if !(1...60).contains(seconds) { throw ValidationError("--seconds is from 1 to 60.") }
        if !(1...1_000).contains(connections) { throw ValidationError("--connections is from 1 to 1000.") }
        if !(1...4_000).contains(body) { throw ValidationError("--body is from 1 to 4000.") }
    }

    func run() throws {
        Surroundings.enter()
        try measure()
    }

    private func measure() throws(BenchmarkError) {
        let missing = ["nginx", "wrk"].filter { ChildProcess.find($0) == nil }
        guard missing.isEmpty else {
            throw BenchmarkError("\(missing.joined(separator: " and ")) missing: apt-get install nginx-light wrk")
        }
        let folder = try TemporaryFolder()
        let program = try TollgateProgram.path(tollgate)
        let contenders = try ProxyContenders(tollgatePath: program, bodyBytes: body, folder: folder)
        let wrk = Wrk(connections: connections, folder: folder)
        print(
            "\(connections) connections, \(rounds) rounds of \(seconds) s each, \(contenders.workers) workers each,"
                + " body of \(body) bytes"
        )
        // Both reach their steady state first: connections to the upstream, memory, caches.
        for contender in [contenders.tollgate, contenders.nginx] { _ = try wrk.run(port: contender.port, seconds: 1) }

        var tollgate = Columns()
        var nginx = Columns()
        for round in 0..<rounds {
            // Who comes first changes, so that a drift of the machine favours nobody.
            if round % 2 == 0 { tollgate.add(try contenders.tollgate.cost(wrk, seconds: seconds)) }
            nginx.add(try contenders.nginx.cost(wrk, seconds: seconds))
            if round % 2 == 1 { tollgate.add(try contenders.tollgate.cost(wrk, seconds: seconds)) }
        }
        report(tollgate, nginx)
    }

    /// What was measured of one contender, round by round.
    private struct Columns {
        var user = Series()
        var system = Series()
        var rate = Series()

        mutating func add(_ cost: ProxyContender.Cost) {
            user.add(cost.userMicroseconds)
            system.add(cost.systemMicroseconds)
            rate.add(cost.requestsPerSecond)
        }

        func line(_ name: String) -> String {
            name.padded(10) + user.text().padded(24) + system.text().padded(24) + rate.text(digits: 0)
        }
    }

    private func report(_ tollgate: Columns, _ nginx: Columns) {
        print("".padded(10) + "user µs/request".padded(24) + "system µs/request".padded(24) + "requests/s")
        print(tollgate.line("tollgate"))
        print(nginx.line("nginx"))
        let ratio = tollgate.user / nginx.user
        print("user CPU of tollgate over nginx: \(ratio.text(digits: 2)); budget \(Self.budget), of the final engine")
        let system = tollgate.system / nginx.system
        print("system CPU of tollgate over nginx: \(system.text(digits: 2))")
    }
}
