import Raft
import RaftStorage
import Wire

/// Names and values that the tests share.
enum Fixture {
    static let directory = "/node"
    static let identity = StorageIdentity(
        cluster: ClusterID(high: 0x1111, low: 0x2222),
        node: "node-1",
        replica: ReplicaID(high: 0x3333, low: 0x4444)
    )
    static let configuration = Configuration(
        members: [Member(id: identity.replica, name: "node-1", address: "127.0.0.1:7000")],
        voters: [identity.replica]
    )

    /// Small segments and slices, so that there are many.
    static var settings: StorageSettings {
        var settings = StorageSettings()
        settings.segmentBytes = StorageSettings.segmentBytesMin
        // Each block of a snapshot is synchronized.
        settings.snapshotSliceBytes = 1
        return settings
    }

    static func snapshot(_ position: LogPosition) -> SnapshotDescription {
        SnapshotDescription(position: position, configuration: configuration, bytes: 0)
    }

    static func position(_ term: UInt64, _ index: UInt64) -> LogPosition {
        LogPosition(term: Term(term), index: LogIndex(index))
    }

    static func command(_ term: UInt64, _ index: UInt64, _ bytes: [UInt8]) -> Entry {
        Entry(position: position(term, index), payload: .command(bytes))
    }

    static func request(_ entries: [Entry], state: HardState? = nil) -> PersistRequest {
        PersistRequest(number: 0, hardState: state, entries: entries)
    }

    /// A new log in a new folder of a disk.
    static func create(
        _ files: MemoryFileSystem,
        settings: StorageSettings = settings
    ) throws(StorageError) -> LogStorage<MemoryFileSystem> {
        try LogStorage.create(
            directory: directory,
            files: files,
            identity: identity,
            snapshot: snapshot(.zero),
            payload: Array("genesis".utf8),
            settings: settings
        )
    }

    static func open(
        _ files: MemoryFileSystem,
        settings: StorageSettings = settings
    ) throws(StorageError) -> (storage: LogStorage<MemoryFileSystem>, recovered: RecoveredState) {
        try LogStorage.open(directory: directory, files: files, settings: settings)
    }
}
