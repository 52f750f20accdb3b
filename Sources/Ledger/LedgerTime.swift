/// Replicated time: nanoseconds since the cluster's genesis. It comes from the log alone and never runs backwards.
///
/// At most 2⁶² (146 years): greater values are clamped when one is made, so that a time plus the longest that a quota
/// can take to fill (2⁶² too) is always a 64-bit number and no sum of the two can overflow.
public struct LedgerTime: Hashable, Comparable, Sendable {
    /// Nanoseconds since genesis, at most ``maximumNanoseconds``.
    public let nanoseconds: UInt64

    /// The greatest time there is, in nanoseconds.
    public static let maximumNanoseconds: UInt64 = 1 << 62

    /// Genesis.
    public static let zero = LedgerTime(nanoseconds: 0)

    /// The end of time.
    public static let maximum = LedgerTime(nanoseconds: maximumNanoseconds)

    /// A time; above ``maximumNanoseconds`` it is clamped.
    public init(nanoseconds: UInt64) {
        self.nanoseconds = min(nanoseconds, Self.maximumNanoseconds)
    }

    /// Earlier than.
    public static func < (left: LedgerTime, right: LedgerTime) -> Bool { left.nanoseconds < right.nanoseconds }

    /// This time and `nanoseconds` more; stops at ``maximum``.
    public func adding(nanoseconds more: UInt64) -> LedgerTime {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(more)
        return overflow ? .maximum : LedgerTime(nanoseconds: sum)
    }

    /// This time and `seconds` more; stops at ``maximum``.
    public func adding(seconds: UInt32) -> LedgerTime {
        adding(nanoseconds: UInt64(seconds) * 1_000_000_000)
    }

    /// How long until `later`, in nanoseconds; 0 when it is not later.
    public func nanoseconds(until later: LedgerTime) -> UInt64 {
        later.nanoseconds > nanoseconds ? later.nanoseconds - nanoseconds : 0
    }
}
