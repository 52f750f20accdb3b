#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The clock that counts from the machine's start, also while it sleeps (clock_gettime(2), CLOCK_BOOTTIME).
public enum BootTimeClock {
    /// Nanoseconds since the machine started. Any thread.
    @Sendable public static func nanoseconds() -> UInt64 {
        var time = timespec()
        guard clock_gettime(CLOCK_BOOTTIME, &time) == 0 else {
            preconditionFailure("this kernel has no boot-time clock")
        }
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
