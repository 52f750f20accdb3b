#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A time of the wall clock, for people: nothing is decided by it.
struct Timestamp: Hashable, Sendable {
    /// Since 1970 in UTC.
    var seconds: Int
    /// 0…999.
    var milliseconds: Int

    static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: time.tv_sec, milliseconds: time.tv_nsec / 1_000_000)
    }

    /// This time and so many nanoseconds; saturates after some thousand years.
    func advanced(byNanoseconds nanoseconds: UInt64) -> Timestamp {
        let total = UInt64(milliseconds) + nanoseconds / 1_000_000
        return Timestamp(seconds: seconds + Int(total / 1_000), milliseconds: Int(total % 1_000))
    }

    /// Milliseconds from this time to another; negative where that comes before.
    func milliseconds(to other: Timestamp) -> Int {
        (other.seconds - seconds) * 1_000 + other.milliseconds - milliseconds
    }

    /// RFC 3339 in UTC, milliseconds.
    var text: String { Self.text(seconds: seconds) + fraction }

    /// What stands behind the seconds: `.123Z`.
    var fraction: String { "." + Self.padded(milliseconds, 3) + "Z" }

    /// The part up to the seconds: `2026-01-31T12:00:00`.
    static func text(seconds: Int) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        let year = padded(Int(parts.tm_year) + 1_900, 4)
        return "\(year)-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))T"
            + "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):\(padded(Int(parts.tm_sec), 2))"
    }

    private static func padded(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
