import Ledger
import Raft
import RaftStorage
import Simulator
import Wire

@testable import Replica

/// A log's worker on a disk in memory, and a state whose snapshot is several blocks: what the tests of snapshots in
/// slices share.
struct SlicedSnapshot {
    typealias Worker = StorageWorker<Ledger, SimulatedDisk>
    typealias Completion = StorageCompletion<Ledger>

    static let directory = "/d"
    private static let id = ReplicaID(high: 1, low: 1)
    static let configuration = Configuration(members: [Member(id: id, name: "a", address: "a:1")], voters: [id])
    /// Of so many keys, after the third entry; made once.
    static let machine = ledger(keys: 9_000)
    static let genesis = Ledger(
        genesis: Genesis(clusterID: ClusterID(high: 1, low: 1), secret: Array(repeating: 1, count: 32))
    )
    static let payload = SnapshotPayload.encode(machine)

    static var settings: StorageSettings {
        var settings = StorageSettings()
        settings.segmentBytes = 4_096
        settings.snapshotSliceBytes = 1 << 16
        return settings
    }

    static func position(_ index: UInt64) -> LogPosition { LogPosition(term: Term(1), index: LogIndex(index)) }

    static func description(_ index: UInt64, bytes: Int = 0) -> SnapshotDescription {
        SnapshotDescription(position: position(index), configuration: configuration, bytes: UInt64(bytes))
    }

    static func plan(_ index: UInt64) -> StorageRequest<Ledger> {
        .snapshot(SnapshotPlan(description: description(index), machine: machine))
    }

    /// The entry of that index, which is also the number of its request.
    static func persist(_ index: UInt64, _ bytes: Int = 100) -> StorageRequest<Ledger> {
        let entry = Entry(position: position(index), payload: .command([UInt8](repeating: UInt8(index), count: bytes)))
        let state = index == 1 ? HardState(term: Term(1), vote: id) : nil
        return .persist(PersistRequest(number: index, hardState: state, entries: [entry]))
    }

    /// A leader's snapshot, in parts.
    static func parts(_ index: UInt64, transfer: UInt64, _ bytes: [UInt8] = payload) -> [IncomingSnapshotPart] {
        stride(from: 0, to: bytes.count, by: 50_000).map { begin in
            let end = min(begin + 50_000, bytes.count)
            return IncomingSnapshotPart(
                transfer: transfer,
                snapshot: description(index, bytes: bytes.count),
                offset: UInt64(begin),
                data: Array(bytes[begin..<end]),
                isLast: end == bytes.count
            )
        }
    }

    private static func ledger(keys: UInt64) -> Ledger {
        var ledger = genesis
        var sequence: UInt64 = 0
        func batch(_ commands: [Command]) -> Batch {
            Batch(
                time: .zero,
                commands: commands.map {
                    sequence += 1
                    return SequencedCommand(
                        session: SessionID(rawValue: 1),
                        sequence: sequence,
                        floor: sequence,
                        command: $0
                    )
                }
            )
        }
        _ = ledger.apply(batch([.openSession(owner: id)]), index: 1)
        let limit = LimitDefinition(role: .free, key: "client", interval: 1_000_000_000, burst: 10)
        let policy = PolicyDefinition(name: "api", maxKeys: 100_000, limits: [limit])
        _ = ledger.apply(batch([.setPolicies(expectedRevision: 0, policies: [policy])]), index: 2)
        let facts = ledger.facts.policies[0]
        var generator = Xoshiro256(seed: 1)
        let charges = (0..<keys).map { _ in
            let key = QuotaKey(high: generator.next(), low: generator.next())
            let charge = LimitCharge(limit: facts.limits[0].id, key: key, fallback: key, reserve: 0)
            return Command.charge(Charge(policy: facts.id, cost: 1, pass: nil, limits: [charge]))
        }
        _ = ledger.apply(batch(charges), index: 3)
        return ledger
    }

    // MARK: - One disk

    let disk: SimulatedDisk
    var worker: Worker
    private(set) var completions: [Completion] = []

    init(seed: UInt64 = 1) throws {
        disk = SimulatedDisk(generator: Xoshiro256(seed: seed))
        try disk.makeDirectory(Self.directory)
        try disk.synchronizeDirectory("/")
        let genesis = SnapshotPayload.encode(Self.genesis)
        let log = try LogStorage.create(
            directory: Self.directory,
            files: disk,
            identity: StorageIdentity(cluster: ClusterID(high: 1, low: 1), node: "a", replica: Self.id),
            snapshot: Self.description(0, bytes: genesis.count),
            payload: genesis,
            settings: Self.settings
        )
        worker = Worker(storage: log, clock: DurableFile(path: Self.directory + "/clock", files: disk))
    }

    /// Entries up to that one, each in a group of its own.
    mutating func persist(through index: UInt64) {
        for index in 1...index { execute(Self.persist(index)) }
    }

    mutating func execute(_ requests: StorageRequest<Ledger>...) { completions += worker.execute(requests) }

    mutating func writeSlice() { completions += worker.writeSlice() }

    /// Goes on to the snapshot's end.
    mutating func writeSlices() {
        while worker.isWritingSnapshot { writeSlice() }
    }

    /// Persist requests that are durable, as far as was told.
    var persisted: UInt64 {
        completions.reduce(0) { last, completion in
            if case .persisted(let number) = completion { max(last, number) } else { last }
        }
    }

    /// Snapshots, own and received, of which it was told that they are durable.
    var stored: [UInt64] {
        completions.compactMap {
            switch $0 {
            case .snapshotted(let description): description.position.index.rawValue
            case .received(_, let position, _): position.index.rawValue
            default: nil
            }
        }
    }

    var superseded: [UInt64] {
        completions.compactMap {
            if case .snapshotSuperseded(let position) = $0 { position.index.rawValue } else { nil }
        }
    }

    var hasFailed: Bool { completions.contains { if case .failed = $0 { true } else { false } } }

    /// Snapshots of the own state that found no room.
    var unkept: Int { completions.count { if case .snapshotFailed = $0 { true } else { false } } }

    /// Names of unfinished files.
    var unfinished: [String] {
        let names = (try? disk.list(Self.directory + "/snapshots")) ?? []
        return names.filter { $0.hasSuffix(".tmp") }
    }

    /// What a start finds: the last entry, and the newest snapshot with the state that is in it.
    func reopen() throws -> (last: UInt64, snapshot: UInt64, machine: Ledger) {
        var (log, recovered) = try LogStorage.open(directory: Self.directory, files: disk, settings: Self.settings)
        defer { log.close() }
        let snapshot = recovered.restored.snapshot
        let bytes = try log.readSnapshot(snapshot.position, offset: 0, count: Int(snapshot.bytes))
        let machine = try SnapshotPayload<Ledger>.decode(bytes, at: snapshot.position.index)
        let last = recovered.restored.entries.last?.position.index ?? snapshot.position.index
        return (last.rawValue, snapshot.position.index.rawValue, machine)
    }
}
