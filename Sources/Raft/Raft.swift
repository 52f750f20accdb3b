import Wire

/// The consensus core: one replica of a group, as a value that turns inputs into outputs.
///
/// Everything that happens goes through `tick`, `step`, the proposals and the reports of the driver; after each, or
/// after several, the driver takes the output and carries it out. No I/O, no clock, no thread, no randomness but the
/// seed's. Use from one thread at a time.
public struct Raft: Sendable {
    /// - Parameters:
    ///   - id: this replica. A message to another is dropped.
    ///   - restored: what was on disk; all of it counts as durable.
    ///   - seed: of the election timeouts; should differ between replicas.
    public init(id: ReplicaID, settings: RaftSettings, restored: RestoredState, seed: UInt64) { fatalError() }

    // MARK: - State

    public var id: ReplicaID { fatalError() }
    public var role: Role { fatalError() }
    public var term: Term { fatalError() }
    public var vote: ReplicaID? { fatalError() }
    /// Who leads the term, as far as is known.
    public var leader: ReplicaID? { fatalError() }
    public var commitIndex: LogIndex { fatalError() }
    /// The last entry handed out to be applied and reported by `applied`.
    public var appliedIndex: LogIndex { fatalError() }
    /// The last entry that this replica knows to be on its disk.
    public var durableIndex: LogIndex { fatalError() }
    public var lastPosition: LogPosition { fatalError() }
    /// The first entry still in memory.
    public var firstIndex: LogIndex { fatalError() }
    public var snapshot: SnapshotDescription { fatalError() }
    /// The last configuration of the log, committed or not.
    public var configuration: Configuration { fatalError() }
    /// The configuration at or below the applied index: what a snapshot made now carries.
    public var appliedConfiguration: Configuration { fatalError() }
    /// Leader only, else empty: sorted by id.
    public var progress: [(id: ReplicaID, progress: Progress)] { fatalError() }
    /// Entries from `firstIndex` on, for invariants and tests.
    public func entry(at index: LogIndex) -> Entry? { fatalError() }
    public func term(at index: LogIndex) -> Term? { fatalError() }

    // MARK: - Inputs

    public mutating func tick() { fatalError() }
    public mutating func step(_ message: Message) { fatalError() }
    /// Appends commands, one entry each, all or none. Returns the first one's position.
    @discardableResult
    public mutating func propose(_ commands: [[UInt8]]) throws(ProposalRefusal) -> LogPosition { fatalError() }
    @discardableResult
    public mutating func propose(_ change: ConfigurationChange) throws(ConfigurationRefusal) -> LogPosition {
        fatalError()
    }
    /// Asks for an index that may be read once it is applied. Any role; the answer is a `ReadState` with the context,
    /// exactly one, index nil where none can be had (the asker tries again).
    public mutating func readIndex(context: UInt64) { fatalError() }
    public mutating func transferLeadership(to target: ReplicaID) throws(TransferRefusal) { fatalError() }
    /// Campaigns now, without waiting for the timeout: a group of one at start, and tests.
    public mutating func campaign() { fatalError() }

    // MARK: - Reports of the driver

    /// The persist request of this number, and all before it, are on disk.
    public mutating func persisted(_ number: UInt64) { fatalError() }
    /// Everything handed out up to here is applied.
    public mutating func applied(through index: LogIndex) { fatalError() }
    /// A snapshot of what was applied is on disk. Entries up to `keepingFrom` (exclusive) are dropped from memory.
    public mutating func compact(to snapshot: SnapshotDescription, keepingFrom: LogIndex) { fatalError() }
    /// The snapshot whose last part was handed out is on disk.
    public mutating func snapshotInstalled(_ position: LogPosition) { fatalError() }
    /// It was not a snapshot, or could not be kept.
    public mutating func snapshotRefused(_ position: LogPosition) { fatalError() }

    /// What is to be done. Empties it.
    public mutating func takeOutput() -> RaftOutput { fatalError() }
}
