import DequeModule
import Wire

/// Reads that a leader may answer once it knows that it still leads (dissertation, 6.4).
///
/// A read takes the commit index of the moment it came. It is answered when a heartbeat round that began after it was
/// answered by a majority. Before the leader has committed an entry of its own term it does not know what is committed,
/// and reads wait for that first.
struct ReadQueue: Sendable {
    /// Who asked: a replica and the number it gave.
    struct Asker: Hashable, Sendable {
        var replica: ReplicaID
        var context: UInt64
    }

    private struct Read: Sendable {
        var asker: Asker
        var index: LogIndex
        /// The round that confirms it. Nil: the next one.
        var round: UInt64?
    }

    private var early: [Asker] = []
    private var reads: Deque<Read> = []
    private var withoutRound = 0

    /// Nobody waits.
    init() {}

    /// How many wait.
    var count: Int { early.count + reads.count }
    /// Whether a read waits for a round to begin.
    var needsRound: Bool { withoutRound > 0 }

    /// A read that came before the leader committed in its own term.
    mutating func addEarly(_ asker: Asker) { early.append(asker) }

    /// A read, and the commit index now.
    mutating func add(_ asker: Asker, index: LogIndex) {
        reads.append(Read(asker: asker, index: index, round: nil))
        withoutRound += 1
    }

    /// The leader has committed in its own term.
    mutating func established(index: LogIndex) {
        for asker in early { add(asker, index: index) }
        early = []
    }

    /// A round begins: it confirms all reads that came before it.
    mutating func began(round: UInt64) {
        guard withoutRound > 0 else { return }
        for offset in (reads.count - withoutRound)..<reads.count { reads[offset].round = round }
        withoutRound = 0
    }

    /// A majority has answered this round or a later one.
    /// - Returns: the reads that it confirms, in the order they came.
    mutating func confirmed(round: UInt64) -> [(asker: Asker, index: LogIndex)] {
        var answered: [(asker: Asker, index: LogIndex)] = []
        while let read = reads.first, let own = read.round, own <= round {
            answered.append((read.asker, read.index))
            reads.removeFirst()
        }
        return answered
    }

    /// Nobody can be answered: leadership is lost.
    mutating func abandon() -> [Asker] {
        let askers = early + reads.map(\.asker)
        self = ReadQueue()
        return askers
    }
}
