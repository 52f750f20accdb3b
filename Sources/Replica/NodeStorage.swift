import Raft
import RaftStorage
import Wire

/// A node's folder: its founding record, its replica's log and snapshots, its wall clock's record.
///
/// When the disk is full it keeps what it was given, in order, and tries again with ``StorageRequest/retry``. After a
/// failure it does nothing any more. Snapshots are written in slices, between groups of requests: ``writeSlice()``.
/// Synchronous; use from one thread at a time.
public struct NodeStorage<Machine: StateMachine, Files: FileSystem> {
    private let directory: String
    private let node: String
    private let files: Files
    private let settings: StorageSettings
    private let genesis: @Sendable (FoundingValue) -> Machine
    private var founding: DurableFile<Files>
    /// Of the replica, once there is one.
    private var worker: StorageWorker<Machine, Files>?
    private var held: [NodeStorageRequest<Machine>] = []
    private var hasFailed = false

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
        var storage = NodeStorage(
            directory: directory,
            node: node,
            files: files,
            settings: settings,
            genesis: genesis
        )
        let start = try storage.look()
        return (storage, start)
    }

    private init(
        directory: String,
        node: String,
        files: Files,
        settings: StorageSettings,
        genesis: @escaping @Sendable (FoundingValue) -> Machine
    ) {
        self.directory = directory
        self.node = node
        self.files = files
        self.settings = settings
        self.genesis = genesis
        founding = DurableFile(path: directory + "/founding", files: files)
    }

    // MARK: - At the start

    private mutating func look() throws(StorageError) -> NodeStart<Machine> {
        let record = try readRecord()
        var start = NodeStart<Machine>(record: record, replica: nil, damage: nil)
        do throws(StorageError) {
            guard let replica = try openReplica() else { return start }
            // A log of the replica that this node was before is replaced.
            guard record == nil || record?.replica == replica.identity.replica else {
                closeLog()
                return start
            }
            start.replica = replica
        } catch .damaged(let damage) {
            // Without a record nobody knows that a replica was here: it must not found anew.
            guard record != nil else { throw .damaged(damage) }
            start.damage = damage.description
            start.isAlone = try LogStorage.salvage(directory: directory, files: files)?.isOnlyVoter ?? false
            return start
        } catch {
            throw error
        }
        guard let record, let replica = start.replica else { return start }
        let whole = record.becomingMember(of: replica.identity.cluster)
        if whole != record {
            try founding.write(whole.encode())
            start.record = whole
        }
        return start
    }

    private mutating func readRecord() throws(StorageError) -> FoundingRecord? {
        guard let bytes = try founding.read() else { return nil }
        do throws(FoundingDecodingError) {
            return try FoundingRecord(decoding: bytes)
        } catch .unsupportedFormat(let version) {
            throw .unsupportedVersion(path: founding.path, version: UInt32(version))
        } catch {
            throw .damaged(.init(path: founding.path, offset: 0, problem: .content))
        }
    }

    /// Opens the log, and restores the state of its snapshot. Nil where there is no log.
    private mutating func openReplica() throws(StorageError) -> RecoveredReplica<Machine>? {
        var log: LogStorage<Files>
        let recovered: RecoveredState
        do throws(StorageError) {
            (log, recovered) = try LogStorage.open(directory: directory, files: files, settings: settings)
        } catch .absent {
            return nil
        } catch {
            throw error
        }
        do throws(StorageError) {
            return try restore(recovered, log)
        } catch {
            log.close()
            throw error
        }
    }

    /// The replica of a log, and its worker.
    private mutating func restore(
        _ recovered: RecoveredState,
        _ log: LogStorage<Files>
    ) throws(StorageError) -> RecoveredReplica<Machine> {
        guard recovered.identity.node == node else {
            throw .wrongIdentity(
                path: directory,
                expected: StorageIdentity(
                    cluster: recovered.identity.cluster,
                    node: node,
                    replica: recovered.identity.replica
                ),
                found: recovered.identity
            )
        }
        let snapshot = recovered.restored.snapshot
        // A term is durable before any entry of it: no log of this core is otherwise, and it would not start from one.
        guard (recovered.restored.entries.last?.position ?? snapshot.position).term <= recovered.restored.hardState.term
        else { throw .damaged(.init(path: directory + "/log", offset: 0, problem: .recordContent)) }
        var machine: Machine?
        if !snapshot.configuration.members.isEmpty {
            machine = try state(of: snapshot, log)
        }
        let clock = DurableFile(path: directory + "/clock", files: files)
        var record: ClockRecord?
        do throws(StorageError) {
            record = try clock.read().flatMap { ClockRecord(decoding: $0) }
        } catch .damaged {
            // It costs the length of a pause, not more.
        } catch {
            throw error
        }
        worker = StorageWorker(storage: log, clock: clock)
        return RecoveredReplica(
            identity: recovered.identity,
            restored: recovered.restored,
            machine: machine,
            clock: record
        )
    }

    /// The state that a snapshot holds.
    private func state(
        of snapshot: SnapshotDescription,
        _ log: LogStorage<Files>
    ) throws(StorageError) -> Machine {
        var decoder = SnapshotPayloadDecoder<Machine>(bytes: snapshot.bytes, index: snapshot.position.index)
        var offset: UInt64 = 0
        while offset < snapshot.bytes {
            let count = max(settings.snapshotSliceBytes, 1)
            let slice = try log.readSnapshot(snapshot.position, offset: offset, count: count)
            offset += UInt64(slice.count)
            do throws(SnapshotPayloadFailure) { try decoder.take(slice) } catch { throw unusable(error) }
        }
        do throws(SnapshotPayloadFailure) { return try decoder.finish() } catch { throw unusable(error) }
    }

    private func unusable(_ failure: SnapshotPayloadFailure) -> StorageError {
        switch failure {
        case .unsupported(let why): .laterRelease(path: directory + "/snapshots", why)
        case .invalid: .damaged(.init(path: directory + "/snapshots", offset: 0, problem: .content))
        }
    }

    /// Closes the files. Nothing may be asked afterwards.
    public mutating func close() {
        hasFailed = true
        closeLog()
    }

    private mutating func closeLog() {
        worker?.close()
        worker = nil
    }

    /// Requests that are kept because the disk was full.
    var heldCount: Int { held.count + (worker?.heldCount ?? 0) }

    // MARK: - Requests

    /// Carries out requests in their order, with one synchronization for all that was persisted.
    public mutating func execute(
        _ requests: [NodeStorageRequest<Machine>]
    ) -> [NodeStorageCompletion<Machine>] {
        guard !hasFailed else { return [] }
        var queue = requests
        if !held.isEmpty {
            let isRetry = requests.contains { if case .replica(.retry) = $0 { true } else { false } }
            queue = (held + requests).filter { if case .replica(.retry) = $0 { false } else { true } }
            held = []
            guard isRetry else {
                held = queue
                return []
            }
        }
        var completions: [NodeStorageCompletion<Machine>] = []
        var group: [StorageRequest<Machine>] = []
        for (place, request) in queue.enumerated() {
            if case .replica(let request) = request {
                group.append(request)
                continue
            }
            completions += perform(group)
            group = []
            do throws(StorageError) {
                guard !hasFailed else { return completions }
                completions.append(try perform(request))
            } catch .full {
                held = Array(queue[place...])
                completions.append(.full)
                return completions
            } catch {
                hasFailed = true
                completions.append(.failed(error.description))
                return completions
            }
        }
        return completions + perform(group)
    }

    /// Whether ``writeSlice()`` is to be called, as of ``StorageWorker``.
    public var isWritingSnapshot: Bool { !hasFailed && worker?.isWritingSnapshot == true }

    /// Writes the next slice of the snapshot that is being written.
    public mutating func writeSlice() -> [NodeStorageCompletion<Machine>] {
        guard !hasFailed else { return [] }
        return heard(worker?.writeSlice() ?? [])
    }

    /// Of the replica. Before there is one nothing but a retry is asked, and that needs no answer.
    private mutating func perform(_ group: [StorageRequest<Machine>]) -> [NodeStorageCompletion<Machine>] {
        guard !group.isEmpty, worker != nil else { return [] }
        return heard(worker?.execute(group) ?? [])
    }

    private mutating func heard(_ completions: [StorageCompletion<Machine>]) -> [NodeStorageCompletion<Machine>] {
        if case .failed? = completions.last { hasFailed = true }
        return completions.map { .replica($0) }
    }

    private mutating func perform(
        _ request: NodeStorageRequest<Machine>
    ) throws(StorageError) -> NodeStorageCompletion<Machine> {
        switch request {
        case .founding(let number, let record):
            try founding.write(record.encode())
            return .foundingPersisted(number)
        case .create(let outcome, let replica): return .created(try create(outcome, replica))
        case .replica: preconditionFailure("performed in groups")
        }
    }

    /// Makes the log of a new replica. One that was meant and is there already is opened; anything else is set aside.
    private mutating func create(
        _ outcome: FoundingOutcome,
        _ replica: ReplicaID
    ) throws(StorageError) -> RecoveredReplica<Machine> {
        let identity = StorageIdentity(cluster: outcome.cluster, node: node, replica: replica)
        do throws(StorageError) {
            if let there = try openReplica() {
                if there.identity == identity { return there }
                closeLog()
                try LogStorage.setAside(directory: directory, files: files)
            } else {
                try LogStorage.finishSettingAside(directory: directory, files: files)
            }
        } catch .damaged {
            try LogStorage.setAside(directory: directory, files: files)
        } catch .wrongIdentity {
            try LogStorage.setAside(directory: directory, files: files)
        } catch {
            throw error
        }
        let configuration: Configuration
        var payload: [UInt8] = []
        switch outcome {
        case .founded(let value):
            configuration = value.configuration
            payload = SnapshotPayload<Machine>.encode(genesis(value))
        case .joining: configuration = .empty
        }
        // Another cluster's clock says nothing here.
        let clock = DurableFile(path: directory + "/clock", files: files)
        try clock.write([])
        var log = try LogStorage.create(
            directory: directory,
            files: files,
            identity: identity,
            snapshot: SnapshotDescription(
                position: .zero,
                configuration: configuration,
                bytes: UInt64(payload.count)
            ),
            payload: payload,
            settings: settings
        )
        // Opened anew, as at each start: what is used is what can be read back.
        log.close()
        guard let created = try openReplica() else { throw .absent(directory: directory) }
        return created
    }
}
