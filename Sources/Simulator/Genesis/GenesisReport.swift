/// What came of one run of a genesis.
public struct GenesisReport: Hashable, Sendable {
    /// How the lists were.
    public var lists: GenesisPlan.Lists
    /// Events.
    public var steps: UInt64 = 0
    /// Of the trace.
    public var hash: UInt64 = 0
    /// Whether a cluster was founded.
    public var isFounded = false
    /// Nodes that founded it, that wait to be admitted to it, and that do neither and told the operator why.
    public var founders = 0
    public var waiting = 0
    public var alarmed = 0
    /// Crashes of processes.
    public var crashes = 0
    /// Disks that came back empty before anything was accepted, after that, and after a value was chosen.
    public var wipesBefore = 0
    public var wipesDuring = 0
    public var wipesAfter = 0
    /// Logs that were lost beside a record that was not.
    public var lostLogs = 0
    /// Nanoseconds from the end of faults until every node knew; 0 where all knew before, nil where some never did.
    public var settledNanoseconds: UInt64?
}
