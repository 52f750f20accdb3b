import Raft

/// The log and the snapshots of one replica, in a folder with `log/` and `snapshots/` in it.
public struct LogStorage<Files: FileSystem> {
    /// Whose files they are.
    public let identity: StorageIdentity
    /// The newest snapshot.
    public private(set) var snapshot: SnapshotDescription
    /// The last entry of the log, written but perhaps not yet durable.
    public private(set) var lastPosition: LogPosition

    /// Makes a log whose first state is a snapshot. Creates what is missing of the folder; its parent must exist.
    public static func create(
        directory: String,
        files: Files,
        identity: StorageIdentity,
        snapshot: SnapshotDescription,
        payload: [UInt8],
        settings: StorageSettings
    ) throws(StorageError) -> LogStorage { fatalError() }

    /// Opens what ``create(directory:files:identity:snapshot:payload:settings:)`` made, repairs what a crash left half
    /// written, and makes all that it returns durable.
    public static func open(
        directory: String,
        files: Files,
        settings: StorageSettings
    ) throws(StorageError) -> (storage: LogStorage, recovered: RecoveredState) { fatalError() }

    /// Removes all of a log, so that one can be created anew: after damage, when the node becomes another replica.
    public static func erase(directory: String, files: Files) throws(StorageError) { fatalError() }

    /// Writes a request. It is durable after the next ``synchronize()``.
    public mutating func append(_ request: PersistRequest) throws(StorageError) { fatalError() }

    /// Makes everything that was appended durable: one fdatasync, or none where nothing waits.
    public mutating func synchronize() throws(StorageError) { fatalError() }

    /// Begins a snapshot file; one that was begun before is thrown away. `bytes` of the description is not looked at.
    public mutating func beginSnapshot(_ description: SnapshotDescription) throws(StorageError) { fatalError() }

    /// Appends to the snapshot file that was begun.
    public mutating func appendSnapshot(_ bytes: [UInt8]) throws(StorageError) { fatalError() }

    /// Makes the snapshot file durable, and the newest. Returns its description, with its length.
    public mutating func finishSnapshot() throws(StorageError) -> SnapshotDescription { fatalError() }

    /// Throws the snapshot file away that was begun, if there is one.
    public mutating func abandonSnapshot() { fatalError() }

    /// After a leader's snapshot was finished: where the log has no entry of that term at that index it is emptied and
    /// goes on after the snapshot (section 7 of the paper); else it stays as it is. Durable when it returns.
    public mutating func installed(_ position: LogPosition) throws(StorageError) { fatalError() }

    /// Reads a part of a snapshot's payload, checked against its checksums. Shorter only where the payload ends.
    public func readSnapshot(_ position: LogPosition, offset: UInt64, count: Int) throws(StorageError) -> [UInt8] {
        fatalError()
    }

    /// Removes segments whose entries are all below an index. Entries above the newest snapshot stay in any case.
    public mutating func removeSegments(below index: LogIndex) throws(StorageError) { fatalError() }
}

extension LogStorage: Sendable where Files: Sendable {}
