import ArgumentParser
import Ledger
import Raft
import RaftStorage
import Replica
import Wire

/// `tollgate-benchmark snapshot`: what a snapshot of a large state costs whoever waits for the log meanwhile.
struct SnapshotBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot",
        abstract: "Writes a snapshot of a large state between appends to the log, and starts from it.",
        discussion: """
            One writer appends to a log and waits until that is durable, alone and then while a snapshot is written in \
            slices, one between two appends, as a node's log thread does it. Beside it the same snapshot without appends \
            between, which is what an append would wait for if it were written in one piece; what the first batches \
            of commands cost while the snapshot shares its memory with the state; and how long a node takes to start \
            from it. In a folder of TMPDIR.
            """
    )

    /// A node starts from a million keys in at most this many milliseconds.
    static let startBudget = 2_000.0

    private typealias Files = PosixFileSystem
    private static let id = ReplicaID(high: 1, low: 1)
    private static let cluster = ClusterID(high: 1, low: 1)

    @Option(help: "Keys in the state.")
    var keys = 1_000_000

    @Option(help: "Rounds; each measures everything once.")
    var rounds = 5

    func validate() throws {
        if !(1_000...4_000_000).contains(keys) { throw ValidationError("--keys is from 1000 to 4000000.") }
        if !(1...100).contains(rounds) { throw ValidationError("--rounds is from 1 to 100.") }
    }

    func run() throws {
        Surroundings.enter()
        let folder = try TemporaryFolder()
        var state = FilledLedger(keys: keys)
        var alone = Series()
        var meanwhile = Series()
        var all = Series()
        var inOnePiece = Series()
        var first = Series()
        var start = Series()
        for round in 0..<rounds {
            let path = "\(folder.path)/\(round)"
            let log = try LogStorage.create(
                directory: path,
                files: Files(),
                identity: StorageIdentity(cluster: Self.cluster, node: "benchmark", replica: Self.id),
                snapshot: SnapshotDescription(position: .zero, configuration: .empty, bytes: 0),
                payload: [],
                settings: StorageSettings()
            )
            var run = Run(worker: .init(storage: log, clock: DurableFile(path: path + "/clock", files: Files())))
            alone.add(try (0..<200).map { _ in try run.append() }.max() ?? 0)
            run.begin(state.ledger)
            first.add((0..<20).map { _ in state.charge(256) }.max() ?? 0)
            let began = Clock.nanoseconds()
            var longest = 0.0
            while run.worker.isWritingSnapshot { longest = max(longest, try run.sliceAndAppend()) }
            meanwhile.add(longest)
            all.add(milliseconds(since: began))
            run.begin(state.ledger)
            let again = Clock.nanoseconds()
            while run.worker.isWritingSnapshot { _ = run.worker.writeSlice() }
            inOnePiece.add(milliseconds(since: again))
            run.worker.close()
            let opening = Clock.nanoseconds()
            var (storage, found) = try NodeStorage<Ledger, Files>.open(
                directory: path,
                node: "benchmark",
                files: Files(),
                settings: StorageSettings(),
                genesis: { Ledger(genesis: $0.genesis) }
            )
            start.add(milliseconds(since: opening))
            storage.close()
            guard found.replica?.machine?.counts.keys == keys else { throw BenchmarkError("the state is another one") }
            TemporaryFolder.remove(path)
        }
        print("a snapshot of \(keys) keys, ms: median (minimum–maximum) of \(rounds) rounds")
        print("  longest append, alone".padded(52) + alone.text())
        print("  longest from append to append, meanwhile".padded(52) + meanwhile.text())
        print("  all slices, with the appends between".padded(52) + all.text())
        print("  all slices, without".padded(52) + inOnePiece.text())
        print("  slowest of the first 20 batches of 256 commands".padded(52) + first.text())
        print("  start from it".padded(52) + start.text() + "; budget at most \(Series.decimal(Self.startBudget, 0))")
    }

    /// A log to which one writer appends.
    private struct Run {
        var worker: StorageWorker<Ledger, Files>
        var last: UInt64 = 0

        /// How long it took, in milliseconds.
        mutating func append() throws(BenchmarkError) -> Double {
            let began = Clock.nanoseconds()
            last += 1
            let entry = Entry(
                position: LogPosition(term: Term(1), index: LogIndex(last)),
                payload: .command([UInt8](repeating: 7, count: 2_000))
            )
            let state = last == 1 ? HardState(term: Term(1), vote: nil) : nil
            let done = worker.execute([.persist(PersistRequest(number: last, hardState: state, entries: [entry]))])
            guard case .persisted(last)? = done.last else { throw BenchmarkError("an append failed") }
            return milliseconds(since: began)
        }

        mutating func sliceAndAppend() throws(BenchmarkError) -> Double {
            let began = Clock.nanoseconds()
            for case .snapshotFailed(_, let why) in worker.writeSlice() { throw BenchmarkError(why) }
            _ = try append()
            return milliseconds(since: began)
        }

        mutating func begin(_ ledger: Ledger) {
            let description = SnapshotDescription(
                // Beyond the entries that the ledger was filled by.
                position: LogPosition(term: Term(1), index: LogIndex(1 << 40 + last)),
                configuration: Configuration(members: [Member(id: id, name: "b", address: "b:1")], voters: [id]),
                bytes: 0
            )
            _ = worker.execute([.snapshot(SnapshotPlan(description: description, machine: ledger))])
        }
    }
}

/// A ledger with many keys.
private struct FilledLedger {
    private(set) var ledger: Ledger
    private let policy: PolicyFacts
    private var generator = Xoshiro256(seed: 1)
    private var keys: [QuotaKey] = []
    private var sequence: UInt64 = 0

    init(keys count: Int) {
        let secret = [UInt8](repeating: 1, count: LedgerBounds.secretBytes)
        ledger = Ledger(genesis: Genesis(clusterID: ClusterID(high: 1, low: 1), secret: secret))
        let limit = LimitDefinition(role: .free, key: "client", interval: 1_000_000_000_000, burst: 1_000)
        let definition = PolicyDefinition(name: "api", maxKeys: LedgerBounds.keysPerLimit, limits: [limit])
        let opening = SequencedCommand(
            session: SessionID(rawValue: 1),
            sequence: 0,
            floor: 0,
            command: .openSession(owner: ReplicaID(high: 1, low: 1))
        )
        _ = ledger.apply(Batch(time: .zero, commands: [opening]), index: 1)
        let revision = SequencedCommand(
            session: SessionID(rawValue: 1),
            sequence: 0,
            floor: 0,
            command: .setPolicies(expectedRevision: 0, policies: [definition])
        )
        _ = ledger.apply(Batch(time: .zero, commands: [revision]), index: 2)
        policy = ledger.facts.policies[0]
        while keys.count < count {
            let new = (0..<min(1_000, count - keys.count)).map { _ in
                QuotaKey(high: generator.next(), low: generator.next())
            }
            keys += new
            apply(new)
        }
    }

    /// Charges so many keys in one batch. How long it took, in milliseconds.
    mutating func charge(_ count: Int) -> Double {
        let batch = (0..<count).map { _ in keys[Int(generator.below(UInt64(keys.count)))] }
        let began = Clock.nanoseconds()
        apply(batch)
        return milliseconds(since: began)
    }

    private mutating func apply(_ keys: [QuotaKey]) {
        let commands = keys.map { key in
            sequence += 1
            let charge = LimitCharge(limit: policy.limits[0].id, key: key, fallback: key, reserve: 0)
            return SequencedCommand(
                session: SessionID(rawValue: 1),
                sequence: sequence,
                floor: sequence,
                command: .charge(Charge(policy: policy.id, cost: 1, pass: nil, limits: [charge]))
            )
        }
        _ = ledger.apply(Batch(time: .zero, commands: commands), index: ledger.lastIndex + 1)
    }
}

private func milliseconds(since began: UInt64) -> Double { Double(Clock.nanoseconds() - began) / 1e6 }
