/// What a limit caps.
public enum LimitRole: UInt8, Hashable, Sendable {
    /// Requests without a pass.
    case free = 0
    /// All requests, free and worked together.
    case ceiling = 1
}

/// One limit of a policy as the configuration gives it: a rate and a burst, counted by a key.
public struct LimitDefinition: Hashable, Sendable {
    /// What it caps.
    public var role: LimitRole
    /// The canonical key expression, at most 256 bytes of UTF-8, not empty. To the ledger it is only a name.
    public var key: String
    /// GCRA's emission interval: nanoseconds for one unit to come back, rounded up, at least 1.
    public var interval: UInt64
    /// Units a full bucket holds, at least 1. burst × interval is at most 2⁶².
    public var burst: UInt64

    /// A value of these fields.
    public init(role: LimitRole, key: String, interval: UInt64, burst: UInt64) {
        self.role = role
        self.key = key
        self.interval = interval
        self.burst = burst
    }
}

/// A policy as the configuration gives it.
public struct PolicyDefinition: Hashable, Sendable {
    /// At most 128 bytes of UTF-8, not empty, unlike every other policy's of the revision.
    public var name: String
    /// Keys that have a bucket of their own, in each limit: 1 to ``LedgerBounds/keysPerLimit``. More keys share.
    public var maxKeys: UInt32
    /// At most 16.
    public var limits: [LimitDefinition]

    /// A value of these fields.
    public init(name: String, maxKeys: UInt32, limits: [LimitDefinition]) {
        self.name = name
        self.maxKeys = maxKeys
        self.limits = limits
    }
}

/// Why a revision of the policies was not taken. Indices are places in the command's list.
public enum PolicyRefusal: Hashable, Sendable {
    /// The expected revision is not the current one.
    case revisionConflict(current: UInt64)
    /// More than ``LedgerBounds/policies``.
    case tooManyPolicies
    /// Empty, or longer than ``LedgerBounds/policyNameBytes``.
    case badName(policy: UInt32)
    /// A name occurs twice.
    case duplicateName(policy: UInt32)
    /// 0, or above ``LedgerBounds/keysPerLimit``.
    case badMaxKeys(policy: UInt32)
    /// More than ``LedgerBounds/limits``.
    case tooManyLimits(policy: UInt32)
    /// An empty or overlong key expression.
    case badKey(policy: UInt32, limit: UInt32)
    /// The interval or the burst is 0, or their product is above 2⁶².
    case badRate(policy: UInt32, limit: UInt32)
    /// 2³² identifiers have been assigned since genesis.
    case identifiersExhausted
}
