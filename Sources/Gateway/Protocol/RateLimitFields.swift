import Ledger

/// `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-11.
///
/// Each limit is an item named after its place in the configuration: `"free"`, `"free-2"`, `"ceiling"`, and `"pass"` for
/// the grant of a pass. `q` and `w` are the configured rate; `r` is what is left of the burst, `t` the seconds until the
/// limit is full again (for a pass, until it expires).
enum RateLimitFields {
    /// The largest integer of a structured field (RFC 9651 section 3.3.1).
    private static let integerMax: UInt64 = 999_999_999_999_999
    /// The most digits of any integer.
    private static let digitsMax = 20
    private static let passItem = stateItem("pass")

    static func policy(_ limits: some Sequence<LimitRuntime>) -> String {
        limits.map { "\"\($0.name)\";q=\(min($0.count, integerMax));w=\(max(1, $0.windowSeconds))" }.joined(
            separator: ", "
        )
    }

    /// How the item of a limit begins, up to what is left of it.
    static func stateItem(_ name: String) -> [UInt8] { Array("\"\(name)\";r=".utf8) }

    /// Made for each request: bytes, in one allocation.
    static func state(_ limits: [LimitRuntime], _ states: [LimitState], pass: (remaining: UInt32, seconds: UInt64)?)
        -> String
    {
        let count = min(limits.count, states.count)
        // Of each item two integers, and ", " and ";t=".
        var capacity = pass == nil ? 0 : passItem.count + 2 * digitsMax + 5
        for index in 0..<count { capacity += limits[index].stateItem.count + 2 * digitsMax + 5 }
        return String(unsafeUninitializedCapacity: capacity) { bytes in
            var text = TextWriter(UnsafeMutableRawBufferPointer(bytes))
            if let pass { append(passItem, UInt64(pass.remaining), pass.seconds, to: &text) }
            for index in 0..<count where states[index].isKnown {
                let state = states[index]
                append(
                    limits[index].stateItem,
                    min(state.remaining, integerMax),
                    Durations.secondsRoundedUp(state.resetNanoseconds),
                    to: &text
                )
            }
            precondition(!text.isTooLong, "an integer has more digits than there are")
            return text.count
        }
    }

    private static func append(_ item: [UInt8], _ remaining: UInt64, _ seconds: UInt64, to text: inout TextWriter) {
        if text.count > 0 { text.append(UInt8(ascii: ","), UInt8(ascii: " ")) }
        text.append(item)
        text.append(remaining)
        text.append(UInt8(ascii: ";"), UInt8(ascii: "t"))
        text.append(UInt8(ascii: "="))
        text.append(seconds)
    }
}
