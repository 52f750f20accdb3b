import Raft
import Wire

/// Reads, from the asking to the answer: many share one round of the core.
struct PendingReads: Sendable {
    private struct Read: Sendable {
        let request: RequestID
        let deadline: BootTime
    }

    private struct Round: Sendable {
        let context: UInt64
        let askedAt: BootTime
        /// Readable once this is applied.
        var index: LogIndex?
        var reads: [Read]
    }

    /// Rounds that may be under way: more would not be sooner.
    private static let roundsMax = 4
    /// After a round without an answer, in nanoseconds: two ticks.
    private static let pause: UInt64 = 20_000_000

    private var waiting: [Read] = []
    private var rounds: [Round] = []
    private var nextContext: UInt64 = 0
    private var pausedUntil = BootTime.zero

    /// Reads that are not answered.
    var count: Int { rounds.reduce(waiting.count) { $0 + $1.reads.count } }

    mutating func ask(_ request: RequestID, deadline: BootTime) {
        waiting.append(Read(request: request, deadline: deadline))
    }

    /// The number of a round for all that wait; nil where none is to begin.
    mutating func begin(_ now: BootTime) -> UInt64? {
        guard !waiting.isEmpty, rounds.count < Self.roundsMax, now >= pausedUntil else { return nil }
        nextContext += 1
        rounds.append(Round(context: nextContext, askedAt: now, reads: waiting))
        waiting = []
        return nextContext
    }

    /// The core's answer to a round.
    mutating func answered(_ state: ReadState, _ now: BootTime) {
        guard let place = rounds.firstIndex(where: { $0.context == state.context }) else { return }
        if let index = state.index {
            rounds[place].index = index
        } else {
            again(place)
            pausedUntil = now.adding(nanoseconds: Self.pause)
        }
    }

    private mutating func again(_ place: Int) { waiting = rounds.remove(at: place).reads + waiting }

    /// Rounds that nobody answered begin anew; reads whose time is over are taken out.
    mutating func expire(_ now: BootTime, retryAfter: UInt64) -> [RequestID] {
        var place = 0
        while place < rounds.count {
            if rounds[place].index == nil, now.nanoseconds(since: rounds[place].askedAt) >= retryAfter {
                again(place)
            } else {
                place += 1
            }
        }
        var expired: [RequestID] = []
        func isLive(_ read: Read) -> Bool {
            guard read.deadline <= now else { return true }
            expired.append(read.request)
            return false
        }
        waiting = waiting.filter(isLive)
        for place in rounds.indices { rounds[place].reads = rounds[place].reads.filter(isLive) }
        return expired
    }

    /// Reads that may be answered now that this is applied.
    mutating func applied(through index: LogIndex) -> [(RequestID, LogIndex)] {
        var readable: [(RequestID, LogIndex)] = []
        rounds.removeAll { round in
            guard let needed = round.index, needed <= index else { return false }
            readable += round.reads.map { ($0.request, needed) }
            return true
        }
        return readable
    }

    /// All, in whatever state.
    mutating func takeAll() -> [RequestID] {
        let all = rounds.flatMap(\.reads) + waiting
        rounds = []
        waiting = []
        return all.map(\.request)
    }
}
