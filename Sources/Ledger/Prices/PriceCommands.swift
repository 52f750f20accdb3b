/// Sets the cluster's factors of all policies, in place of those of `expectedVersion`.
///
/// The leader follows the load with a ``PriceController`` for each policy and proposes what they say. A factor belongs to a
/// policy and not to all of them, since capacity does: a policy's own, or its upstream's.
public struct PriceChange: Hashable, Sendable {
    /// The version that must stand, so that a deposed leader's late word does nothing. 0 before the first.
    public var expectedVersion: UInt64
    /// Each policy once, at most ``LedgerBounds/policies``. One that is not named has a factor of 1.
    public var factors: [PolicyPrice]

    /// A value of these fields.
    public init(expectedVersion: UInt64, factors: [PolicyPrice]) {
        self.expectedVersion = expectedVersion
        self.factors = factors
    }
}

/// A policy's cluster factor.
public struct PolicyPrice: Hashable, Sendable {
    /// Whose.
    public var policy: PolicyID
    /// 16.16 fixed point, at least ``Price/one``.
    public var factor: UInt32

    /// A value of these fields.
    public init(policy: PolicyID, factor: UInt32) {
        self.policy = policy
        self.factor = factor
    }
}

/// What became of a ``PriceChange``: all of it, or nothing.
public enum PriceOutcome: Hashable, Sendable {
    /// The factors stand, at this version.
    case set(version: UInt64)
    /// Another version stands.
    case conflict(current: UInt64)
    /// A policy does not exist, or exists no more.
    case unknownPolicy
    /// Too many policies, one of them twice, or a factor below 1.
    case invalid
}

/// Counts of challenges that a node issued, by prefix, since its last report: the counts limit issuing, and never raise a
/// price. Anybody can ask for challenges in a neighbour's name; only work done makes it dearer.
public struct IssueReport: Hashable, Sendable {
    /// At most ``LedgerBounds/issueCounts``. The same prefix may occur more than once.
    public var counts: [IssuedCount]

    /// A value of these fields.
    public init(counts: [IssuedCount]) { self.counts = counts }
}

/// How many challenges were issued to one prefix.
public struct IssuedCount: Hashable, Sendable {
    /// Which.
    public var key: QuotaKey
    /// What kind of prefix that is: wider ones may have more.
    public var level: PrefixLevel
    /// How many; 0 asks whether more may be issued.
    public var count: UInt32

    /// A value of these fields.
    public init(key: QuotaKey, level: PrefixLevel, count: UInt32) {
        self.key = key
        self.level = level
        self.count = count
    }
}

/// What became of an ``IssueReport``.
public enum IssueOutcome: Hashable, Sendable {
    /// All were counted. Prefixes that had too many are named, in the report's order; to all others more may be issued.
    case counted(exceeded: [IssueExcess])
    /// More than ``LedgerBounds/issueCounts``.
    case invalid
}

/// A prefix to which no more challenges are to be issued for a while.
public struct IssueExcess: Hashable, Sendable {
    /// Its index in the report.
    public var place: UInt32
    /// How long until one may be issued if nobody issues others.
    public var retryAfterNanoseconds: UInt64

    /// A value of these fields.
    public init(place: UInt32, retryAfterNanoseconds: UInt64) {
        self.place = place
        self.retryAfterNanoseconds = retryAfterNanoseconds
    }
}
