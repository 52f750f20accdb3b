import Ledger

/// What the book holds, for operators.
extension SliceBook {
    /// Units that are lent to this node and that nobody has had yet, by policy: so many are out of everybody else's reach, and
    /// lost for as long as they take to come back if this node ends without a word.
    public var heldUnits: [PolicyID: UInt64] {
        var units: [PolicyID: UInt64] = [:]
        for bucket in buckets.values {
            let left = bucket.slices.reduce(UInt64(0)) { $0.plus($1.slice.left) }
            if left > 0 { units[bucket.policy] = (units[bucket.policy] ?? 0).plus(left) }
        }
        return units
    }
}
