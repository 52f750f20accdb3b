/// The promise of the policy level `strong`: no interval of replicated time, however long, admits more than the burst
/// and what the rate adds in the interval.
///
/// With a slack it is the one of `escrow`: what a slice was lent for may be spent its life later, so that the interval counts
/// as longer by that.
///
/// For one bucket. Told of what was admitted, in the order of the log. Units n of the interval from a to b keep
/// n × interval ≤ burst × interval + (b − a); with S the units so far, this is S(b)·interval − b never more than
/// burst·interval above the least S·interval − a before: one number to keep, constant time each, exact.
public struct IntervalBound: Sendable {
    /// Nanoseconds a unit.
    private let interval: UInt64
    /// Units.
    private let burst: UInt64
    /// Nanoseconds.
    private let slack: UInt64
    /// Units admitted since the beginning, times the interval.
    private var taken: Int128 = 0
    /// The least `taken` minus time before any admission so far.
    private var least: Int128?
    private var latest: UInt64 = 0

    /// - Parameters:
    ///   - interval: nanoseconds a unit.
    ///   - burst: units of a full bucket.
    ///   - slack: nanoseconds by which each interval counts as longer than it is.
    public init(interval: UInt64, burst: UInt64, slack: UInt64 = 0) {
        self.interval = interval
        self.burst = burst
        self.slack = slack
    }

    /// So many units were admitted at this replicated time, in nanoseconds.
    public mutating func admitted(_ units: UInt64, at time: UInt64) throws(HistoryFault) {
        try admitted(length: Int128(units) * Int128(interval), at: time)
    }

    /// As much was admitted as comes back in so many nanoseconds.
    mutating func admitted(length: Int128, at time: UInt64) throws(HistoryFault) {
        if time < latest {
            throw fault("an admission at \(time) ns follows one at \(latest) ns")
        }
        latest = time
        let before = taken - Int128(time)
        let lowest = min(least ?? before, before)
        least = lowest
        taken += length
        let above = taken - Int128(time) - lowest
        let bound = Int128(burst) * Int128(interval) + Int128(slack)
        if above > bound {
            throw fault(
                "\((above - bound + Int128(interval) - 1) / Int128(interval)) units too many up to \(time) ns, "
                    + "with a burst of \(burst) and \(interval) ns a unit"
            )
        }
    }

    private func fault(_ detail: String) -> HistoryFault { HistoryFault(promise: "IntervalBound", detail: detail) }
}
