import Wire

/// Why bytes are not a message, an entry or a membership. Whoever wrote them is at fault.
public enum RaftDecodingError: Error, Hashable, Sendable {
    /// A field is too long, too short or not what it should be.
    case wire(WireError)
    /// Written by a release that this one does not know.
    case unknownVersion(UInt8)
    /// A kind that this release does not know.
    case unknownKind(UInt8)
    /// A membership that is not sorted, or contradicts itself: ``Configuration/isWellFormed``.
    case malformedConfiguration
    /// Entries that would go on beyond the last index that a log can have.
    case indexOutOfRange
}

/// Runs a reader's calls, and says of their errors that they are of a message.
func decoding<Value>(_ body: () throws(WireError) -> Value) throws(RaftDecodingError) -> Value {
    do { return try body() } catch { throw .wire(error) }
}
