import Ledger
import Raft
import Wire

/// Digests of all members after certain entries, compared.
struct Checkpoints: Sendable {
    private struct Digest: Sendable {
        let from: ReplicaID
        let index: LogIndex
        let digest: LedgerDigest
    }

    /// Checkpoints of each member that are kept.
    private static let keptMax = 8

    /// What a comparison says.
    enum Verdict: Hashable, Sendable {
        /// Nothing, yet.
        case open
        /// A majority has this digest.
        case majority(LedgerDigest)
        /// Two differ, and the voters that have not told theirs decide.
        case disputed
        /// No majority can agree any more.
        case none
    }

    private var own: [ReplicaStatus.Checkpoint] = []
    private var others: [Digest] = []

    var last: ReplicaStatus.Checkpoint? { own.last }

    mutating func took(_ digest: LedgerDigest, at index: LogIndex) {
        own.append(.init(index: index, digest: digest))
        if own.count > Self.keptMax { own.removeFirst() }
    }

    mutating func heard(_ from: ReplicaID, _ index: LogIndex, _ digest: LedgerDigest, every interval: UInt64) {
        guard index.rawValue % interval == 0, !others.contains(where: { $0.from == from && $0.index == index }) else {
            return
        }
        others.append(Digest(from: from, index: index, digest: digest))
        if others.count(where: { $0.from == from }) > Self.keptMax,
            let oldest = others.firstIndex(where: { $0.from == from })
        {
            others.remove(at: oldest)
        }
    }

    /// Forgets those of members that left.
    mutating func keep(_ configuration: Configuration) { others.removeAll { !configuration.contains($0.from) } }

    /// The state is another one from this index on: what was said of it before is of no use.
    mutating func forget(through index: LogIndex) { own.removeAll { $0.index <= index } }

    func own(at index: LogIndex) -> LedgerDigest? { own.first { $0.index == index }?.digest }

    /// Members that have this digest at an index.
    func agreeing(_ digest: LedgerDigest, at index: LogIndex) -> [ReplicaID] {
        others.filter { $0.index == index && $0.digest == digest }.map(\.from)
    }

    func verdict(at index: LogIndex, _ id: ReplicaID, _ voters: [ReplicaID]) -> Verdict {
        let digests = voters.compactMap { voter in
            voter == id ? own(at: index) : others.first { $0.from == voter && $0.index == index }?.digest
        }
        guard let first = digests.first else { return .open }
        var most = 0
        for digest in digests {
            let count = digests.count(where: { $0 == digest })
            if count > voters.count / 2 { return .majority(digest) }
            most = max(most, count)
        }
        if most + voters.count - digests.count <= voters.count / 2 { return .none }
        return digests.allSatisfy { $0 == first } ? .open : .disputed
    }
}
