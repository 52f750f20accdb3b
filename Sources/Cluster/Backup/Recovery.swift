import Glibc
import Ledger
import Raft
import RaftStorage
import Replica
import Wire

/// What to do when a majority of a cluster is lost for ever: a new cluster of one, of what one folder still holds, or of a
/// backup. Other nodes are added to it as to any cluster of one.
///
/// **The new cluster has another id**, and the node is another replica: former members, should they come back, are refused.
/// **The cluster's secret stays**, under which limits' keys and clients' bindings are
/// hashed: quotas go on.
///
/// *Of a surviving folder*, key epochs stay too, and with them passes and challenges. All that the folder's log holds
/// counts, decided or not. What others had decided and this node had not yet received is lost: a challenge that was
/// redeemed then can be redeemed once more while it lives, and quotas have what was used then.
///
/// *Of a backup*, which may be old, new keys begin: challenges that were redeemed after the backup would be good again, and
/// passes whole. So none of before is good; clients solve another one. Quotas stand as in the backup.
///
/// **Time** goes on from what the folder or the backup says, plus the pause by this machine's wall clock since, as after
/// any time in which all nodes were down; never back.
///
/// Every method blocks, for as long as it takes to read and write the state.
public enum Recovery {
    /// What a node's folder holds.
    public struct Survey: Sendable {
        /// The node.
        public var node: String
        /// The cluster that it belonged to.
        public var cluster: ClusterID
        /// Its members, by name.
        public var members: [String]
        /// The last entry of the log.
        public var last: LogPosition
        /// The newest snapshot that is whole.
        public var snapshotIndex: LogIndex
        /// Where it is: the folder, or one in it that a damaged log was set aside in.
        public var directory: String
        /// What is wrong with it, where something is, one sentence each: what its log held after ``last`` is lost.
        public var losses: [String]
        /// What was looked at besides and would not be taken, one sentence each, the newest first.
        public var left: [String]
    }

    /// What came of it.
    public struct Outcome: Sendable {
        /// The node.
        public var node: String
        /// The new cluster.
        public var cluster: ClusterID
        /// The last entry that its state includes.
        public var index: LogIndex
        /// What was there before, as a backup; nil where nothing was.
        public var former: String?
        /// Where the state was taken from; nil where an earlier call had saved it.
        public var directory: String?
        /// What of that could not be read, one sentence each.
        public var losses: [String] = []
        /// What was not taken, one sentence each. It stays where it is, or was set aside.
        public var left: [String] = []
    }

    typealias Storage = NodeStorage<Ledger, PosixFileSystem>

    /// Looks at a folder, and changes nothing but what each start would: it cuts a torn tail, and finishes a setting aside
    /// that was cut short. Where its log is damaged, or a device fails to read it, it finds what can be read of it: the newest
    /// snapshot that is whole, and the log after it up to the damage. It looks at what the node has set aside there, too, and
    /// takes what goes furthest.
    /// - Throws: where a node uses it, or it holds no state, or a recovery of it was begun.
    public static func survey(directory: String) throws(BackupError) -> Survey {
        try checkPresent(directory)
        let lock = try locked(directory)
        defer { lock.release() }
        try checkRestored(directory)
        if let saved = try saved(directory) {
            throw .file(
                path: directory,
                reason: "its recovery was begun and has not come to an end; the state of node \(saved.head.node) after "
                    + "entry \(saved.head.index.rawValue) of cluster \(saved.head.cluster) is saved in "
                    + "\(unfinished(directory)). Run `tollgate recover --data \(directory) --accept-loss`: it goes on with "
                    + "that"
            )
        }
        let (state, left) = try state(directory)
        return Survey(
            node: state.identity.node,
            cluster: state.identity.cluster,
            members: state.configuration.members.map(\.name).sorted(),
            last: state.last,
            snapshotIndex: state.snapshot.index,
            directory: state.directory,
            losses: state.losses.map(\.description),
            left: sentences(left)
        )
    }

    /// Makes a folder's node a cluster of one, with the state that ``survey(directory:)`` finds. A log that is damaged, or that
    /// another one is taken for, is set aside, as it is. After a failure or a crash it is to be called again.
    public static func recover(directory: String) throws(BackupError) -> Outcome {
        try checkPresent(directory)
        let lock = try locked(directory)
        defer { lock.release() }
        try checkRestored(directory)
        // What is there is kept as a backup before anything of it goes.
        let path = unfinished(directory)
        var taken: SurvivingState<Ledger>?
        var left: [FolderLeft] = []
        let backup: Backup
        if let saved = try saved(directory) {
            backup = saved
        } else {
            let found = try state(directory)
            try save(found.state, to: path)
            backup = try BackupFile.read(path)
            (taken, left) = found
        }
        var ledger = backup.ledger
        // What the folder itself holds may be another state than what was saved.
        let kept = taken?.directory == directory ? nil : backup.head.cluster
        var outcome = try refound(directory, backup, &ledger, node: backup.head.node, secret: nil, keeping: kept)
        let former = unused(directory)
        guard rename(path, former) == 0 else {
            throw .file(path: path, reason: "it cannot be renamed: \(String(cString: strerror(errno)))")
        }
        try BackupFile.synchronizeFolder(of: former)
        outcome.former = former
        outcome.directory = taken?.directory
        outcome.losses = taken?.losses.map(\.description) ?? []
        outcome.left = sentences(left)
        return outcome
    }

    /// Makes an empty folder that of a cluster of one with the state of a backup. After a failure or a crash no node starts
    /// in it; it is to be called again, or the folder to be emptied.
    /// - Parameter node: the node's name, one that its configuration can have; nil for that of the node that made the
    ///   backup.
    public static func restore(
        _ backup: Backup,
        directory: String,
        node: String?
    ) throws(BackupError) -> Outcome {
        let lock = try locked(directory)
        defer { lock.release() }
        try RestoreMark.begin(in: directory)
        var ledger = backup.ledger
        let secret = Randomness.bytes(LedgerBounds.secretBytes)
        let outcome = try refound(directory, backup, &ledger, node: node ?? backup.head.node, secret: secret)
        try RestoreMark.end(in: directory)
        return outcome
    }

    // MARK: - Steps

    /// What was there before, while it is being recovered.
    private static func unfinished(_ directory: String) -> String { directory + "/recovery" }

    /// What an earlier call has saved that did not come to an end.
    private static func saved(_ directory: String) throws(BackupError) -> Backup? {
        let path = unfinished(directory)
        guard access(path, F_OK) == 0 else { return nil }
        do throws(BackupError) { return try BackupFile.read(path) } catch {
            if case .laterRelease = error { throw error }
            let what: String =
                switch error {
                case .damaged(_, let reason), .file(_, let reason): reason
                default: "\(error)"
                }
            throw .file(
                path: path,
                reason: "a recovery was begun, and what it had saved cannot be used (\(what)). Move this file away, "
                    + "and `tollgate recover --data \(directory)` says what else the folder holds; or restore a "
                    + "backup into an empty one"
            )
        }
    }

    /// A name for what was there before that no earlier recovery has used.
    private static func unused(_ directory: String) -> String {
        var path = directory + "/before-recovery.backup"
        var number = 1
        while access(path, F_OK) == 0 {
            number += 1
            path = directory + "/before-recovery-\(number).backup"
        }
        return path
    }

    /// What is said of folders whose state is not taken. Of a node that has begun anew and has no state yet nothing is.
    private static func sentences(_ left: [FolderLeft]) -> [String] {
        left.compactMap { folder in
            if let state = folder.state {
                return "\(folder.directory) holds the log of cluster \(state.cluster) up to entry "
                    + "\(state.last.index.rawValue) of term \(state.last.term.rawValue)."
            }
            return switch folder.reason {
            case .absent?, nil: nil
            case .damaged(let damage)?: "\(folder.directory) holds no state that can be read: \(damage)"
            case let error?: "\(folder.directory) holds no state that can be read: \(error)"
            }
        }
    }

    /// A node does not start in the middle: what it did then would be lost with the next call of ``recover(directory:)``.
    static func checkFinished(directory: String) throws(ClusterError) {
        try RestoreMark.check(directory)
        guard access(unfinished(directory), F_OK) != 0 else {
            throw .folder(
                path: directory,
                reason: "its recovery was begun and has not come to an end: run `tollgate recover --data \(directory) "
                    + "--accept-loss` again"
            )
        }
    }

    /// What was restored in part is no state.
    private static func checkRestored(_ directory: String) throws(BackupError) {
        do throws(ClusterError) { try RestoreMark.check(directory) } catch { throw .folder(error) }
    }

    /// To lock a folder that is not there would be to make it.
    private static func checkPresent(_ directory: String) throws(BackupError) {
        guard access(directory, F_OK) == 0 || errno != ENOENT else {
            throw .file(path: directory, reason: "there is no such folder. Name the data folder of a node")
        }
    }

    private static func locked(_ directory: String) throws(BackupError) -> DirectoryLock {
        do throws(ClusterError) { return try DirectoryLock(directory: directory) } catch { throw .folder(error) }
    }

    private static func state(
        _ directory: String
    ) throws(BackupError) -> (state: SurvivingState<Ledger>, left: [FolderLeft]) {
        do throws(StorageError) {
            return try Storage.surveyAll(directory: directory, files: PosixFileSystem(), settings: StorageSettings())
        } catch .absent {
            throw .file(
                path: directory,
                reason: "it holds no state: the node waited to be admitted, or was never started. Use the folder of "
                    + "another node, or a backup"
            )
        } catch .damaged(let damage) {
            throw .file(
                path: directory,
                reason:
                    "no state can be read there (\(damage.path): \(damage.problem.rawValue)). Use the folder of another "
                    + "node, or a backup"
            )
        } catch {
            throw .folder(.storage(error))
        }
    }

    private static func save(_ state: SurvivingState<Ledger>, to path: String) throws(BackupError) {
        let time = state.machine.time
        let clock = state.clock ?? ClockRecord(time: time, wall: SystemClocks.wall())
        let backup = Backup(
            head: Backup.Head(
                cluster: state.identity.cluster,
                node: state.identity.node,
                index: state.last.index,
                clock: clock,
                configuration: state.configuration
            ),
            ledger: state.machine
        )
        let file = try BackupFile(path: path, replacing: true)
        do { try backup.write { try file.append($0) } } catch {
            throw error as? BackupError ?? .file(path: path, reason: "\(error)")
        }
        _ = try file.finish()
    }

    private static func refound(
        _ directory: String,
        _ backup: Backup,
        _ ledger: inout Ledger,
        node: String,
        secret: [UInt8]?,
        keeping kept: ClusterID? = nil
    ) throws(BackupError) -> Outcome {
        let cluster = ClusterID(high: Randomness.word(), low: Randomness.word())
        ledger.refound(as: cluster, secret: secret)
        let replica = ReplicaID(high: Randomness.word(), low: Randomness.word())
        let known = backup.head.configuration.members.first { $0.name == node }?.address
        do throws(StorageError) {
            try Storage.refound(
                directory: directory,
                files: PosixFileSystem(),
                settings: StorageSettings(),
                identity: StorageIdentity(cluster: cluster, node: node, replica: replica),
                // A node that starts tells where it is reached.
                address: known ?? "localhost:0",
                machine: ledger,
                index: backup.head.index,
                clock: backup.head.clock,
                keeping: kept
            )
        } catch { throw .folder(.storage(error)) }
        return Outcome(node: node, cluster: cluster, index: backup.head.index, former: nil)
    }
}
