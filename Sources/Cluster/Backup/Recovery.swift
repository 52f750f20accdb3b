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
/// hashed: quotas and bans go on.
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
        /// What is wrong with it, where something is: what its log held after ``last`` is lost.
        public var damage: String?
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
    }

    typealias Storage = NodeStorage<Ledger, PosixFileSystem>

    /// Looks at a folder, and changes nothing but a torn tail. Where its log is damaged, it finds what can be read of it:
    /// the newest snapshot that is whole, and the log after it up to the damage. Where it holds no state, since its node
    /// waits to be admitted, it finds what that node had set aside there.
    /// - Throws: where a node uses it, or it holds no state.
    public static func survey(directory: String) throws(BackupError) -> Survey {
        let lock = try locked(directory)
        defer { lock.release() }
        try checkRestored(directory)
        let (state, place) = try state(directory)
        return Survey(
            node: state.identity.node,
            cluster: state.identity.cluster,
            members: state.configuration.members.map(\.name).sorted(),
            last: state.last,
            snapshotIndex: state.snapshot.index,
            directory: place,
            damage: state.damage?.description
        )
    }

    /// Makes a folder's node a cluster of one, with the state that ``survey(directory:)`` finds. A damaged log is set aside,
    /// as it is. After a failure or a crash it is to be called again.
    public static func recover(directory: String) throws(BackupError) -> Outcome {
        let lock = try locked(directory)
        defer { lock.release() }
        try checkRestored(directory)
        // What is there is kept as a backup before anything of it goes.
        let path = unfinished(directory)
        if access(path, F_OK) != 0 { try save(try state(directory).state, to: path) }
        let backup = try BackupFile.read(path)
        var ledger = backup.ledger
        let outcome = try refound(directory, backup, &ledger, node: backup.head.node, secret: nil)
        let former = directory + "/before-recovery.backup"
        guard rename(path, former) == 0 else {
            throw .file(path: path, reason: "it cannot be renamed: \(String(cString: strerror(errno)))")
        }
        try BackupFile.synchronizeFolder(of: former)
        return Outcome(node: outcome.node, cluster: outcome.cluster, index: outcome.index, former: former)
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

    private static func locked(_ directory: String) throws(BackupError) -> DirectoryLock {
        do throws(ClusterError) { return try DirectoryLock(directory: directory) } catch { throw .folder(error) }
    }

    private static func state(
        _ directory: String
    ) throws(BackupError) -> (state: SurvivingState<Ledger>, directory: String) {
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
        secret: [UInt8]?
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
                clock: backup.head.clock
            )
        } catch { throw .folder(.storage(error)) }
        return Outcome(node: node, cluster: cluster, index: backup.head.index, former: nil)
    }
}
