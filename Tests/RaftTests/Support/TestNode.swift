import Raft
import Wire

/// One replica of a test: a core, a disk and a state machine. The disk works at once, or request by request as a test
/// says.
struct TestNode {
    private enum DiskTask {
        case persist(PersistRequest)
        case part(IncomingSnapshotPart)
    }

    /// What is on the disk.
    struct Disk {
        var hardState = HardState.initial
        var snapshot: SnapshotDescription
        var payload: [UInt8]
        /// Consecutive; all of them durable.
        var entries: [Entry] = []
    }

    let id: ReplicaID
    let settings: RaftSettings
    private(set) var raft: Raft
    private(set) var disk: Disk
    private(set) var machine = TestMachine()
    /// Answers to reads, in the order they came.
    private(set) var reads: [ReadState] = []
    /// Messages that the core wants sent; the group takes them.
    var outgoing: [Message] = []
    /// Whether what the core wants on disk waits until a test writes it.
    var isDiskSlow = false
    /// Whether the state machine reports what it applied.
    var isApplying = true
    var isUp = true
    private var tasks: [DiskTask] = []
    private var received: [UInt8] = []
    private var starts: UInt64 = 0

    init(id: ReplicaID, settings: RaftSettings, snapshot: SnapshotDescription, payload: [UInt8], seed: UInt64) {
        self.id = id
        self.settings = settings
        disk = Disk(snapshot: snapshot, payload: payload)
        raft = Raft(
            id: id,
            settings: settings,
            restored: RestoredState(hardState: .initial, snapshot: snapshot, entries: []),
            seed: seed &+ id.low
        )
        restoreMachine()
    }

    /// Requests that wait for the disk.
    var waitingWrites: Int { tasks.count }

    /// Does something to the core, and carries out what it wants then.
    mutating func act<Result>(_ body: (inout Raft) throws -> Result) rethrows -> Result {
        defer { drain() }
        return try body(&raft)
    }

    /// Writes the oldest `count` requests that wait, or all.
    mutating func write(_ count: Int = .max) {
        for _ in 0..<min(count, tasks.count) { writeOne() }
        drain()
    }

    /// Carries out what the core wants until it wants nothing.
    mutating func drain() {
        while true {
            let output = raft.takeOutput()
            if output.isEmpty { break }
            carryOut(output)
            if !isDiskSlow { while !tasks.isEmpty { writeOne() } }
        }
    }

    /// Dies: what waits for the disk is lost, or `writing` requests of it are not.
    mutating func crash(writing count: Int = 0) {
        for _ in 0..<min(count, tasks.count) { writeOne() }
        tasks = []
        received = []
        outgoing = []
        isUp = false
    }

    /// Starts again with what is on the disk.
    mutating func restart(seed: UInt64 = 0) {
        starts += 1
        isUp = true
        raft = Raft(
            id: id,
            settings: settings,
            restored: RestoredState(hardState: disk.hardState, snapshot: disk.snapshot, entries: disk.entries),
            seed: seed &+ id.low &+ starts &* 1_000
        )
        restoreMachine()
    }

    /// Makes a snapshot of what is applied and drops all entries before it but `keeping` of them.
    mutating func compact(keeping: UInt64 = 0) {
        guard let term = raft.term(at: raft.appliedIndex) else { return }
        disk.payload = machine.encode()
        disk.snapshot = SnapshotDescription(
            position: LogPosition(term: term, index: raft.appliedIndex),
            configuration: raft.appliedConfiguration,
            bytes: UInt64(disk.payload.count)
        )
        let index = raft.appliedIndex.rawValue
        let keepingFrom = LogIndex(index >= keeping ? index - keeping + 1 : 1)
        disk.entries.removeAll { $0.position.index < keepingFrom }
        let snapshot = disk.snapshot
        act { $0.compact(to: snapshot, keepingFrom: keepingFrom) }
    }

    /// As `compact`, on a disk that keeps the file of the snapshot before, which is being sent.
    mutating func compactWithoutFile() {
        guard let term = raft.term(at: raft.appliedIndex) else { return }
        let snapshot = SnapshotDescription(
            position: LogPosition(term: term, index: raft.appliedIndex),
            configuration: raft.appliedConfiguration,
            bytes: UInt64(machine.encode().count)
        )
        act { $0.compact(to: snapshot, keepingFrom: snapshot.position.index + 1) }
    }

    // MARK: - What the core wants

    private mutating func carryOut(_ output: RaftOutput) {
        if let request = output.persist { tasks.append(.persist(request)) }
        tasks += output.snapshotParts.map(DiskTask.part)
        for message in output.messages { if let filled = fill(message) { outgoing.append(filled) } }
        for step in output.apply {
            switch step {
            case .entries(let entries): for entry in entries { machine.apply(entry) }
            case .restore(let description):
                precondition(description == disk.snapshot, "restored from what is on disk")
                restoreMachine()
            }
        }
        if isApplying { raft.applied(through: machine.appliedIndex) }
        reads += output.reads
    }

    private mutating func restoreMachine() {
        machine = disk.payload.isEmpty ? TestMachine() : (try? TestMachine(decoding: disk.payload)) ?? TestMachine()
    }

    /// The message with its part of a snapshot. Nil where the snapshot is on disk no more.
    private func fill(_ message: Message) -> Message? {
        guard case .snapshotRequest(var request) = message.body else { return message }
        guard request.snapshot == disk.snapshot else { return nil }
        var message = message
        request.data = Array(disk.payload[Int(request.offset)..<Int(request.offset) + Int(request.length)])
        message.body = .snapshotRequest(request)
        return message
    }

    private mutating func writeOne() {
        switch tasks.removeFirst() {
        case .persist(let request):
            if let hardState = request.hardState { disk.hardState = hardState }
            if let first = request.entries.first {
                disk.entries.removeAll { $0.position.index >= first.position.index }
                disk.entries += request.entries
            }
            raft.persisted(request.number)
        case .part(let part):
            if part.offset == 0 { received = [] }
            precondition(UInt64(received.count) == part.offset, "parts come in order")
            received += part.data
            guard part.isLast else { return }
            let position = part.snapshot.position
            if !disk.entries.contains(where: { $0.position == position }) { disk.entries = [] }
            disk.snapshot = part.snapshot
            disk.payload = received
            raft.snapshotInstalled(part.transfer)
        }
    }
}
