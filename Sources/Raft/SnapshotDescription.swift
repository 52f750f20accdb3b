/// What a snapshot stands for: the state after `position`, and the membership that was committed there.
public struct SnapshotDescription: Hashable, Sendable {
    /// The last entry that the state includes.
    public var position: LogPosition
    /// The last configuration at or below that entry. Committed, as everything below it is.
    public var configuration: Configuration
    /// The length of the snapshot file's payload in bytes.
    public var bytes: UInt64

    /// A value of these fields.
    public init(position: LogPosition, configuration: Configuration, bytes: UInt64) {
        self.position = position
        self.configuration = configuration
        self.bytes = bytes
    }
}
