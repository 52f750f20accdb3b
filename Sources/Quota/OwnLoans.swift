/// About how many units of a bucket the ledger counts as lent to this node: those of the last three to four seconds that were
/// not returned. The ledger forgets a slice within three.
///
/// They are spent, or will be: if others hold none, it is no use to wait for what comes back.
struct OwnLoans: Sendable {
    private static let second: UInt64 = 1_000_000_000
    private var recent: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    private var latest: UInt64 = 0

    mutating func lent(_ units: UInt64, now: UInt64) {
        turn(now)
        recent.0 = recent.0.plus(units)
    }

    /// A slice of so many units was returned.
    mutating func returned(_ units: UInt64) {
        var units = units
        for _ in 0..<4 {
            let part = min(units, recent.3)
            recent = (recent.3 - part, recent.0, recent.1, recent.2)
            units -= part
        }
    }

    mutating func sum(now: UInt64) -> UInt64 {
        turn(now)
        return recent.0.plus(recent.1).plus(recent.2).plus(recent.3)
    }

    private mutating func turn(_ now: UInt64) {
        let current = now / Self.second
        guard current > latest else { return }
        for _ in 0..<min(4, current - latest) { recent = (0, recent.0, recent.1, recent.2) }
        latest = current
    }
}
