import Ledger

/// A limit as a decision has found it.
struct LimitReading: Hashable, Sendable {
    /// `free`, `free-2`, `ceiling`, …, as in `RateLimit` fields; `pass` for the grant of a pass.
    let name: String
    /// What it counts, such as `client/24,/48`; empty for a pass.
    let key: String
    /// As the configuration says it, such as `60/min`; empty for a pass.
    let rate: String
    /// Units of a full bucket, or of a pass; nil where nobody knows.
    let burst: UInt64?
    /// Units that are left.
    let remaining: UInt64

    /// `free: { rate: 0 }`.
    static let nothingFree = LimitReading(name: "free", key: "", rate: "0", burst: 0, remaining: 0)
}

extension PolicyRuntime {
    /// Whether a step of an admission has asked the ceiling alone, and not the free limits before it: told from how many
    /// limits it has asked.
    func isCeilingAlone(_ states: [LimitState]) -> Bool { states.count == ceiling.count }

    /// The limits of a step of an admission, in the order of their states.
    func limits(ofStep states: [LimitState]) -> [LimitRuntime] {
        isCeilingAlone(states) ? ceiling : freeAndCeiling
    }

    /// The limit at a place of a step, as it was found.
    func reading(_ index: Int, ofStep states: [LimitState]) -> LimitReading? {
        let limits = limits(ofStep: states)
        guard limits.indices.contains(index), states.indices.contains(index) else { return nil }
        let limit = limits[index]
        let state = states[index]
        return LimitReading(
            name: limit.name,
            key: limit.key.canonical,
            rate: limit.rateText,
            burst: state.burst,
            remaining: state.remaining
        )
    }

    /// The limit of a step that is nearest to its end: of which the smallest share is left.
    func nearest(ofStep states: [LimitState]) -> LimitReading? {
        let share = { (state: LimitState) in Double(state.remaining) / Double(max(1, state.burst)) }
        let nearest = states.indices.filter { states[$0].isKnown }.min { share(states[$0]) < share(states[$1]) }
        return nearest.flatMap { reading($0, ofStep: states) }
    }
}
