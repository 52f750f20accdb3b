import Wire

/// Why bytes are not a batch or not a snapshot. An ordinary value: the bytes may come from anywhere.
public enum LedgerDecodingError: Error, Hashable, Sendable {
    /// A field is cut short, too long or misformed, or bytes are left over.
    case malformed(WireError)
    /// More bytes than a batch may have.
    case tooLarge(bytes: Int)
    /// The format's version is not one of ours: another release wrote it.
    case unsupportedFormat(UInt8)
    /// A kind of command, or a version of one, that this release knows by name but cannot apply.
    case unsupportedCommand(tag: UInt8, version: UInt8)
    /// A kind of command that no release has.
    case unknownCommand(tag: UInt8)
    /// A field holds a value that it cannot have.
    case invalid(field: String)
    /// The snapshot's content does not add up to the digest that it carries.
    case digestMismatch
}
