/// Asks for a slice: units of one bucket that a node may spend by itself, for ``LedgerBounds/sliceNanoseconds``.
///
/// They are debited when they are lent, and never come back by themselves: see ``SliceReturn``.
public struct Lend: Hashable, Sendable {
    /// Whose limit it is.
    public var policy: PolicyID
    /// The bucket, as a charge would name it. Its reserve is what must be left after the loan.
    public var limit: LimitCharge
    /// With fewer units than this nothing can be done: then it is refused. 0 counts as 1.
    public var least: UInt32
    /// What waits at the node already. As many are lent, if there are as many, though a slice would be smaller.
    public var wanted: UInt32
    /// Nodes of the cluster, each of which may ask for a slice of what is left. 0 counts as 1.
    public var nodes: UInt8

    /// A value of these fields.
    public init(policy: PolicyID, limit: LimitCharge, least: UInt32, wanted: UInt32, nodes: UInt8) {
        self.policy = policy
        self.limit = limit
        self.least = least
        self.wanted = wanted
        self.nodes = nodes
    }
}

/// Names a slice: the command that lent it. A boot may have several sessions one after the other, and their sequences begin
/// anew, so that both belong to the name.
public struct SliceID: Hashable, Sendable {
    /// The session of that command.
    public var session: SessionID
    /// Its sequence.
    public var sequence: UInt64

    /// A value of these fields.
    public init(session: SessionID, sequence: UInt64) {
        self.session = session
        self.sequence = sequence
    }
}

/// Gives back what is left of a slice, which ends with it.
///
/// What the bucket would have regained since the loan is kept back, so that nothing is had twice: n units that come back
/// after a time t restore max(0, n − rate × t).
public struct SliceReturn: Hashable, Sendable {
    /// Which slice. One of another session than the command's is not known.
    public var slice: SliceID
    /// Units that nobody has spent; more than were lent count as all of them.
    public var units: UInt64

    /// A value of these fields.
    public init(slice: SliceID, units: UInt64) {
        self.slice = slice
        self.units = units
    }
}

/// What became of a ``Lend``.
public enum LendOutcome: Hashable, Sendable {
    /// `units` of the bucket are the node's, from the moment at which this was applied. `state` is the bucket after it.
    case lent(slice: SliceID, units: UInt64, state: LimitState)
    /// Fewer units are left than were asked for at least. `retryAfterNanoseconds` is how long that takes to be otherwise if
    /// nobody charges the bucket and nobody returns, `UInt64.max` where it never is; `outstanding` are the units of the
    /// bucket that are in slices now, some of which may come back.
    case refused(retryAfterNanoseconds: UInt64, state: LimitState, outstanding: UInt64)
    /// An override bans the key; nil: for good.
    case denied(retryAfterNanoseconds: UInt64?)
    /// The ledger does not know what is to be lent.
    case invalid(InvalidCharge)
    /// The ledger holds as many slices as it can: charge it directly.
    case tooManySlices
}

/// What became of a ``SliceReturn``.
public enum ReturnOutcome: Hashable, Sendable {
    /// The slice has ended. `units` is how many whole units the bucket regained.
    case restored(units: UInt64)
    /// No such slice: it was never lent in this session, has been returned, or its time is over.
    case unknown
}

/// A bucket that refused somebody while units of it are out in slices: whoever holds some that lie idle returns them.
public struct SliceRecall: Hashable, Sendable {
    /// Whose limit it is.
    public var policy: PolicyID
    /// The limit.
    public var limit: LimitID
    /// The key that was refused.
    public var key: QuotaKey
    /// Its fallback, whose bucket keys beyond `maxKeys` share.
    public var fallback: QuotaKey

    /// A value of these fields.
    public init(policy: PolicyID, limit: LimitID, key: QuotaKey, fallback: QuotaKey) {
        self.policy = policy
        self.limit = limit
        self.key = key
        self.fallback = fallback
    }
}
