import Ledger

/// `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-11.
///
/// Each limit is an item named after its place in the configuration: `"free"`, `"free-2"`, `"ceiling"`, and `"pass"` for
/// the grant of a pass. `q` and `w` are the configured rate; `r` is what is left of the burst, `t` the seconds until the
/// limit is full again (for a pass, until it expires).
enum RateLimitFields {
    static func policy(_ limits: some Sequence<LimitRuntime>) -> String {
        limits.map { "\"\($0.name)\";q=\($0.count);w=\(max(1, $0.windowSeconds))" }.joined(separator: ", ")
    }

    static func state(_ limits: [LimitRuntime], _ states: [LimitState], pass: (remaining: UInt32, seconds: UInt64)?)
        -> String
    {
        var text = ""
        if let pass { text += "\"pass\";r=\(pass.remaining);t=\(pass.seconds)" }
        for (limit, state) in zip(limits, states) {
            if !text.isEmpty { text += ", " }
            text += "\"\(limit.name)\";r=\(state.remaining);t=\(Durations.secondsRoundedUp(state.resetNanoseconds))"
        }
        return text
    }
}

/// Conversions of durations; all saturate.
enum Durations {
    static func secondsRoundedUp(_ nanoseconds: UInt64) -> UInt64 {
        nanoseconds / 1_000_000_000 + (nanoseconds % 1_000_000_000 == 0 ? 0 : 1)
    }
}
