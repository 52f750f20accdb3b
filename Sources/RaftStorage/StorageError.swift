import Raft

/// Why the storage could not do what it was asked.
public enum StorageError: Error, Hashable, Sendable {
    /// There is no such folder to look at.
    case noFolder(directory: String)
    /// Nothing has been created in this folder, or the creation was cut short: create it.
    case absent(directory: String)
    /// The folder has a log already; nothing was changed.
    case exists(directory: String)
    /// A file is not what was written. What this replica promised can no longer be known: it must not vote again.
    case damaged(Damage)
    /// A file is of another release.
    case unsupportedVersion(path: String, version: UInt32)
    /// A later release wrote the content; the text says what of it is not known.
    case laterRelease(path: String, String)
    /// A file belongs to someone else.
    case wrongIdentity(path: String, expected: StorageIdentity, found: StorageIdentity)
    /// No space is left. Nothing of the request counts, the files are as they were: ask again later.
    case full(FileSystemError)
    /// A call failed in a way that leaves unknown what is on disk. Every later call throws ``stopped``: the process ends.
    case fatal(FileSystemError)
    /// An earlier call was fatal.
    case stopped
    /// There is no snapshot of that position, or no longer.
    case noSnapshot(LogPosition)
    /// A snapshot that is being written is not as long as was said: it is thrown away.
    case snapshotLength(expected: UInt64, found: UInt64)

    /// What is wrong with a file, and where.
    public struct Damage: Hashable, Sendable {
        /// The file, or the folder.
        public var path: String
        /// Where, in bytes from the file's beginning.
        public var offset: UInt64
        /// What.
        public var problem: Problem

        /// A value of these fields.
        public init(path: String, offset: UInt64, problem: Problem) {
            self.path = path
            self.offset = offset
            self.problem = problem
        }
    }

    /// The kinds of damage.
    public enum Problem: String, Hashable, Sendable {
        /// A segment's or a snapshot's head.
        case head = "its head does not agree with its checksum"
        /// A head whose fields make no sense.
        case headContent = "its head's content makes no sense"
        /// A file that is shorter, or longer, than its head says.
        case length = "its length is not what its head says"
        /// A record's header.
        case recordHeader = "a record's header does not agree with its checksum"
        /// A record's payload.
        case recordPayload = "a record's payload does not agree with its checksum"
        /// A record that does not follow the one before it.
        case chain = "a record does not follow the one before it"
        /// A record that is missing in part though something later proves that it was synchronized.
        case lostBelowDurable = "something is missing that had been synchronized"
        /// A record whose fields make no sense.
        case recordContent = "a record's content makes no sense"
        /// Entries are missing between the snapshot and the log, or within the log.
        case gap = "entries are missing"
        /// A segment or a snapshot that must be there is not.
        case missing = "it is missing"
        /// A block of a snapshot.
        case block = "a block does not agree with its checksum"
        /// A small file.
        case content = "its content does not agree with its checksum"
        /// A sector that is lost: the call ended with an error of the device.
        case deviceFailed = "the device fails to read it"
        /// A file that another error keeps from being read.
        case unreadable = "it cannot be read"
    }
}

extension StorageError {
    /// Damage to a file.
    static func damage(_ path: String, _ offset: UInt64, _ problem: Problem) -> StorageError {
        .damaged(Damage(path: path, offset: offset, problem: problem))
    }
}

extension StorageError: CustomStringConvertible {
    /// One sentence, with what to do.
    public var description: String {
        switch self {
        case .noFolder(let directory): "\(directory): there is no such folder."
        case .absent(let directory): "\(directory): there is no log here."
        case .exists(let directory): "\(directory): there is a log here already."
        case .damaged(let damage):
            "\(damage) This replica must not vote again: let the cluster replace it. What its folder still holds says "
                + "`tollgate recover --data`."
        case .unsupportedVersion(let path, let version):
            "\(path): written in format \(version), which this release does not know; use the release that wrote it."
        case .laterRelease(let path, let what):
            "\(path): written by a later release (\(what)); start that one."
        case .wrongIdentity(let path, let expected, let found):
            "\(path): belongs to node \(found.node.debugDescription) and not to this replica of node "
                + "\(expected.node.debugDescription); put back the right folder."
        case .full(let error): "\(error.path): no space is left (\(error.call)); make room."
        case .fatal(let error):
            "\(error.path): \(error.call) failed: \(error.reason); \(error.reason.advice)."
        case .stopped: "An earlier failure of the disk stopped the storage; check the disk, then start again."
        case .noSnapshot(let position): "There is no snapshot at index \(position.index.rawValue)."
        case .snapshotLength(let expected, let found):
            "A snapshot of \(found) bytes came where \(expected) bytes were announced."
        }
    }
}

extension StorageError.Damage: CustomStringConvertible {
    /// What is wrong, and where: one sentence.
    public var description: String { "\(path): damaged at byte \(offset): \(problem.rawValue)." }
}
