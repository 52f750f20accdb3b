// Durations (`1h30m`) and rates (`60/min`) as exact integers of nanoseconds. No floating point: a limit that is a
// nanosecond off is another limit.

/// Nanoseconds a unit of time.
private func nanoseconds(ofUnit unit: some StringProtocol) -> UInt64? {
    switch unit {
    case "ms": 1_000_000
    case "s", "sec", "second": 1_000_000_000
    case "m", "min", "minute": 60 * 1_000_000_000
    case "h", "hour": 3_600 * 1_000_000_000
    case "d", "day": 86_400 * 1_000_000_000
    default: nil
    }
}

/// The number in `digits`: decimal digits only, at most 12, so that it fits wherever it goes.
private func number(_ digits: some StringProtocol) -> UInt64? {
    guard !digits.isEmpty, digits.utf8.count <= 12 else { return nil }
    var value: UInt64 = 0
    for byte in digits.utf8 {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        value = value * 10 + UInt64(byte - UInt8(ascii: "0"))
    }
    return value
}

/// The nanoseconds of a duration: numbers with units, larger units first, each once: `90s`, `10m`, `1h30m`, `500ms`.
/// Bounds: at most 366 days.
func parseDuration(_ text: String) throws(Complaint) -> UInt64 {
    let examples = "write a number and its unit, such as `500ms`, `90s`, `10m`, `1h30m` or `2d`"
    if number(text) != nil, text != "0" {
        throw Complaint("\(quoted(text)) has no unit of time", "write \(quoted(text + "s")) if seconds are meant")
    }
    if text == "0" { return 0 }
    var rest = text[...]
    var total: UInt64 = 0
    var lastUnit = UInt64.max
    while !rest.isEmpty {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        let afterDigits = rest[digits.endIndex...]
        let unit = afterDigits.prefix { $0.isASCII && $0.isLetter }
        rest = afterDigits[unit.endIndex...]
        guard let count = number(digits), let factor = nanoseconds(ofUnit: unit), factor < lastUnit else {
            throw Complaint("\(quoted(text)) is not a duration", examples)
        }
        let (part, overflow) = count.multipliedReportingOverflow(by: factor)
        let (sum, carry) = total.addingReportingOverflow(part)
        guard !overflow, !carry, sum <= 366 * 86_400 * 1_000_000_000 else {
            throw Complaint("\(quoted(text)) is longer than 366 days", "choose a shorter time")
        }
        (total, lastUnit) = (sum, factor)
    }
    guard lastUnit != .max else { throw Complaint("the duration is empty", examples) }
    return total
}

/// The text that reads back as so many nanoseconds, which are whole milliseconds: `1h30m`.
func durationText(_ nanoseconds: UInt64) -> String {
    var rest = nanoseconds
    var text = ""
    for (unit, factor) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        let (count, remainder) = rest.quotientAndRemainder(dividingBy: UInt64(factor) * 1_000_000)
        if count > 0 { text += "\(count)\(unit)" }
        rest = remainder
    }
    return text.isEmpty ? "0" : text
}

/// A rate as the file says it.
struct Rate: Equatable {
    /// Units a window; 0 for none at all.
    var count: UInt64
    /// 1 ms…366 days.
    var windowNanoseconds: UInt64
    /// As written.
    var text: String

    /// Nanoseconds a unit, rounded up: rounded down, more than `count` units would fit into a window. `count` is not 0.
    var interval: UInt64 { (windowNanoseconds + count - 1) / count }

    /// What comes in a second, at least 1: the burst of a limit that names none.
    var defaultBurst: UInt64 { max(1, 1_000_000_000 / interval) }
}

/// A rate: `60/min`, `1/day`, `10/s`, `5/10s`, `0`. Bounds: at most 1,000,000 a second, as an interval rounded up to
/// whole nanoseconds is then wrong by a thousandth at most.
func parseRate(_ text: String) throws(Complaint) -> Rate {
    let examples = "write units, a slash and a time, such as `60/min`, `10/s`, `5/10s` or `1/day`"
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let count = number(parts[0]) else { throw Complaint("\(quoted(text)) is not a rate", examples) }
    if parts.count == 1 {
        guard count == 0 else { throw Complaint("the rate \(quoted(text)) has no time", examples) }
        return Rate(count: 0, windowNanoseconds: 1_000_000_000, text: text)
    }
    let window: UInt64
    if let unit = nanoseconds(ofUnit: parts[1]) {
        window = unit
    } else if let duration = try? parseDuration(String(parts[1])), duration > 0 {
        window = duration
    } else {
        throw Complaint("\(quoted(text)) is not a rate", examples)
    }
    let rate = Rate(count: count, windowNanoseconds: window, text: text)
    guard count == 0 || window / count >= 1_000 else {
        throw Complaint("the rate \(quoted(text)) is above 1000000/s", "choose a lower one")
    }
    return rate
}
