import Raft
import RaftStorage
import Wire

/// A node's folder: its founding record, its replica's log and snapshots, its wall clock's record.
///
/// Synchronous; use from one thread at a time.
public struct NodeStorage<Machine: StateMachine, Files: FileSystem> {
    /// Looks at what is there.
    /// - Parameters:
    ///   - directory: the node's folder. It must exist.
    ///   - genesis: makes the state machine of a new cluster.
    /// - Throws: what keeps the node from starting.
    public static func open(
        directory: String,
        node: String,
        files: Files,
        settings: StorageSettings,
        genesis: @escaping @Sendable (FoundingValue) -> Machine
    ) throws(StorageError) -> (storage: NodeStorage, start: NodeStart<Machine>) {
        fatalError()
    }

    /// Carries out requests in their order, with one synchronization for all that was persisted.
    public mutating func execute(
        _ requests: [NodeStorageRequest<Machine>]
    ) -> [NodeStorageCompletion<Machine>] {
        fatalError()
    }
}
