/// What waits for units of one bucket.
struct Demand: Hashable, Sendable {
    /// The least that any of it needs, at least 1.
    private(set) var least: UInt32
    /// All of it together; stops at the greatest number.
    private(set) var sum: UInt32

    init(_ units: UInt32) {
        least = max(1, units)
        sum = least
    }

    mutating func add(_ units: UInt32) {
        least = min(least, max(1, units))
        let (more, overflow) = sum.addingReportingOverflow(max(1, units))
        sum = overflow ? .max : more
    }
}
