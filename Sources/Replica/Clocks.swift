/// Time since some moment before the process began, by a clock that never goes back and that goes on while the machine
/// sleeps (CLOCK_BOOTTIME). Of use within one process only.
public struct BootTime: Hashable, Comparable, Sendable {
    /// Nanoseconds.
    public var nanoseconds: UInt64

    /// A value of these fields.
    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// The clock's beginning.
    public static let zero = BootTime(nanoseconds: 0)

    /// Earlier than.
    public static func < (left: BootTime, right: BootTime) -> Bool { left.nanoseconds < right.nanoseconds }

    /// So much later; stops at the end of the clock.
    public func adding(nanoseconds more: UInt64) -> BootTime {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(more)
        return BootTime(nanoseconds: overflow ? .max : sum)
    }

    /// How long ago `earlier` was, in nanoseconds; 0 where it was not earlier.
    public func nanoseconds(since earlier: BootTime) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }
}

/// Time by the wall clock. It may be wrong, and jump either way; see ``ReplicatedClock`` for the one use made of it.
public struct WallTime: Hashable, Comparable, Sendable {
    /// Nanoseconds since 1970.
    public var nanoseconds: Int64

    /// A value of these fields.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Earlier than.
    public static func < (left: WallTime, right: WallTime) -> Bool { left.nanoseconds < right.nanoseconds }

    /// How long ago `earlier` was, in nanoseconds; 0 where it was not earlier.
    public func nanoseconds(since earlier: WallTime) -> UInt64 {
        guard self > earlier else { return 0 }
        // The difference of two 64-bit numbers always fits one without a sign.
        return UInt64(bitPattern: nanoseconds &- earlier.nanoseconds)
    }
}
