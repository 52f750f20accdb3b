/// How the way from nodes to the ledger and back is. Times are nanoseconds, chances are of a thousand.
struct Weather {
    /// One way, at most; at least a fourth of it.
    var delay: UInt64 = 2 * millisecond
    /// Answers that come late, and how late at most; at least seven eighths of it.
    var late: UInt64 = 0
    var lateness: UInt64 = 3 * second
    /// Commands that are given up; half of them are applied, some of these seconds later.
    var lost: UInt64 = 0
    /// Commands that reach the ledger twice.
    var repeated: UInt64 = 0
    /// Commands that are not taken.
    var overloaded: UInt64 = 0
    /// No majority: nothing is applied, and that is known soon.
    var hasQuorum = true

    static let fair = Weather()
    static let foul = Weather(delay: 20 * millisecond, late: 20, lost: 20, repeated: 50, overloaded: 10)
}
