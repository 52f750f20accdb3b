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
    /// The newest snapshot.
    public var snapshot: LogPosition
    /// The last membership of the log.
    public var configuration: Configuration
    /// The state.
    public var machine: Machine
    /// The last record of the wall clock.
    public var clock: ClockRecord?
}

extension NodeStorage {
    /// Reads what is left in a folder. A torn tail is cut, as at each start; else nothing is changed.
    /// - Throws: ``RaftStorage/StorageError/absent(directory:)`` also for a replica that had no state yet.
    public static func survey(
        directory: String,
        files: Files,
        settings: StorageSettings
    ) throws(StorageError) -> SurvivingState<Machine> {
        var (log, recovered) = try LogStorage<Files>.open(directory: directory, files: files, settings: settings)
        defer { log.close() }
        let snapshot = recovered.restored.snapshot
        guard !snapshot.configuration.members.isEmpty else { throw .absent(directory: directory) }
        let payload = try log.readSnapshot(snapshot.position, offset: 0, count: Int(clamping: snapshot.bytes))
        var machine: Machine
        do throws(SnapshotPayloadFailure) {
            machine = try SnapshotPayload<Machine>.decode(payload, at: snapshot.position.index)
        } catch .unsupported(let why) {
            throw .laterRelease(path: directory + "/snapshots", why)
        } catch {
            throw .damaged(.init(path: directory + "/snapshots", offset: 0, problem: .content))
        }
        var last = snapshot.position
        var configuration = snapshot.configuration
        for entry in recovered.restored.entries where entry.position.index > snapshot.position.index {
            last = entry.position
            switch entry.payload {
            case .configuration(let changed): configuration = changed
            case .command(let bytes):
                do throws(StateMachineError) {
                    let batch = try Machine.decode(bytes, supportedVersion: Machine.supportedVersion)
                    _ = machine.apply(batch, index: entry.position.index)
                } catch {
                    throw .laterRelease(path: directory + "/log", error.explanation)
                }
            case .noOperation: break
            }
        }
        let record: [UInt8]?
        do throws(StorageError) { record = try DurableFile(path: directory + "/clock", files: files).read() } catch {
            // It costs the length of a pause, not more.
            record = nil
        }
        return SurvivingState(
            identity: recovered.identity,
            last: last,
            snapshot: snapshot.position,
            configuration: configuration,
            machine: machine,
            clock: record.flatMap { ClockRecord(decoding: $0) }
        )
    }

    /// Makes the folder that of the only member of a new cluster, whose first state this is. What it held of another is
    /// gone. After a failure or a crash in between it is to be called again.
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
        try LogStorage.erase(directory: directory, files: files)
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
}
