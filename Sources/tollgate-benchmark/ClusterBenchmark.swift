import ArgumentParser

/// `tollgate-benchmark cluster`: three nodes against a three-node etcd, and what a cluster does when it must.
struct ClusterBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract: "Strong decisions of three nodes against puts of a three-node etcd, failover, redemptions, start-up.",
        discussion: """
            Starts three nodes of Tollgate and three of etcd on loopback, with their folders below TMPDIR, and loads them \
            in turns with the same generator: connections that each send a request when the last was answered, to the \
            leader first and to all nodes in turns. A decision is a question to a check listener about a policy that is \
            `strong`, with limits that nobody reaches, so that each is a committed charge; a put of etcd goes to its HTTP \
            gateway. Needs Debian's etcd-server, and a C compiler for the library that slows fdatasync down: apt-get \
            install etcd-server gcc.
            """
    )

    /// What can be measured.
    enum Part: String, CaseIterable, ExpressibleByArgument {
        case decisions, redemptions, failover, start
        case slowDisk = "slow-disk"
    }

    static let connections = [1, 64, 256]
    /// DESIGN section 12: decisions over puts, at 256 connections.
    static let rateBudget = 3.0
    /// p99 of decisions over that of puts, with any number of connections.
    static let tailBudget = 1.0
    /// With 1 ms added to each fdatasync: p50 of a decision over fdatasync and two round trips.
    static let floorBudget = 1.5
    static let addedNanoseconds = 1_000_000
    /// Milliseconds without a leader.
    static let failoverMedianBudget = 400.0
    static let failoverMaximumBudget = 1_000.0
    /// Seconds to start.
    static let startBudget = 2.0

    @Option(help: "The tollgate to measure (default: the one beside this program).")
    var tollgate: String?

    @Option(help: "What to measure; may be given several times (default: everything).")
    var part: [Part] = Part.allCases

    @Option(help: "Rounds; each measures everything once.")
    var rounds = 7

    @Option(help: "Milliseconds of each measurement.")
    var duration = 2_000

    @Option(help: "How often the leader is killed.")
    var kills = 20

    @Option(help: "Challenges that are redeemed in a round.")
    var redemptions = 10_000

    @Option(help: "Quotas in the snapshot that a node starts from.")
    var keys = 1_000_000

    func validate() throws {
        if !(1...100).contains(rounds) { throw ValidationError("--rounds is from 1 to 100.") }
        if !(100...60_000).contains(duration) { throw ValidationError("--duration is from 100 to 60000.") }
        if !(1...1_000).contains(kills) { throw ValidationError("--kills is from 1 to 1000.") }
        if !(1_000...1_000_000).contains(redemptions) {
            throw ValidationError("--redemptions is from 1000 to 1000000.")
        }
        if !(1...10_000_000).contains(keys) { throw ValidationError("--keys is from 1 to 10000000.") }
    }

    func run() throws {
        Surroundings.enter()
        try measure()
    }

    private func measure() throws(BenchmarkError) {
        let program = try TollgateProgram.path(tollgate)
        let folder = try TemporaryFolder()
        print("median (minimum–maximum)")
        if !Set(part).isDisjoint(with: [.decisions, .redemptions, .failover]) {
            let trio = try TollgateTrio(program, name: "node", folder: folder)
            if part.contains(.decisions) { try measureDecisions(trio, folder) }
            if part.contains(.redemptions) { try measureRedemptions(trio) }
            if part.contains(.failover) { try measureFailover(trio) }
        }
        if part.contains(.slowDisk) { try measureSlowDisk(program, folder) }
        if part.contains(.start) { try measureStart(program, folder) }
    }

    // MARK: Decisions and puts

    /// One side, with one number of connections, round by round.
    private struct Columns {
        var rate = Series()
        var median = Series()
        var p99 = Series()

        mutating func add(_ load: HTTPLoad) {
            rate.add(load.perSecond)
            median.add(load.medianMicroseconds)
            p99.add(load.p99Microseconds)
        }

        func line(_ name: String) -> String {
            name.padded(22) + rate.text(digits: 0).padded(26) + median.text(digits: 0).padded(24) + p99.text(digits: 0)
        }
    }

    private func measureDecisions(_ trio: TollgateTrio, _ folder: TemporaryFolder) throws(BenchmarkError) {
        guard ChildProcess.find("etcd") != nil else {
            throw BenchmarkError("etcd is missing: apt-get install etcd-server")
        }
        let etcd = try EtcdTrio(folder: folder)
        let most = Self.connections.max()!
        let questions = (0..<most).map { TollgateTrio.question(client: $0) }
        let puts = (0..<most).map { EtcdTrio.put(key: $0) }
        // Both reach their steady state first.
        _ = try load(trio.ports(), most, questions)
        _ = try load(etcd.ports, most, puts)

        var decisions = Self.connections.map { _ in Columns() }
        var others = Self.connections.map { _ in Columns() }
        for round in 0..<rounds {
            for (place, connections) in Self.connections.enumerated() {
                // In turns, and each first as often as the other.
                let isFirst = (round + place) % 2 == 0
                if isFirst { decisions[place].add(try load(trio.ports(), connections, questions)) }
                others[place].add(try load(etcd.ports, connections, puts))
                if !isFirst { decisions[place].add(try load(trio.ports(), connections, questions)) }
            }
        }
        print("\nstrong decisions and puts, \(rounds) rounds of \(duration) ms")
        print("connections".padded(22) + "a second".padded(26) + "p50 µs".padded(24) + "p99 µs")
        for (place, connections) in Self.connections.enumerated() {
            let (ours, theirs) = (decisions[place], others[place])
            print(ours.line("\(connections)".padded(12) + "tollgate"))
            print(theirs.line("".padded(12) + "etcd"))
            let rate = (ours.rate / theirs.rate).text(digits: 2)
            let median = (ours.median / theirs.median).text(digits: 2)
            let p99 = (ours.p99 / theirs.p99).text(digits: 2)
            print("".padded(12) + "ratio".padded(10) + rate.padded(26) + median.padded(24) + p99)
        }
        print(
            "budget: at 256 connections at least \(Self.rateBudget) × as many a second, with any p99 at most"
                + " \(Self.tailBudget) ×"
        )
    }

    private func load(_ ports: [UInt16], _ connections: Int, _ requests: [[UInt8]]) throws(BenchmarkError) -> HTTPLoad {
        try HTTPLoad.run(ports: ports, connections: connections, milliseconds: duration) { requests[$0] }
    }

    // MARK: The rest

    private func measureRedemptions(_ trio: TollgateTrio) throws(BenchmarkError) {
        var columns = Columns()
        let connections = 64
        for _ in 0..<rounds {
            let ports = try trio.ports()
            var requests = try Redemptions(redemptions, ports: ports)
            columns.add(
                try HTTPLoad.run(ports: ports, connections: connections, milliseconds: 60_000) { _ in requests.next() }
            )
        }
        print("\nredemptions, \(rounds) rounds of \(redemptions), \(connections) connections")
        print("".padded(22) + "a second".padded(26) + "p50 µs".padded(24) + "p99 µs")
        print(columns.line("tollgate"))
    }

    private func measureFailover(_ trio: TollgateTrio) throws(BenchmarkError) {
        let times = try Failover.measure(trio, kills: kills)
        print("\nfrom kill -9 of the leader to the next strong decision, \(kills) kills")
        print(
            "ms".padded(22) + times.text(digits: 0)
                + "; budget: median at most \(Int(Self.failoverMedianBudget)), maximum \(Int(Self.failoverMaximumBudget))"
        )
    }

    private func measureSlowDisk(_ program: String, _ folder: TemporaryFolder) throws(BenchmarkError) {
        let environment = try SlowSynchronization.build(addedNanoseconds: Self.addedNanoseconds, folder: folder)
        let disk = SlowDisk(addedNanoseconds: Self.addedNanoseconds)
        let trio = try TollgateTrio(program, name: "slow", environment: environment, folder: folder)
        let question = [TollgateTrio.question(client: 0)]
        var decisions = Series()
        var synchronization = Series()
        var roundTrip = Series()
        var floors = Series()
        _ = try load(trio.ports(), 1, question)
        for _ in 0..<rounds {
            decisions.add(try load(trio.ports(), 1, question).medianMicroseconds)
            let floor = try DecisionFloor.measure(disk: disk, folder: folder, milliseconds: duration)
            synchronization.add(floor.synchronization)
            roundTrip.add(floor.roundTrip)
            floors.add(floor.microseconds)
        }
        print("\n1 ms added to each fdatasync, one connection, \(rounds) rounds of \(duration) ms; p50 in µs")
        print("strong decision".padded(22) + decisions.text(digits: 0))
        print("fdatasync, 3 writers".padded(22) + synchronization.text(digits: 0))
        print("loopback round trip".padded(22) + roundTrip.text(digits: 0))
        print(
            "decision over fdatasync and two round trips: \((decisions / floors).text(digits: 2));"
                + " budget \(Self.floorBudget)"
        )
    }

    private func measureStart(_ program: String, _ folder: TemporaryFolder) throws(BenchmarkError) {
        let node = try FilledNode(program, keys: keys, folder: folder)
        var seconds = Series()
        for _ in 0..<rounds {
            let start = try node.start()
            guard start.keys >= keys else { throw BenchmarkError("the node holds \(start.keys) keys, not \(keys)") }
            seconds.add(start.seconds)
        }
        print("\nstart with \(keys) keys in the snapshot, until ready, \(rounds) starts")
        print("s".padded(22) + seconds.text(digits: 2) + "; budget \(Self.startBudget)")
    }
}
