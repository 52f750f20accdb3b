/// What a replica finds on its disk when it starts.
public struct RestoredState: Hashable, Sendable {
    /// Term and vote, and what the disk is known to have lost.
    public var hardState: HardState
    /// The latest snapshot. A group begins with one: genesis is snapshot 0, at ``LogPosition/zero``. A replica that has
    /// nothing yet, and waits for a leader to send it all, has one there with the membership ``Configuration/empty``:
    /// it takes no entries, only a snapshot, be it snapshot 0, and it votes for nobody.
    public var snapshot: SnapshotDescription
    /// Consecutive entries. The first is at most one above the snapshot; some may be below it, kept for slow followers.
    public var entries: [Entry]

    /// A value of these fields.
    public init(hardState: HardState, snapshot: SnapshotDescription, entries: [Entry]) {
        self.hardState = hardState
        self.snapshot = snapshot
        self.entries = entries
    }
}
