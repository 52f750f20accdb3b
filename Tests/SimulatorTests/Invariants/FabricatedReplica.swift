import Raft
import Simulator
import Wire

/// A replica that is in whatever state a test says.
struct FabricatedReplica: RaftView {
    var id: ReplicaID
    var role = Role.follower
    var term = Term.zero
    var vote: ReplicaID?
    var commitIndex = LogIndex.zero
    var appliedIndex = LogIndex.zero
    var snapshot: SnapshotDescription
    var entries: [Entry] = []
    var progress: [(id: ReplicaID, progress: Progress)] = []
    /// In place of the log's last membership.
    var wrongConfiguration: Configuration?

    var lastPosition: LogPosition { entries.last?.position ?? snapshot.position }
    var firstIndex: LogIndex { entries.first?.position.index ?? snapshot.position.index + 1 }

    var configuration: Configuration {
        if let wrongConfiguration { return wrongConfiguration }
        for entry in entries.reversed() {
            if case .configuration(let configuration) = entry.payload { return configuration }
        }
        return snapshot.configuration
    }

    func entry(at index: LogIndex) -> Entry? { entries.first { $0.position.index == index } }

    func term(at index: LogIndex) -> Term? {
        index == snapshot.position.index ? snapshot.position.term : entry(at: index)?.position.term
    }

    /// Puts an entry at the end.
    mutating func append(_ payload: Entry.Payload = .noOperation, term: UInt64) {
        let position = LogPosition(term: Term(term), index: lastPosition.index + 1)
        entries.append(Entry(position: position, payload: payload))
    }

    /// Takes away entries from an index on.
    mutating func cut(from index: UInt64) { entries.removeAll { $0.position.index.rawValue >= index } }
}
