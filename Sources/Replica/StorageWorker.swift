import Raft
import RaftStorage

/// Carries out storage requests on a log's files: what the simulator and the cluster's log thread share.
///
/// Synchronous; use from one thread at a time.
public struct StorageWorker<Machine: StateMachine, Files: FileSystem> {
    /// The files.
    public private(set) var storage: LogStorage<Files>

    /// A worker on an open log.
    /// - Parameter clock: the file of the wall clock's record.
    public init(storage: LogStorage<Files>, clock: DurableFile<Files>) { fatalError() }

    /// Carries out requests in their order, with one synchronization for all that was persisted.
    /// - Returns: what came of them, in order. Nothing of it was true before all of the group was durable.
    public mutating func execute(_ requests: [StorageRequest<Machine>]) -> [StorageCompletion<Machine>] { fatalError() }
}
