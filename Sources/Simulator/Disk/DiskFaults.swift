/// What a simulated disk is told to do wrong. Nothing by default.
public struct DiskFaults: Hashable, Sendable {
    /// The kinds of call.
    public enum Call: UInt8, Hashable, Sendable, CaseIterable {
        case makeDirectory, list, open, length, read, write, allocate, truncate, synchronize, synchronizeDirectory
        case rename, remove
    }

    /// The next call of this kind fails with EIO, once.
    public var failing: Call?
    /// Bytes of all files together; beyond it calls fail for want of space.
    public var capacityBytes: Int?
    /// The power fails within the call after so many that change something.
    public var callsToPowerCut: Int?
    /// The process is killed within the call after so many that change something: between a write and its
    /// synchronization, say.
    public var callsToKill: Int?

    /// No fault.
    public init() {}
}
