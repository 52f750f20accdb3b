import Ledger

/// `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-11.
///
/// Each limit is an item named after its place in the configuration: `"free"`, `"free-2"`, `"ceiling"`, and `"pass"` for
/// the grant of a pass. `q` and `w` are the configured rate; `r` is what is left of the burst, `t` the seconds until the
/// limit is full again (for a pass, until it expires).
enum RateLimitFields {
    /// The largest integer of a structured field (RFC 9651 section 3.3.1).
    private static let integerMax: UInt64 = 999_999_999_999_999

    static func policy(_ limits: some Sequence<LimitRuntime>) -> String {
        limits.map { "\"\($0.name)\";q=\(min($0.count, integerMax));w=\(max(1, $0.windowSeconds))" }.joined(
            separator: ", "
        )
    }

    static func state(_ limits: [LimitRuntime], _ states: [LimitState], pass: (remaining: UInt32, seconds: UInt64)?)
        -> String
    {
        var text = ""
        if let pass { text += "\"pass\";r=\(pass.remaining);t=\(pass.seconds)" }
        for (limit, state) in zip(limits, states) {
            if !text.isEmpty { text += ", " }
            text +=
                "\"\(limit.name)\";r=\(min(state.remaining, integerMax));t=\(Durations.secondsRoundedUp(state.resetNanoseconds))"
        }
        return text
    }
}
