/// A distribution of durations, in buckets of which each bound is several times the one before. A value.
public struct Histogram: Sendable, Equatable {
    /// Upper bounds in nanoseconds, inclusive, rising. Above the last is one bucket more.
    public let bounds: [UInt64]
    /// Observations in each bucket alone; one more than there are bounds.
    public private(set) var counts: [UInt64]
    /// Of all observations, in nanoseconds.
    public private(set) var sum: UInt64 = 0

    init(bounds: [UInt64]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    /// What was counted elsewhere.
    /// - Precondition: one count more than there are bounds.
    package init(bounds: [UInt64], counts: [UInt64], sum: UInt64) {
        precondition(counts.count == bounds.count + 1, "a count for each bucket")
        self.bounds = bounds
        self.counts = counts
        self.sum = sum
    }

    mutating func observe(_ nanoseconds: UInt64) {
        var index = 0
        while index < bounds.count, nanoseconds > bounds[index] { index += 1 }
        counts[index] += 1
        sum &+= nanoseconds
    }

    /// Adds another of the same bounds.
    mutating func add(_ other: Histogram) {
        precondition(bounds == other.bounds, "histograms of different bounds cannot be added")
        for index in counts.indices { counts[index] += other.counts[index] }
        sum &+= other.sum
    }

    /// Powers of two and five between a microsecond and 10 milliseconds: a verification is some microseconds.
    static let verification = Histogram(bounds: scale(from: 1_000, to: 10_000_000))
    /// The same from 10 microseconds to 10 seconds: from a decision in memory to one that waits for a quorum.
    static let decision = Histogram(bounds: scale(from: 10_000, to: 10_000_000_000))

    /// 1, 2, 5, 10, 20, 50, …
    private static func scale(from first: UInt64, to last: UInt64) -> [UInt64] {
        var bounds: [UInt64] = []
        var decade = first
        while decade <= last {
            bounds += [1, 2, 5].map { $0 * decade }.filter { $0 <= last }
            decade *= 10
        }
        return bounds
    }
}
