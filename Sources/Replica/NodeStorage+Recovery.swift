import Raft
import RaftStorage
import Wire

// After a disaster: what is left in a folder, and a new cluster of one that is made of it. While no node uses the folder.

/// What a folder holds: a snapshot, and all of the log after it.
public struct SurvivingState<Machine: StateMachine>: Sendable {
    /// Where it is: a node's folder, or one in it that a log was set aside in.
    public var directory: String
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
    /// All that was met of damage, or could not be read, ``damage`` included.
    public var losses: [StorageError.Damage]
}

/// A folder that a state was looked for in, and whose state was not taken.
public struct FolderLeft: Hashable, Sendable {
    /// The folder.
    public var directory: String
    /// Its cluster and its last entry, where it holds a state.
    public var state: State?
    /// Why it holds none, where it does not.
    public var reason: StorageError?

    /// How far a state goes.
    public struct State: Hashable, Sendable {
        /// The cluster that it is of.
        public var cluster: ClusterID
        /// Its last entry.
        public var last: LogPosition
    }
}

extension NodeStorage {
    /// Reads what is left in a folder. A torn tail is cut, as at each start; else nothing is changed. Of a damaged log, or one
    /// that a device fails to read, it is what can be read: see ``RaftStorage/SalvagedLog``.
    /// - Throws: ``RaftStorage/StorageError/absent(directory:)`` also for a replica that had no state yet;
    ///   ``RaftStorage/StorageError/damaged(_:)`` where no state can be read.
    public static func survey(
        directory: String,
        files: Files,
        settings: StorageSettings
    ) throws(StorageError) -> SurvivingState<Machine> {
        let damage: StorageError.Damage
        do throws(StorageError) {
            let log = try whole(directory: directory, files: files, settings: settings)
            return try state(log, directory: directory, files: files, losses: [])
        } catch {
            switch error {
            case .damaged(let found): damage = found
            case .fatal(let error) where error.isOfDevice:
                damage = StorageError.Damage(path: error.path, offset: 0, problem: .deviceFailed)
            default: throw error
            }
        }
        var losses: [StorageError.Damage] = []
        guard let left = try LogStorage<Files>.salvage(directory: directory, files: files, losses: &losses),
            !left.snapshot.configuration.members.isEmpty
        else { throw .damaged(losses.first ?? damage) }
        // The salvage says more exactly up to where a file can be read.
        let isKnown = losses.contains {
            $0.path == damage.path || $0.problem == .deviceFailed && damage.problem == .deviceFailed
        }
        if !isKnown { losses.insert(damage, at: 0) }
        return try state(left, directory: directory, files: files, losses: losses)
    }

    /// A log with which nothing is wrong.
    private static func whole(
        directory: String,
        files: Files,
        settings: StorageSettings
    ) throws(StorageError) -> SalvagedLog {
        var (log, recovered) = try LogStorage<Files>.open(directory: directory, files: files, settings: settings)
        defer { log.close() }
        let snapshot = recovered.restored.snapshot
        guard !snapshot.configuration.members.isEmpty else { throw .absent(directory: directory) }
        return SalvagedLog(
            identity: recovered.identity,
            snapshot: snapshot,
            payload: try log.readSnapshot(snapshot.position, offset: 0, count: Int(clamping: snapshot.bytes)),
            entries: recovered.restored.entries.filter { $0.position.index > snapshot.position.index }
        )
    }

    /// The state after the last entry.
    private static func state(
        _ log: SalvagedLog,
        directory: String,
        files: Files,
        losses: [StorageError.Damage]
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
            directory: directory,
            identity: log.identity,
            last: log.entries.last?.position ?? snapshot,
            snapshot: snapshot,
            configuration: log.configuration,
            machine: machine,
            clock: record.flatMap { ClockRecord(decoding: $0) },
            damage: losses.first,
            losses: losses
        )
    }

    /// Reads what is left in a folder, as ``survey(directory:files:settings:)``, and in those in it that a log was set aside
    /// in, and takes the newest state: of the folder itself, or else of the log that was set aside last, unless another one
    /// *of the same cluster* goes further. A node that begins anew after damage may have had more before than it has fetched
    /// since; and one that could be read last may be much older than one that is damaged a little.
    ///
    /// A setting aside that was cut short is finished first: before, no folder holds all of the log.
    /// - Returns: the state, and the other folders, the newest first.
    public static func surveyAll(
        directory: String,
        files: Files,
        settings: StorageSettings
    ) throws(StorageError) -> (state: SurvivingState<Machine>, left: [FolderLeft]) {
        try finishSettingAside(directory: directory, files: files, settings: settings)
        var newest: SurvivingState<Machine>?
        var left: [FolderLeft] = []
        for place in [directory] + (try LogStorage<Files>.setAside(in: directory, files: files)) {
            do throws(StorageError) {
                let state = try survey(directory: place, files: files, settings: settings)
                guard let known = newest else {
                    newest = state
                    continue
                }
                let isNewer = state.identity.cluster == known.identity.cluster && state.last > known.last
                left.append(FolderLeft(isNewer ? known : state))
                if isNewer { newest = state }
            } catch {
                switch error {
                case .absent, .damaged: break
                case .fatal(let failure) where failure.isOfDevice: break
                // Another release, or another user, may find the newest state there.
                default: if newest == nil { throw error }
                }
                left.append(FolderLeft(directory: place, state: nil, reason: error))
            }
        }
        guard let newest else {
            let reasons = left.compactMap(\.reason)
            throw reasons.first { if case .absent = $0 { false } else { true } } ?? .absent(directory: directory)
        }
        return (newest, left)
    }

    private static func finishSettingAside(
        directory: String,
        files: Files,
        settings: StorageSettings
    ) throws(StorageError) {
        do throws(StorageError) {
            guard try LogStorage<Files>.isSettingAside(directory: directory, files: files) else { return }
            // What can be used as it is stays: the mark is an old one.
            var log = try LogStorage<Files>.open(directory: directory, files: files, settings: settings).storage
            log.close()
        } catch {
            switch error {
            case .absent: try LogStorage<Files>.finishSettingAside(directory: directory, files: files, kept: .max)
            case .damaged, .wrongIdentity:
                try LogStorage<Files>.setAside(directory: directory, files: files, kept: .max)
            case .fatal(let failure) where failure.isOfDevice:
                try LogStorage<Files>.setAside(directory: directory, files: files, kept: .max)
            default: throw error
            }
        }
    }

    /// Makes the folder that of the only member of a new cluster, whose first state this is. What it held of another is
    /// gone; a damaged log is set aside, and no other one that was set aside is removed. After a failure or a crash in
    /// between it is to be called again.
    /// - Parameters:
    ///   - identity: with a cluster and a replica that are new: nobody who knows the former ones takes this for them.
    ///   - index: of the last entry that the state includes. The log goes on behind it.
    ///   - clock: says how long the pause is until the node starts.
    ///   - kept: a log of this cluster is not the one that the state is of, and is set aside even if nothing is wrong with it.
    public static func refound(
        directory: String,
        files: Files,
        settings: StorageSettings,
        identity: StorageIdentity,
        address: String,
        machine: Machine,
        index: LogIndex,
        clock: ClockRecord?,
        keeping kept: ClusterID? = nil
    ) throws(StorageError) {
        let member = Member(id: identity.replica, name: identity.node, address: address)
        var payload: [UInt8] = []
        SnapshotPayload.write(machine) { payload += $0 }
        try clear(directory: directory, files: files, settings: settings, keeping: kept)
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
        settings: StorageSettings,
        keeping kept: ClusterID?
    ) throws(StorageError) {
        do throws(StorageError) {
            var (log, recovered) = try LogStorage<Files>.open(directory: directory, files: files, settings: settings)
            log.close()
            let isHalf = try LogStorage<Files>.isSettingAside(directory: directory, files: files)
            if isHalf || recovered.identity.cluster == kept {
                return try LogStorage<Files>.setAside(directory: directory, files: files, kept: .max)
            }
        } catch {
            switch error {
            case .absent: try LogStorage<Files>.finishSettingAside(directory: directory, files: files, kept: .max)
            case .damaged, .wrongIdentity:
                return try LogStorage<Files>.setAside(directory: directory, files: files, kept: .max)
            case .fatal(let failure) where failure.isOfDevice:
                return try LogStorage<Files>.setAside(directory: directory, files: files, kept: .max)
            default: throw error
            }
        }
        try LogStorage<Files>.erase(directory: directory, files: files)
    }
}

extension FolderLeft {
    /// A state that is not taken.
    fileprivate init(_ state: SurvivingState<some StateMachine>) {
        directory = state.directory
        self.state = State(cluster: state.identity.cluster, last: state.last)
        reason = nil
    }
}
