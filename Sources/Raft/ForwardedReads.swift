/// Reads that a follower has asked its leader for.
///
/// Each goes under a number of its own, which no earlier read of this replica had, not even before a restart: an old
/// answer that is late must not be taken for the answer to a new read.
struct ForwardedReads: Sendable {
    private var waiting: [(number: UInt64, context: UInt64, ticks: Int)] = []
    private var lastNumber: UInt64

    /// - Parameter firstNumber: drawn at random for each start.
    init(firstNumber: UInt64) { lastNumber = firstNumber }

    /// How many wait.
    var count: Int { waiting.count }

    /// A read goes to the leader.
    /// - Returns: the number under which it goes.
    mutating func add(context: UInt64) -> UInt64 {
        lastNumber &+= 1
        waiting.append((lastNumber, context, 0))
        return lastNumber
    }

    /// The leader has answered.
    /// - Returns: the number that the reader gave, or nil for an answer to nothing.
    mutating func answered(_ number: UInt64) -> UInt64? {
        guard let position = waiting.firstIndex(where: { $0.number == number }) else { return nil }
        return waiting.remove(at: position).context
    }

    /// A tick passes.
    /// - Returns: the reads that have waited `limit` ticks, which are given up.
    mutating func tick(limit: Int) -> [UInt64] {
        guard !waiting.isEmpty else { return [] }
        for position in waiting.indices { waiting[position].ticks += 1 }
        let late = waiting.filter { $0.ticks >= limit }.map(\.context)
        if !late.isEmpty { waiting.removeAll { $0.ticks >= limit } }
        return late
    }

    /// No leader is known any more: all are given up.
    mutating func abandon() -> [UInt64] {
        let contexts = waiting.map(\.context)
        waiting = []
        return contexts
    }
}
