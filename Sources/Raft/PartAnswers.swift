import DequeModule

/// Answers to parts of a snapshot, each held until the disk has the part.
///
/// There is no report for a part, but the disk works in order: a persist request that was made after the part was handed
/// out is durable only after the part is written. If nothing else is to be persisted, an empty request is made for it.
struct PartAnswers: Sendable {
    private var handedOut: UInt64?
    private var fenced: Deque<(number: UInt64, offset: UInt64)> = []

    /// Nothing is held.
    init() {}

    /// Whether a persist request must be made.
    var needsFence: Bool { handedOut != nil }
    /// Whether an answer is held.
    var isHolding: Bool { handedOut != nil || !fenced.isEmpty }

    /// Parts below `offset` leave with this output.
    mutating func left(through offset: UInt64) { handedOut = offset }

    /// A persist request is made, in a later output than the parts.
    mutating func fence(number: UInt64) {
        guard let offset = handedOut else { return }
        handedOut = nil
        fenced.append((number, offset))
    }

    /// The request of this number, and all before it, are durable.
    /// - Returns: the offset to acknowledge.
    mutating func durable(_ number: UInt64) -> UInt64? {
        var offset: UInt64?
        while let first = fenced.first, first.number <= number {
            offset = first.offset
            fenced.removeFirst()
        }
        return offset
    }
}
