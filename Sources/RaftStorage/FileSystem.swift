/// The calls of the operating system that the log and the snapshots are made of. The simulator has another one.
///
/// Synchronous; to be used from one thread at a time. Every call may fail, and says how. Nothing written is durable
/// before ``synchronize(_:)`` of its file has returned, and no name before ``synchronizeDirectory(_:)`` of its folder.
/// After a failed synchronization nobody knows what of the file is on disk: whoever sees one stops.
public protocol FileSystem {
    /// Makes a folder, mode 0700. Its parent must exist. No error if it is there.
    func makeDirectory(_ path: String) throws(FileSystemError)
    /// The names in a folder, sorted, without `.` and `..`.
    func list(_ directory: String) throws(FileSystemError) -> [String]
    /// Opens a file; mode 0600 if it is made.
    func open(_ path: String, _ mode: OpenMode) throws(FileSystemError) -> OpenFile
    /// Closes a file. Synchronizes nothing.
    func close(_ file: OpenFile)
    /// A file's length in bytes.
    func length(_ file: OpenFile) throws(FileSystemError) -> UInt64
    /// Reads `count` bytes at `offset`; fewer only where the file ends.
    func read(_ file: OpenFile, at offset: UInt64, count: Int) throws(FileSystemError) -> [UInt8]
    /// Writes all the bytes at `offset`, or fails; then any part of them may have been written, in whole sectors of 512
    /// bytes of the file, as the kernel writes in pages.
    func write(_ file: OpenFile, _ bytes: [UInt8], at offset: UInt64) throws(FileSystemError)
    /// Makes a file `length` bytes long and reserves the space; what is new reads as zeros.
    func allocate(_ file: OpenFile, length: UInt64) throws(FileSystemError)
    /// Cuts a file to `length` bytes.
    func truncate(_ file: OpenFile, length: UInt64) throws(FileSystemError)
    /// Makes what was written durable, and the length that is needed to read it (fdatasync).
    func synchronize(_ file: OpenFile) throws(FileSystemError)
    /// Makes the names in a folder durable (fsync).
    func synchronizeDirectory(_ path: String) throws(FileSystemError)
    /// Gives a file another name, in place of what has that name.
    func rename(_ path: String, to newPath: String) throws(FileSystemError)
    /// Removes a file's name.
    func remove(_ path: String) throws(FileSystemError)
    /// Removes a folder, which must be empty.
    func removeDirectory(_ path: String) throws(FileSystemError)
}

/// How a file is opened.
public enum OpenMode: Hashable, Sendable {
    /// To read; it must exist.
    case read
    /// To read and write; it must exist.
    case readWrite
    /// To read and write; it must not exist.
    case createNew
}

/// An open file: a number that its file system gave out.
public struct OpenFile: Hashable, Sendable {
    /// The number itself.
    public var rawValue: Int32

    /// A value of these fields.
    public init(rawValue: Int32) { self.rawValue = rawValue }
}

/// Why a call failed.
public struct FileSystemError: Error, Hashable, Sendable {
    /// What kind of failure.
    public enum Reason: Hashable, Sendable {
        /// No such file or folder.
        case notFound
        /// It is there already.
        case exists
        /// No space, or no quota, is left.
        case full
        /// The device failed (EIO), or anything else: the number of the error.
        case failed(errno: Int32)
    }

    /// What kind of failure.
    public var reason: Reason
    /// The call, such as `fdatasync`.
    public var call: String
    /// The path as it was given.
    public var path: String

    /// A value of these fields.
    public init(reason: Reason, call: String, path: String) {
        self.reason = reason
        self.call = call
        self.path = path
    }
}

extension FileSystemError.Reason: CustomStringConvertible {
    /// A few words.
    public var description: String {
        switch self {
        case .notFound: "there is no such file or folder"
        case .exists: "it is there already"
        case .full: "no space is left"
        case .failed(let code): Self.words(code)
        }
    }
}
