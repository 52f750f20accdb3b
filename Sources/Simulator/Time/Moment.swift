/// A point of the simulation's own time, which no replica can read: nanoseconds since the run began.
public struct Moment: Hashable, Comparable, Sendable {
    /// Nanoseconds since the run began.
    public var nanoseconds: UInt64

    /// A value of these fields.
    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// The beginning.
    public static let zero = Moment(nanoseconds: 0)

    /// So many milliseconds after the beginning.
    public static func milliseconds(_ count: UInt64) -> Moment { Moment(nanoseconds: count * 1_000_000) }

    /// Earlier than.
    public static func < (left: Moment, right: Moment) -> Bool { left.nanoseconds < right.nanoseconds }

    /// So many nanoseconds later.
    public static func + (left: Moment, nanoseconds: UInt64) -> Moment {
        Moment(nanoseconds: left.nanoseconds + nanoseconds)
    }

    /// Nanoseconds from the right one to the left one.
    /// - Precondition: the left one is not earlier.
    public static func - (left: Moment, right: Moment) -> UInt64 { left.nanoseconds - right.nanoseconds }
}
