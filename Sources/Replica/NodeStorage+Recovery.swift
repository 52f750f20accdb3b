import Raft
import RaftStorage
import Wire

// After a disaster: what is left in a folder, and a new cluster of one that is made of it. While no node uses the folder.

/// What a node's folder holds: its snapshot, and all of its log after it.
public struct SurvivingState<Machine: StateMachine>: Sendable {
    /// Whose it is.
    public var identity: StorageIdentity
    /// The last entry: the state is that after it, whether it was decided or not.
    public var last: LogPosition
    /// The newest snapshot; of a damaged folder, the newest that is whole.
    public var snapshot: LogPosition
    /// The last membership of the log.
    public var configuration: Configuration
    /// The state.
    public var machine: Machine
    /// The last record of the wall clock.
    public var clock: ClockRecord?
    /// What is wrong with the folder, where something is: what came after ``last`` cannot be read.
    public var damage: StorageError.Damage?
}

extension NodeStorage {
    /// Reads what is left in a folder. A torn tail is cut, as at each start; else nothing is changed. Of a damaged log it is
    /// what can be read: see ``RaftStorage/SalvagedLog``.
    /// - Throws: ``RaftStorage/StorageError/absent(directory:)`` also for a replica that had no state yet;
    ///   ``RaftStorage/StorageError/damaged(_:)`` where no state can be read.
    public static func survey(
        directory: String,
        files: Files,
        settings: StorageSettings
    ) throws(StorageError) -> SurvivingState<Machine> {
        var log: LogStorage<Files>
        let recovered: RecoveredState
        do throws(StorageError) {
            (log, recovered) = try LogStorage<Files>.open(directory: directory, files: files, settings: settings)
        } catch .damaged(let damage) {
            guard let left = try LogStorage<Files>.salvage(directory: directory, files: files),
                !left.snapshot.configuration.members.isEmpty
            else { throw .damaged(damage) }
            return try state(left, directory: directory, files: files, damage: damage)
        } catch {
            throw error
        }
        defer { log.close() }
        let snapshot = recovered.restored.snapshot
        guard !snapshot.configuration.members.isEmpty else { throw .absent(directory: directory) }
        let whole = SalvagedLog(
            identity: recovered.identity,
            snapshot: snapshot,
            payload: try log.readSnapshot(snapshot.position, offset: 0, count: Int(clamping: snapshot.bytes)),
            entries: recovered.restored.entries.filter { $0.position.index > snapshot.position.index }
        )
        return try state(whole, directory: directory, files: files, damage: nil)
    }

    /// The state after the last entry.
    private static func state(
        _ log: SalvagedLog,
        directory: String,
        files: Files,
        damage: StorageError.Damage?
    ) throws(StorageError) -> SurvivingState<Machine> {
        let snapshot = log.snapshot.position
        var machine: Machine
        do throws(SnapshotPayloadFailure) {
            machine = try SnapshotPayload<Machine>.decode(log.payload, at: snapshot.index)
        } catch .unsupported(let why) {
            throw .laterRelease(path: directory + "/snapshots", why)
        } catch {
            throw .damaged(.init(path: directory + "/snapshots", offset: 0, problem: .content))
        }
        for entry in log.entries {
            guard case .command(let bytes) = entry.payload else { continue }
            do throws(StateMachineError) {
                let batch = try Machine.decode(bytes, supportedVersion: Machine.supportedVersion)
                _ = machine.apply(batch, index: entry.position.index)
            } catch {
                throw .laterRelease(path: directory + "/log", error.explanation)
            }
        }
        let record: [UInt8]?
        do throws(StorageError) { record = try DurableFile(path: directory + "/clock", files: files).read() } catch {
            // It costs the length of a pause, not more.
            record = nil
        }
        return SurvivingState(
            identity: log.identity,
            last: log.entries.last?.position ?? snapshot,
            snapshot: snapshot,
            configuration: log.configuration,
            machine: machine,
            clock: record.flatMap { ClockRecord(decoding: $0) },
            damage: damage
        )
    }

    /// Reads what is left in a folder, as ``survey(directory:files:settings:)``; where it holds no state, in the newest of
    /// the folders in it that a damaged log was set aside in and that does.
    /// - Returns: the state, and the folder that holds it.
    public static func surveyAll(
        directory: String,
        files: Files,
        settings: StorageSettings
    ) throws(StorageError) -> (state: SurvivingState<Machine>, directory: String) {
        let reason: StorageError
        do throws(StorageError) {
            return (try survey(directory: directory, files: files, settings: settings), directory)
        } catch {
            switch error {
            case .absent, .damaged: reason = error
            default: throw error
            }
        }
        for aside in try LogStorage<Files>.setAside(in: directory, files: files) {
            do throws(StorageError) {
                return (try survey(directory: aside, files: files, settings: settings), aside)
            } catch {
                switch error {
                case .absent, .damaged: continue
                default: throw error
                }
            }
        }
        throw reason
    }

    /// Makes the folder that of the only member of a new cluster, whose first state this is. What it held of another is
    /// gone; a damaged log is set aside. After a failure or a crash in between it is to be called again.
    /// - Parameters:
    ///   - identity: with a cluster and a replica that are new: nobody who knows the former ones takes this for them.
    ///   - index: of the last entry that the state includes. The log goes on behind it.
    ///   - clock: says how long the pause is until the node starts.
    public static func refound(
        directory: String,
        files: Files,
        settings: StorageSettings,
        identity: StorageIdentity,
        address: String,
        machine: Machine,
        index: LogIndex,
        clock: ClockRecord?
    ) throws(StorageError) {
        let member = Member(id: identity.replica, name: identity.node, address: address)
        var payload: [UInt8] = []
        SnapshotPayload.write(machine) { payload += $0 }
        try clear(directory: directory, files: files, settings: settings)
        var log = try LogStorage.create(
            directory: directory,
            files: files,
            identity: identity,
            snapshot: SnapshotDescription(
                // Of no term: no election was held in this cluster, as at a founding.
                position: LogPosition(term: .zero, index: index),
                configuration: Configuration(members: [member], voters: [member.id]),
                bytes: UInt64(payload.count)
            ),
            payload: payload,
            settings: settings
        )
        log.close()
        try DurableFile(path: directory + "/clock", files: files).write(clock?.encode() ?? [])
        let record = FoundingRecord(replica: identity.replica, member: identity.cluster)
        try DurableFile(path: directory + "/founding", files: files).write(record.encode())
    }

    /// Makes room for another log.
    private static func clear(
        directory: String,
        files: Files,
        settings: StorageSettings
    ) throws(StorageError) {
        do throws(StorageError) {
            var log = try LogStorage<Files>.open(directory: directory, files: files, settings: settings).storage
            log.close()
        } catch {
            switch error {
            case .absent: try LogStorage<Files>.finishSettingAside(directory: directory, files: files)
            case .damaged, .wrongIdentity: return try LogStorage<Files>.setAside(directory: directory, files: files)
            default: throw error
            }
        }
        try LogStorage<Files>.erase(directory: directory, files: files)
    }
}
