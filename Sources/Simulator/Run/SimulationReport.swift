/// A run that kept every promise.
public struct SimulationReport: Hashable, Sendable {
    /// The seed.
    public var seed: UInt64
    /// Founding nodes.
    public var nodes: Int
    /// Of all that happened.
    public var hash: UInt64
    /// Events.
    public var steps: UInt64
    /// The run's end, in its own time.
    public var end: Moment
    /// What came about, to see that a campaign leaves nothing out.
    public var counts: SimulationCounts
}

extension SimulationReport: CustomStringConvertible {
    /// One line. The same seed gives the same one, on any machine.
    public var description: String {
        let digits = String(hash, radix: 16)
        let hash = String(repeating: "0", count: 16 - digits.count) + digits
        return
            "seed \(seed) nodes \(nodes) hash \(hash) steps \(steps) virtual \(end.nanoseconds / 1_000_000) ms \(counts)"
    }
}

/// How often something came about in a run.
public struct SimulationCounts: Hashable, Sendable, CustomStringConvertible {
    /// Leaders elected.
    public var elections = 0
    /// Entries committed.
    public var committed: UInt64 = 0
    /// Requests of clients answered, and not.
    public var answered = 0
    public var unanswered = 0
    /// Processes that ended before their time: crashes, and disks that failed them.
    public var crashes = 0
    /// Disks lost or found to be damaged.
    public var lostDisks = 0
    /// State machines restored from a leader's snapshot.
    public var restores = 0
    /// Memberships committed.
    public var memberships = 0
    /// Commands of the later release applied.
    public var tallied: UInt64 = 0
    /// Slices lent, and units spent of them.
    public var slices = 0
    public var spent: UInt64 = 0
    /// Admissions of nodes that decide by themselves, looked at together with others'.
    public var together = 0
    /// Changes of the prices.
    public var prices = 0
    /// Histories of overrides that were too long to search.
    public var unknownHistories = 0

    /// Nothing yet.
    public init() {}

    public var description: String {
        "elections \(elections) committed \(committed) answered \(answered) unanswered \(unanswered) crashes \(crashes) "
            + "lost \(lostDisks) restores \(restores) memberships \(memberships) tallied \(tallied) "
            + "slices \(slices) spent \(spent) together \(together) prices \(prices)"
    }
}
