/// How long a proposer waits: before it asks again those that did not answer, and before it tries a new ballot after one
/// was refused. Two proposers that overtake each other again and again (a duel) draw from a window that doubles, until
/// one of them has the time to finish.
public struct BackOff: Hashable, Sendable {
    /// The shortest wait, in nanoseconds, at least 1. More than a message's way there and back with the write between,
    /// else answers come too late: 50 ms unless set.
    public var minimum: UInt64
    /// The longest, in nanoseconds: 2 s unless set. Not less than ``minimum``.
    public var maximum: UInt64

    /// A value of these fields.
    public init(minimum: UInt64 = 50_000_000, maximum: UInt64 = 2_000_000_000) {
        self.minimum = max(1, minimum)
        self.maximum = max(self.minimum, maximum)
    }

    /// Draws a wait in nanoseconds, evenly from the shortest to 2 × 2^attempt times that, at most ``maximum``.
    /// - Parameter attempt: how many attempts have failed so far; from 0.
    public func delay(attempt: Int, using generator: inout some RandomNumberGenerator) -> UInt64 {
        let (doubled, overflow) = minimum.multipliedReportingOverflow(by: 2 << UInt64(min(max(attempt, 0), 32)))
        let window = (overflow ? maximum : min(maximum, doubled)) - minimum
        // The high half of a product: the same on every machine, whatever the standard library does.
        return minimum + generator.next().multipliedFullWidth(by: window == .max ? .max : window + 1).high
    }
}
