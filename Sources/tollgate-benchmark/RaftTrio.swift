import Raft
import Wire

/// Three cores in one thread: messages are handed over as values, writes are durable at once, snapshots are made when
/// enough entries have been applied, so that the logs stay short.
struct RaftTrio {
    private var cores: [Raft]
    private let ids: [ReplicaID]
    /// Highest index that each has applied.
    private var applied = [UInt64](repeating: 0, count: 3)
    /// Index of the last snapshot of each.
    private var compacted = [UInt64](repeating: 0, count: 3)
    private var inboxes: [[Message]] = [[], [], []]

    /// Entries between snapshots.
    private static let snapshotEvery: UInt64 = 16_384

    /// A group whose first core leads.
    init() throws(BenchmarkError) {
        let ids = (1...3).map { ReplicaID(high: 0, low: $0) }
        self.ids = ids
        let members = ids.map { Member(id: $0, name: "\($0.low)", address: "") }
        let snapshot = SnapshotDescription(
            position: .zero,
            configuration: Configuration(members: members, voters: ids),
            bytes: 0
        )
        cores = ids.map { id in
            Raft(
                id: id,
                settings: RaftSettings(),
                restored: RestoredState(hardState: .initial, snapshot: snapshot, entries: []),
                seed: id.low
            )
        }
        cores[0].campaign()
        while pump() {}
        guard cores[0].role == .leader else { throw BenchmarkError("the first of three cores does not lead") }
    }

    /// Proposes `count` commands, at most `window` of them not yet committed, until all three have applied all.
    mutating func replicate(_ command: [UInt8], count: Int, window: Int) throws(BenchmarkError) {
        var proposed = 0
        let first = applied[0]
        while applied[0] - first < count {
            let room = min(window - (proposed - Int(applied[0] - first)), count - proposed)
            if room > 0 {
                let commands = [[UInt8]](repeating: command, count: room)
                do throws(ProposalRefusal) {
                    try cores[0].propose(commands)
                } catch {
                    throw BenchmarkError("a proposal was refused: \(error)")
                }
                proposed += room
            }
            guard pump() else { throw BenchmarkError("three cores stand still") }
        }
        // A commit index reaches the followers with the next message, at last with a heartbeat.
        var ticks = 0
        while applied[1] < applied[0] || applied[2] < applied[0] {
            cores[0].tick()
            ticks += 1
            while pump() {}
            guard ticks < 100 else { throw BenchmarkError("the followers do not apply") }
        }
    }

    /// Carries out what each core wants, once. False where none wanted anything.
    private mutating func pump() -> Bool {
        var hasWorked = false
        for index in cores.indices {
            if !inboxes[index].isEmpty {
                for message in inboxes[index] { cores[index].step(message) }
                inboxes[index].removeAll(keepingCapacity: true)
            }
            let output = cores[index].takeOutput()
            if output.isEmpty { continue }
            hasWorked = true
            for message in output.messages {
                inboxes[message.to.low == 1 ? 0 : message.to.low == 2 ? 1 : 2].append(message)
            }
            if let persist = output.persist { cores[index].persisted(persist.number) }
            apply(output.apply, at: index)
        }
        return hasWorked
    }

    private mutating func apply(_ steps: [ApplyStep], at index: Int) {
        for step in steps {
            guard case .entries(let entries) = step, let last = entries.last?.position else { continue }
            applied[index] = last.index.rawValue
            cores[index].applied(through: last.index)
            guard last.index.rawValue >= compacted[index] + Self.snapshotEvery else { continue }
            compacted[index] = last.index.rawValue
            let made = SnapshotDescription(
                position: last,
                configuration: cores[index].snapshot.configuration,
                bytes: 0
            )
            cores[index].compact(to: made, keepingFrom: LogIndex(last.index.rawValue - Self.snapshotEvery / 2))
        }
    }
}
