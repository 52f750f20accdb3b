/// Why bytes could not be read. Whoever sent them is at fault, never the reader: these are ordinary values, not traps.
public enum WireError: Error, Hashable, Sendable {
    /// The bytes end before the field does.
    case truncated(needed: Int, available: Int)

    /// Bytes are left where the message should have ended.
    case trailingBytes(count: Int)

    /// A length or a count is above the limit that the reader set for it.
    case tooLong(length: UInt64, limit: Int)

    /// A text is not UTF-8.
    case invalidText

    /// A truth value is neither 0 nor 1.
    case invalidBoolean(UInt8)
}
