/// What a node has told of one bucket: a counter that only rises, as long as the node runs.
///
/// The count of a bucket begins at the moment at which it is made, in nanoseconds of the node's clock, and each unit adds
/// one. A unit takes a nanosecond or more to come back, so a bucket that is full again has a count below that clock: when it
/// was forgotten and is made anew, it begins above all that was ever told of it. So one number is enough. Of two that are
/// heard the greater is the later one, in whatever order they come and how often; where a counting began anew, the units
/// since then count whole. That is the merge: idempotent, commutative, associative.
struct Component: Hashable, Sendable {
    /// Where the counting began, plus ``units``.
    var count: UInt64
    /// Units since the counting began.
    var units: UInt64

    /// Units that are new to who knows a count; 0 is nobody's.
    @inline(__always)
    func units(above known: UInt64) -> UInt64 {
        if count <= known { return 0 }
        return known == 0 ? units : min(units, count - known)
    }
}
