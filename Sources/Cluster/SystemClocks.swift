import Glibc
import Replica

/// The machine's clocks, as a replica is told of them.
public enum SystemClocks {
    /// Since the machine started, also while it sleeps (clock_gettime(2), CLOCK_BOOTTIME). Any thread.
    @Sendable public static func boot() -> BootTime { BootTime(nanoseconds: UInt64(read(CLOCK_BOOTTIME))) }

    /// The time of day, right or wrong. Any thread.
    @Sendable public static func wall() -> WallTime { WallTime(nanoseconds: read(CLOCK_REALTIME)) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        guard clock_gettime(clock, &time) == 0 else { preconditionFailure("this kernel has no such clock") }
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
