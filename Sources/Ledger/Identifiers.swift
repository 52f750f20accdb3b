// The names that commands use. Each is a type of its own: a policy's number is never taken for a limit's.

/// A policy's number, assigned by the ledger when the name first appears in a revision. Never used again.
public struct PolicyID: Hashable, Sendable {
    /// The number itself.
    public var rawValue: UInt32

    /// A value of these fields.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// A limit's number, assigned by the ledger and kept across revisions, with all that its keys have used, as long as the
/// limit is the same: same policy name, role and key expression, and the same place among limits that agree in these.
/// Never used again.
public struct LimitID: Hashable, Sendable {
    /// The number itself.
    public var rawValue: UInt32

    /// A value of these fields.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// What a limit counts by: a 128-bit keyed hash of a client's prefix, a header's value, or a word such as `all`.
///
/// The hash's key is secret and never rotates, so nobody outside can choose keys that collide in a table.
public struct QuotaKey: Hashable, BitwiseCopyable, Sendable {
    /// The first 64 bits.
    public var high: UInt64
    /// The last 64 bits.
    public var low: UInt64

    /// A value of these fields.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// A challenge: the 16 random bytes in its token, as two big-endian numbers.
public struct ChallengeID: Hashable, Sendable {
    /// The first 64 bits.
    public var high: UInt64
    /// The last 64 bits.
    public var low: UInt64

    /// A value of these fields.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// A boot's session: the index of the log entry that opened it.
public struct SessionID: Hashable, Sendable {
    /// The number itself.
    public var rawValue: UInt64

    /// A value of these fields.
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}
