/// The bounds of the log's files. They may differ from start to start: each file says how long it is.
public struct StorageSettings: Hashable, Sendable {
    /// The shortest segment that can be asked for, in bytes: its head, its first record, and one small entry.
    public static let segmentBytesMin = 2_048
    /// The longest of all, in bytes, whatever is asked for or written: a head that tells of more is damage. Offsets within
    /// a segment fit in 32 bits.
    public static let segmentBytesMax = 1 << 30

    /// The length of a segment in bytes, in whole sectors. A request that is longer gets a segment of its own length.
    /// 16 MiB: writing zeros ahead takes some 10 ms then, less than a heartbeat, and a folder of 1 GiB has 64 files.
    public var segmentBytes = 16 << 20
    /// Snapshots that are kept, at least 1. Two: a follower that is being sent the last but one can be sent all of it.
    public var snapshotsKept = 2
    /// What is written and synchronized of a snapshot at a time, in bytes, before the log has its turn again; at least 1.
    /// 256 KiB: 5 ms of a disk that writes 50 MB/s, a tenth of a heartbeat's interval; a state of a million keys is 100
    /// slices. More would end sooner, and keep what is to be persisted waiting longer.
    public var snapshotSliceBytes = 256 << 10

    /// The defaults.
    public init() {}
}
