import Ledger
import Replica

/// How long groups of entries took to be durable, in buckets.
public struct LogTimes: Sendable, Hashable {
    /// Upper bounds in nanoseconds, inclusive, rising: from 50 microseconds, which is memory, to 10 seconds.
    public static let bounds: [UInt64] = [
        50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 50_000_000,
        100_000_000, 200_000_000, 500_000_000, 1_000_000_000, 2_000_000_000, 5_000_000_000, 10_000_000_000,
    ]
    /// Groups in each bucket alone; one more than there are bounds.
    public private(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
    /// Of all groups, in nanoseconds.
    public private(set) var sum: UInt64 = 0

    mutating func observe(_ nanoseconds: UInt64) {
        counts[Self.bounds.firstIndex { nanoseconds <= $0 } ?? Self.bounds.count] += 1
        sum &+= nanoseconds
    }
}

extension NodeStorageCompletion<Ledger> {
    /// Whether it says that entries, or a vote, are durable.
    var isPersisted: Bool {
        if case .replica(.persisted) = self { true } else { false }
    }
}
