import Raft
import Wire

/// What must hold in every scenario after every step, whatever its story is (figure 3 of the paper).
struct ScenarioSafety {
    private var leaders: [Term: ReplicaID] = [:]
    private var committed: [LogIndex: Entry] = [:]
    private var committedFrom: [ReplicaID: LogIndex] = [:]
    private var payloads: [LogPosition: [UInt8]] = [:]

    /// A restart begins anew what a node has committed.
    mutating func check(_ node: ScenarioNode) throws {
        guard let raft = node.raft else { return }
        if raft.role == .leader {
            let leader = leaders[raft.term] ?? raft.id
            guard leader == raft.id else {
                throw ScenarioFailure(
                    "\(leader.name) and \(raft.id.name) lead term \(raft.term.rawValue) (section 5.2)"
                )
            }
            leaders[raft.term] = raft.id
        }
        let checked = min(committedFrom[raft.id] ?? .zero, raft.commitIndex)
        var index = max(checked + 1, raft.firstIndex)
        while index <= raft.commitIndex {
            guard let entry = raft.entry(at: index) else {
                throw ScenarioFailure("\(raft.id.name) commits \(index.rawValue) and has no such entry")
            }
            if let other = committed[index], other != entry {
                throw ScenarioFailure("\(raft.id.name) commits \(entry.text), another \(other.text) (section 5.4.3)")
            }
            committed[index] = entry
            index = index + 1
        }
        committedFrom[raft.id] = raft.commitIndex
    }

    /// Snapshots of one position are the same everywhere, whatever way they came.
    mutating func check(snapshotOf node: ScenarioNode) throws {
        let position = node.disk.snapshot.position
        let payload = payloads[position] ?? node.disk.payload
        guard payload == node.disk.payload else {
            throw ScenarioFailure("\(node.id.name) has another snapshot \(position.text) than others (section 7)")
        }
        payloads[position] = payload
    }

    /// Log matching (section 5.3): where two logs have an entry of the same term at the same place, they are the same
    /// up to there.
    func check(_ nodes: [ScenarioNode]) throws {
        for (number, left) in nodes.enumerated() {
            for right in nodes[..<number] {
                let pairs = Self.overlap(left.log, right.log)
                guard let last = pairs.last(where: { $0.0.position == $0.1.position }) else { continue }
                for (first, second) in pairs where first.position.index <= last.0.position.index && first != second {
                    throw ScenarioFailure(
                        "\(left.id.name) has \(first.text), \(right.id.name) \(second.text), and yet"
                            + " the same entry \(last.0.text) (section 5.3)"
                    )
                }
            }
        }
    }

    private static func overlap(_ left: [Entry], _ right: [Entry]) -> [(Entry, Entry)] {
        guard let first = left.first?.position.index, let other = right.first?.position.index else { return [] }
        let begin = max(first, other)
        let tails = (left.drop { $0.position.index < begin }, right.drop { $0.position.index < begin })
        return Array(zip(tails.0, tails.1))
    }

    /// An answer promises what is on the disk (figure 2: "updated on stable storage before responding").
    func check(_ message: Message, sentBy node: ScenarioNode) throws {
        guard try Message(decoding: message.encode()) == message else {
            throw ScenarioFailure("'\(message.text)' is another message when it is decoded")
        }
        guard let raft = node.raft else { return }
        let disk = node.disk
        switch message.body {
        case .voteResponse(let answer) where answer.granted && !answer.isPreVote:
            let vote = HardState(term: message.term, vote: message.to)
            guard disk.hardState == vote || disk.hardState.term > vote.term else {
                throw ScenarioFailure("\(node.id.name) sends '\(message.text)' and its vote is not on disk")
            }
        case .appendResponse(.accepted(let index)):
            guard
                index == .zero || index <= disk.snapshot.position.index
                    || raft.term(at: index).map({ disk.holds(LogPosition(term: $0, index: index)) }) == true
            else { throw ScenarioFailure("\(node.id.name) sends '\(message.text)' and the entry is not on disk") }
        case .snapshotResponse(let answer):
            guard case .installed(let index) = answer.outcome else { return }
            guard index <= disk.lastIndex else {
                throw ScenarioFailure("\(node.id.name) sends '\(message.text)' and the snapshot is not on disk")
            }
        default: break
        }
    }
}
