import Raft
import Wire

/// One node of a scenario: a core while it runs, a disk, a state machine.
struct ScenarioNode {
    let id: ReplicaID
    var disk: ScenarioDisk
    /// Nil while it is down.
    var raft: Raft?
    var machine: ScenarioMachine
    /// Answers to reads, by context; an answer of nil is a refusal.
    var reads: [UInt64: LogIndex?] = [:]
    /// What was shown last, so that changes can be shown.
    var shown: (role: Role, term: Term, commit: LogIndex)?

    init(id: ReplicaID, disk: ScenarioDisk) {
        self.id = id
        self.disk = disk
        machine = ScenarioMachine(index: disk.snapshot.position.index, payload: disk.payload)
    }

    /// A process begins: all it knows is on the disk.
    mutating func start(_ settings: RaftSettings) {
        let raft = Raft(id: id, settings: settings, restored: disk.restored, seed: id.low)
        self.raft = raft
        machine = ScenarioMachine(index: disk.snapshot.position.index, payload: disk.payload)
        reads = [:]
        shown = (raft.role, raft.term, raft.commitIndex)
    }

    mutating func crash(keepingWrites count: Int) {
        raft = nil
        disk.crash(keeping: count)
    }

    /// The log in memory.
    var log: [Entry] {
        guard let raft else { return disk.entries }
        var entries: [Entry] = []
        var index = raft.firstIndex
        while let entry = raft.entry(at: index) {
            entries.append(entry)
            index = index + 1
        }
        return entries
    }

    var text: String {
        let log = log.map(\.text).joined(separator: " ")
        guard let raft else { return "\(id.name) is down; on its disk \(log)" }
        return "\(id.name) \(raft.role.text) term \(raft.term.rawValue) leader \(raft.leader?.name ?? "none")"
            + " commit \(raft.commitIndex.rawValue) durable \(raft.durableIndex.rawValue)"
            + " snapshot \(raft.snapshot.position.text) members \(raft.configuration.text) log \(log)"
    }
}
