/// Conversions of durations; all saturate.
enum Durations {
    /// What `Retry-After` says of a wait: at least a second, and nothing where waiting does not help.
    static func retryAfterSeconds(_ nanoseconds: UInt64?) -> UInt64? {
        nanoseconds.map { max(1, secondsRoundedUp($0)) }
    }

    static func secondsRoundedUp(_ nanoseconds: UInt64) -> UInt64 {
        nanoseconds / 1_000_000_000 + (nanoseconds % 1_000_000_000 == 0 ? 0 : 1)
    }
}
